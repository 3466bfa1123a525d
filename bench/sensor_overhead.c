// SPDX-License-Identifier: Apache-2.0
/*
 *	sensor_overhead [REPETITIONS]
 *
 * What the sensor costs, in nanoseconds per operation, for a process
 *
 *	alone     without any sensor
 *	floor     outside of runs, with empty programs on the sensor's hooks
 *	idle      outside of runs, the sensor loaded, no run
 *	outside   outside of runs, the sensor loaded, one run watched
 *	inside    of the run itself
 *
 * All in turn, repetition by repetition, because machines change their pace. Prints the minimum and
 * the median over the repetitions, and the differences of the minima. Needs root.
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
	DRAIN_MS = 20000
};

enum mode { ALONE, FLOOR, IDLE, OUTSIDE, INSIDE, MODES };
enum operation { OPEN_CLOSE, WRITE, GETPPID, UDP_SEND, OPERATIONS };

static const char *const mode_names[MODES] = {"alone", "floor", "idle", "outside", "inside"};
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
	struct sensor *sensor;
	struct sensor_run *run;
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

/* In a process of its own, so that all modes begin alike. */
static bool measure_all(struct bench *bench, enum mode mode)
{
	(void)usleep(SETTLE_US);
	pid_t pid = fork();
	if (pid == 0) {
		if (mode == INSIDE)
			enter(bench->container);
		for (int i = 0; i < OPERATIONS; i++)
			bench->samples->ns[mode][i][bench->samples->count] =
			        measure((enum operation)i);
		_exit(0);
	}
	int status = 0;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool with_floor(struct bench *bench)
{
	struct sensor_floor *floor = sensor_floor__open();
	struct bpf_program *program;
	bpf_object__for_each_program(program, floor->obj)
	{
		const char *name = strchr(bpf_program__section_name(program), '/') + 1;
		if (libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) < 0)
			(void)bpf_program__set_autoload(program, false);
	}
	bool ok = sensor_floor__load(floor) == 0;
	struct bpf_link *links[16] = {0};
	size_t count = 0;
	bpf_object__for_each_program(program, floor->obj)
	{
		if (ok && bpf_program__autoload(program))
			links[count++] = bpf_program__attach(program);
	}
	ok = ok && measure_all(bench, FLOOR);
	for (size_t i = 0; i < count; i++)
		(void)bpf_link__destroy(links[i]);
	sensor_floor__destroy(floor);
	return ok;
}

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
	bench->sensor = sensor_open(&options, err);
	if (!bench->sensor)
		return false;
	bool ok = measure_all(bench, IDLE);
	bench->run = sensor_add_run(bench->sensor, &run, err);
	ok = ok && bench->run && measure_all(bench, OUTSIDE) && measure_all(bench, INSIDE) &&
	     sensor_drain(bench->run, DRAIN_MS, err) == 0;
	sensor_remove_run(bench->run);
	sensor_close(bench->sensor);
	return ok;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void print_results(struct samples *samples)
{
	(void)printf("%-14s %-8s %9s %9s %12s %12s\n", "ns", "mode", "minimum", "median",
	             "over alone", "over floor");
	for (int i = 0; i < OPERATIONS; i++) {
		for (int mode = 0; mode < MODES; mode++) {
			double *ns = samples->ns[mode][i];
			qsort(ns, (size_t)samples->count, sizeof(*ns), compare);
			(void)printf("%-14s %-8s %9.1f %9.1f %12.1f %12.1f\n", operation_names[i],
			             mode_names[mode], ns[0], ns[samples->count / 2],
			             ns[0] - samples->ns[ALONE][i][0],
			             mode < FLOOR ? 0.0 : ns[0] - samples->ns[FLOOR][i][0]);
		}
	}
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
	bool ok = bench.samples != MAP_FAILED && make_cgroups(&bench, &err) == 0;
	for (int i = 0; ok && i < repetitions && i < REPETITIONS_MAX; i++) {
		bench.samples->count = i;
		ok = measure_all(&bench, ALONE) && with_floor(&bench) && with_sensor(&bench, &err);
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
