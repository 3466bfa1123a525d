// SPDX-License-Identifier: Apache-2.0
/*
 *	sensor_overhead [REPETITIONS]
 *
 * What the sensor costs, in nanoseconds per operation, for a process
 *
 *	alone     without any sensor
 *	floor     outside of runs, with empty programs on the sensor's tracepoints
 *	idle      outside of runs, the sensor loaded, no run
 *	beside    outside of runs, with empty programs on the tracepoints and on a run's cgroup
 *	outside   outside of runs, the sensor loaded, one run watched
 *	inside    of the run itself
 *
 * All in turn, repetition by repetition, because machines change their pace. Prints the minimum and
 * the median over the repetitions, and the difference to the floor (of `outside` and `inside` that
 *is `beside`): of the minima, and the median of the differences within each repetition. Needs root.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sensor/sensor.h"
#include "sensor_floor.skel.h"

enum {
	REPETITIONS = 15,
	REPETITIONS_MAX = 200,
	CHUNKS = 1500,
	SETTLE_US = 20000,
	DRAIN_MS = 20000,
	FLOOR_PROGRAMS_MAX = 32,
};

enum mode { ALONE, FLOOR, IDLE, BESIDE, OUTSIDE, INSIDE, MODES };
enum operation { OPEN_CLOSE, WRITE, GETPPID, UDP_SEND, OPERATIONS };

static const char *const mode_names[MODES] = {"alone",  "floor",   "idle",
                                              "beside", "outside", "inside"};
static const enum mode floor_of[MODES] = {ALONE, FLOOR, FLOOR, BESIDE, BESIDE, BESIDE};
static const char *const operation_names[OPERATIONS] = {"openat+close", "write", "getppid",
                                                        "UDP send"};
static const int chunk_sizes[OPERATIONS] = {50, 400, 500, 50};

struct samples {
	double ns[MODES][OPERATIONS][REPETITIONS_MAX];
	int count;
};

struct bench {
	struct samples *samples; /* shared with the measured processes */
	char cgroup[SENSOR_CGROUP_PATH_MAX], container[SENSOR_CGROUP_PATH_MAX + 16];
	int to_server, from_server;
};

static double now_ns(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static int udp_to_itself(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	(void)bind(receiver, (struct sockaddr *)&at, size);
	(void)getsockname(receiver, (struct sockaddr *)&at, &size);
	(void)connect(sender, (struct sockaddr *)&at, size);
	return sender;
}

static void operate(enum operation operation, int fd)
{
	switch (operation) {
	case OPEN_CLOSE:
		(void)close(open("/usr/lib/os-release", O_RDONLY));
		break;
	case WRITE:
		(void)!write(fd, "x", 1);
		break;
	case GETPPID:
		(void)syscall(SYS_getppid);
		break;
	default:
		(void)send(fd, "x", 1, MSG_DONTWAIT);
	}
}

/* The fastest of many short runs: what other processes of the machine take away is left out. */
static double measure(enum operation operation)
{
	int fd = operation == WRITE      ? open("/dev/null", O_WRONLY)
	         : operation == UDP_SEND ? udp_to_itself()
	                                 : -1;
	double best = INFINITY;
	for (int chunk = 0; chunk < CHUNKS; chunk++) {
		double start = now_ns();
		for (int i = 0; i < chunk_sizes[operation]; i++)
			operate(operation, fd);
		best = fmin(best, (now_ns() - start) / chunk_sizes[operation]);
	}
	if (fd >= 0)
		(void)close(fd);
	return best;
}

static void enter(const char *cgroup)
{
	char path[2 * SENSOR_CGROUP_PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	(void)close(fd);
}

static void measure_all(struct samples *samples, const struct bench *bench, enum mode mode)
{
	if (mode == INSIDE)
		enter(bench->container);
	for (int i = 0; i < OPERATIONS; i++)
		samples->ns[mode][i][samples->count] = measure((enum operation)i);
}

/* Starts a process for each mode that it reads. It is from before the sensor was loaded, so that
 * all modes begin alike: a process with another number of open files opens the next one at another
 * pace. */
static void serve(const struct bench *bench, int requests, int answers)
{
	enum mode mode;
	while (read(requests, &mode, sizeof(mode)) == sizeof(mode)) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0) {
			measure_all(bench->samples, bench, mode);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid ||
		    write(answers, &status, sizeof(status)) != sizeof(status))
			_exit(1);
	}
	_exit(0);
}

static bool start_server(struct bench *bench)
{
	int requests[2], answers[2];
	if (pipe2(requests, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
		return false;
	bench->to_server = requests[1];
	bench->from_server = answers[0];
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(requests[1]);
		(void)close(answers[0]);
		serve(bench, requests[0], answers[1]);
	}
	(void)close(requests[0]);
	(void)close(answers[1]);
	return pid > 0;
}

static bool measure_in(struct bench *bench, enum mode mode)
{
	int status = 0;
	(void)usleep(SETTLE_US);
	return write(bench->to_server, &mode, sizeof(mode)) == sizeof(mode) &&
	       read(bench->from_server, &status, sizeof(status)) == sizeof(status) && status == 0;
}

/* Floors. ----------------------------------------------------------------------------------- */

static bool is_on_cgroup(const struct bpf_program *program)
{
	return strncmp(bpf_program__section_name(program), "cgroup", strlen("cgroup")) == 0;
}

/* Leaves out what this kernel does not have. */
static struct sensor_floor *floor_load(void)
{
	struct sensor_floor *floor = sensor_floor__open();
	struct bpf_program *program;
	if (!floor)
		return NULL;
	bpf_object__for_each_program(program, floor->obj)
	{
		const char *name = strchr(bpf_program__section_name(program), '/') + 1;
		if (!is_on_cgroup(program) &&
		    libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) < 0)
			(void)bpf_program__set_autoload(program, false);
	}
	if (sensor_floor__load(floor) == 0)
		return floor;
	sensor_floor__destroy(floor);
	return NULL;
}

static bool with_floor(struct bench *bench, enum mode mode)
{
	struct sensor_floor *floor = floor_load();
	int cgroup = open(bench->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_link *links[FLOOR_PROGRAMS_MAX] = {0};
	struct bpf_program *program;
	size_t count = 0;
	bool ok = floor && cgroup >= 0;
	if (!ok)
		return false;
	bpf_object__for_each_program(program, floor->obj)
	{
		if (!bpf_program__autoload(program) || (is_on_cgroup(program) && mode == FLOOR))
			continue;
		links[count] = is_on_cgroup(program) ? bpf_program__attach_cgroup(program, cgroup)
		                                     : bpf_program__attach(program);
		ok = ok && links[count++];
	}
	ok = ok && measure_in(bench, mode);
	for (size_t i = 0; i < count; i++)
		(void)bpf_link__destroy(links[i]);
	(void)close(cgroup);
	sensor_floor__destroy(floor);
	return ok;
}

/* The sensor. ------------------------------------------------------------------------------- */

static void on_event(void *ctx, struct sensor_run *run, const struct event *event)
{
	(void)ctx, (void)run, (void)event;
}

static bool with_sensor(struct bench *bench, struct error *err)
{
	static const struct watched_path watched[] = {{"/root/", false}, {"/usr/", false}};
	const struct sensor_options options = {0};
	const struct sensor_run_options run = {
	        .cgroup_path = bench->cgroup,
	        .watched_paths = watched,
	        .watched_path_count = sizeof(watched) / sizeof(*watched),
	        .on_event = on_event,
	};
	struct sensor *sensor = sensor_open(&options, err);
	if (!sensor)
		return false;
	bool ok = measure_in(bench, IDLE);
	struct sensor_run *watched_run = sensor_add_run(sensor, &run, err);
	ok = ok && watched_run && measure_in(bench, OUTSIDE) && measure_in(bench, INSIDE) &&
	     sensor_drain(watched_run, DRAIN_MS, err) == 0;
	sensor_remove_run(watched_run);
	sensor_close(sensor);
	return ok;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static double median_difference(const double *a, const double *b, int count)
{
	double differences[REPETITIONS_MAX];
	for (int i = 0; i < count; i++)
		differences[i] = a[i] - b[i];
	return median(differences, count);
}

static void print_operation(struct samples *samples, enum operation operation)
{
	double paired[MODES], minimum[MODES], middle[MODES];
	for (int mode = 0; mode < MODES; mode++)
		paired[mode] =
		        median_difference(samples->ns[mode][operation],
		                          samples->ns[floor_of[mode]][operation], samples->count);
	for (int mode = 0; mode < MODES; mode++) {
		middle[mode] = median(samples->ns[mode][operation], samples->count);
		minimum[mode] = samples->ns[mode][operation][0]; /* sorted now */
	}
	for (int mode = 0; mode < MODES; mode++)
		(void)printf("%-14s %-8s %9.1f %9.1f %12.1f %12.1f %12.1f\n",
		             operation_names[operation], mode_names[mode], minimum[mode],
		             middle[mode], minimum[mode] - minimum[ALONE],
		             minimum[mode] - minimum[floor_of[mode]], paired[mode]);
}

static void print_results(struct samples *samples)
{
	(void)printf("%-14s %-8s %9s %9s %12s %12s %12s\n", "ns", "mode", "minimum", "median",
	             "over alone", "over floor", "paired");
	for (int i = 0; i < OPERATIONS; i++)
		print_operation(samples, (enum operation)i);
}

static int make_cgroups(struct bench *bench, struct error *err)
{
	char root[SENSOR_CGROUP_PATH_MAX - 64];
	int r = sensor_cgroup_root(root, sizeof(root), err);
	if (r < 0)
		return r;
	(void)snprintf(bench->cgroup, sizeof(bench->cgroup), "%s/fangs-bench-%d", root, getpid());
	(void)snprintf(bench->container, sizeof(bench->container), "%s/container", bench->cgroup);
	if (mkdir(bench->cgroup, 0755) < 0 || mkdir(bench->container, 0755) < 0)
		return error_set_errno(err, errno, "cannot make '%s'", bench->container);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	struct error err = {0};
	long repetitions = argc > 1 ? strtol(argv[1], NULL, 10) : REPETITIONS;
	bench.samples = mmap(NULL, sizeof(*bench.samples), PROT_READ | PROT_WRITE,
	                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool ok = bench.samples != MAP_FAILED && make_cgroups(&bench, &err) == 0 &&
	          start_server(&bench);
	for (int i = 0; ok && i < repetitions && i < REPETITIONS_MAX; i++) {
		bench.samples->count = i;
		ok = measure_in(&bench, ALONE) && with_floor(&bench, FLOOR) &&
		     with_floor(&bench, BESIDE) && with_sensor(&bench, &err);
	}
	(void)rmdir(bench.container);
	(void)rmdir(bench.cgroup);
	if (!ok) {
		(void)fprintf(stderr, "sensor_overhead: %s\n", err.text);
		return EXIT_FAILURE;
	}
	bench.samples->count++;
	print_results(bench.samples);
	return EXIT_SUCCESS;
}
