// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: several runs at once, and what it refuses. Skipped (77) without
 * root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"

enum { RUNS = 3, ROUNDS = 20, DRAIN_MS = 5000 };

static const struct watched_path watched[] = {{"/etc/", false}};

/* One run and what it was told. */
struct watched_run {
	struct sensor_run *run;
	char cgroup[1024];
	char path[64]; /* what its processes open */
	atomic_uint own, foreign;
};

static void on_event(void *ctx, struct sensor_run *run, const struct event *event)
{
	struct watched_run *mine = ctx;

	(void)run;
	if (event->type == EVENT_FILE && view_is(event->file.path, mine->path))
		mine->own++;
	else
		mine->foreign++;
}

/* Run n lives n levels deeper than the first. */
static void make_cgroup(struct watched_run *mine, unsigned n)
{
	size_t used;
	struct error err;
	char root[512];

	assert_int_equal(sensor_cgroup_root(root, sizeof(root), &err), 0);
	(void)snprintf(mine->cgroup, sizeof(mine->cgroup), "%s/fangs-runs-test-%d-%u", root,
	               getpid(), n);
	assert_int_equal(mkdir(mine->cgroup, 0755), 0);
	for (unsigned i = 0; i < n; i++) {
		used = strlen(mine->cgroup);
		(void)snprintf(mine->cgroup + used, sizeof(mine->cgroup) - used, "/deeper");
		assert_int_equal(mkdir(mine->cgroup, 0755), 0);
	}
}

static void remove_cgroup(struct watched_run *mine, unsigned n)
{
	for (unsigned i = 0; i <= n; i++) {
		assert_int_equal(rmdir(mine->cgroup), 0);
		*strrchr(mine->cgroup, '/') = '\0';
	}
}

static struct sensor_run *add(struct sensor *sensor, struct watched_run *mine, struct error *err)
{
	struct sensor_run_options options = {
	        .cgroup_path = mine->cgroup,
	        .watched_paths = watched,
	        .watched_path_count = 1,
	        .on_event = on_event,
	        .ctx = mine,
	};

	return sensor_add_run(sensor, &options, err);
}

/* Opens the run's file once, from inside its cgroup. */
static void act(const struct watched_run *mine)
{
	char procs[1100];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", mine->cgroup);
		fd = open(procs, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		(void)open(mine->path, O_RDONLY);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct sensor *open_sensor(void)
{
	const struct sensor_options options = {0};
	struct error err;
	struct sensor *sensor = sensor_open(&options, &err);

	if (!sensor)
		fail_msg("%s", err.text);
	return sensor;
}

static void test_runs_do_not_mix(void **state)
{
	static struct watched_run runs[RUNS];
	struct sensor *sensor = open_sensor();
	struct error err = {0};

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		make_cgroup(&runs[i], i);
		(void)snprintf(runs[i].path, sizeof(runs[i].path), "/etc/fangs-run-%u", i);
		runs[i].run = add(sensor, &runs[i], &err);
		if (!runs[i].run)
			fail_msg("%s", err.text);
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		act(&runs[round % RUNS]);
	/* One leaves while the others go on; its place is given away again. */
	assert_int_equal(sensor_drain(runs[0].run, DRAIN_MS, &err), 0);
	sensor_remove_run(runs[0].run);
	act(&runs[0]);
	act(&runs[1]);
	runs[0].run = add(sensor, &runs[0], &err);
	assert_non_null(runs[0].run);
	act(&runs[0]);
	for (unsigned i = 0; i < RUNS; i++) {
		assert_int_equal(sensor_drain(runs[i].run, DRAIN_MS, &err), 0);
		sensor_remove_run(runs[i].run);
		assert_int_equal(runs[i].foreign, 0);
		remove_cgroup(&runs[i], i);
	}
	assert_int_equal(runs[0].own, 7 + 1);
	assert_int_equal(runs[1].own, 7 + 1);
	assert_int_equal(runs[2].own, 6);
	sensor_close(sensor);
}

static void test_refusals(void **state)
{
	static struct watched_run mine = {.cgroup = "/nonexistent"};
	const struct sensor_options tier = {.tier = "wishful"}, ring = {.file_ring_bytes = 5000};
	struct sensor *sensor = open_sensor();
	struct sensor_run *run;
	struct error err = {0};

	(void)state;
	assert_null(add(sensor, &mine, &err));
	assert_int_equal(err.class, ERROR_DROP);
	(void)snprintf(mine.cgroup, sizeof(mine.cgroup), "/tmp");
	assert_null(add(sensor, &mine, &err));
	assert_non_null(strstr(err.text, "not in the cgroup v2 tree"));
	make_cgroup(&mine, 0);
	run = add(sensor, &mine, &err);
	assert_non_null(run);
	assert_null(add(sensor, &mine, &err)); /* twice */
	assert_non_null(strstr(err.text, "already belongs to a run"));
	sensor_remove_run(run);
	sensor_close(sensor);
	remove_cgroup(&mine, 0);
	assert_null(sensor_open(&tier, &err));
	assert_non_null(strstr(err.text, "unknown sensor tier 'wishful'"));
	assert_null(sensor_open(&ring, &err));
	assert_non_null(strstr(err.text, "power of two"));
}

/* As nobody, in a child: the sentence must say what to do. */
static void test_without_permission(void **state)
{
	const struct sensor_options options = {0};
	struct error err = {0};
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (setuid(65534) < 0 || sensor_open(&options, &err))
			_exit(1);
		_exit(err.code == EPERM && err.class == ERROR_FATAL && strstr(err.text, "CAP_BPF")
		              ? 0
		              : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_runs_do_not_mix),
	        cmocka_unit_test(test_refusals),
	        cmocka_unit_test(test_without_permission),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
