// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: another task puts another file in the place of a descriptor
 * before the call that made it returns. Skipped (77) without root. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "act_fixture.h"
#include "base/clock.h"
#include "kernel_fixture.h"
#include "witness.h"

enum {
	RACES = 100000, /* at most; see ACT_RACE_MS */
	FOLDER = 1000,
	PATH_SIZE = 64,
	PAUSE_US = 20000,
	DECIMAL = 10
};

/* The fixture watches /mnt/in/. */
#define IN "/mnt/in/"
#define DECOY "/mnt/decoy"

struct swap_race {
	int to_test[2], to_race[2];
	struct swapper *swapper; /* in memory that the processes share */
};

static void secret_path(char path[PATH_SIZE], int number)
{
	(void)snprintf(path, PATH_SIZE, IN "%d/%d", number / FOLDER, number % FOLDER);
}

/* By another process: what the racing one does is all that is known of it. */
static void make_secrets(void)
{
	char path[PATH_SIZE];
	pid_t pid = fork();

	act_need(pid);
	if (pid) {
		(void)waitpid(pid, NULL, 0);
		return;
	}
	for (int i = 0; i < RACES; i++) {
		if (i % FOLDER == 0) {
			(void)snprintf(path, sizeof(path), IN "%d", i / FOLDER);
			act_need(mkdir(path, 0755));
		}
		secret_path(path, i);
		act_make(path);
	}
	_exit(0);
}

struct swapper {
	int expected, decoy;
	atomic_int copy; /* of the secret: -1 none yet */
	size_t races;    /* how many there were in the time */
	uint64_t fooled; /* how often the descriptor was another file at the return */
};

/* Takes the secret away the moment it is there. */
static void swapper_main(void *ctx)
{
	struct swapper *swapper = ctx;

	for (;;) {
		int copy;

		if (atomic_load(&swapper->copy) >= 0) {
			(void)sched_yield();
			continue;
		}
		copy = fcntl(swapper->expected, F_DUPFD_CLOEXEC, 100);
		if (copy < 0)
			continue;
		(void)dup2(swapper->decoy, swapper->expected);
		atomic_store(&swapper->copy, copy);
	}
}

static void race_once(struct swapper *swapper, int number, uint64_t *fooled)
{
	struct stat now, secret;
	char path[PATH_SIZE];
	int fd;

	secret_path(path, number);
	atomic_store(&swapper->copy, -1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	act_need(fd);
	act_need(fstat(fd, &now));
	while (atomic_load(&swapper->copy) < 0)
		(void)sched_yield();
	act_need(fstat(swapper->copy, &secret));
	if (now.st_ino != secret.st_ino)
		++*fooled;
	(void)close(fd);
	(void)close(swapper->copy);
}

static int act_swap(void *ctx)
{
	struct swap_race *race = ctx;
	struct swapper *swapper = race->swapper;
	pid_t pid = getpid(), other;
	char go;

	act_leave_mounts();
	act_need(mount("none", "/mnt", "tmpfs", 0, NULL));
	act_need(mkdir("/mnt/in", 0755));
	act_make(DECOY);
	make_secrets();
	act_need(write(race->to_test[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : -1);
	act_need(read(race->to_race[0], &go, 1) == 1 ? 0 : -1);
	swapper->decoy = open(DECOY, O_RDONLY | O_CLOEXEC);
	swapper->expected = dup(swapper->decoy); /* what the next open will get */
	(void)close(swapper->expected);
	other = act_start_racer(swapper_main, swapper);
	int64_t deadline_ms = clock_monotonic_ms() + ACT_RACE_MS;
	for (int i = 0; i < RACES && clock_monotonic_ms() < deadline_ms; i++) {
		race_once(swapper, i, &swapper->fooled);
		swapper->races++;
		if (i % FOLDER == 0) /* the race is the point, not a flood */
			(void)usleep(PAUSE_US);
	}
	act_stop_racer(other);
	return 0;
}

static unsigned char told[RACES];
static struct kernel_fixture fixture;

static void count_told(struct kernel_fixture *counting, const struct event *event)
{
	char path[PATH_SIZE];
	char *end = NULL;
	long number;

	if (event->type != EVENT_FILE || event->file.operation != FILE_OPEN ||
	    event->file.flags & O_CREAT)
		return;
	(void)snprintf(path, sizeof(path), "%.*s", VIEW_ARG(event->file.path));
	number = strncmp(path, IN, sizeof(IN) - 1) == 0
	                 ? strtol(path + sizeof(IN) - 1, &end, DECIMAL) * FOLDER
	                 : RACES;
	if (end && *end == '/')
		number += strtol(end + 1, NULL, DECIMAL);
	if (number < 0 || number >= RACES) {
		counting->counts[0]++; /* wrong */
		return;
	}
	told[number] = 1;
}

static void *mark_main(void *arg)
{
	struct swap_race *race = arg;
	struct error err = {0};
	pid_t pid;

	if (read(race->to_test[0], &pid, sizeof(pid)) != sizeof(pid))
		return NULL;
	if (sensor_watch_mounts(fixture.run, pid, &err) < 0)
		print_message("  %s\n", err.text);
	(void)!write(race->to_race[1], "", 1);
	return NULL;
}

static void test_swapped_descriptor(void **state)
{
	const struct sensor_options options = {0};
	struct sensor_stats stats;
	struct swap_race race;
	pthread_t thread;
	size_t missing = 0;

	(void)state;
	kernel_fixture_open(&fixture, &options);
	fixture.on_event = count_told;
	race.swapper = act_share(sizeof(*race.swapper));
	assert_int_equal(pipe2(race.to_test, O_CLOEXEC) | pipe2(race.to_race, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, mark_main, &race), 0);
	assert_int_equal(kernel_fixture_run(&fixture, act_swap, &race), 0);
	(void)pthread_join(thread, NULL);
	for (size_t i = 0; i < race.swapper->races; i++)
		missing += !told[i];
	sensor_run_stats(fixture.run, &stats);
	print_message("  %zu races, descriptor swapped at the return in %llu, told only by the "
	              "second witness %llu, missing %zu, wrong %llu\n",
	              race.swapper->races, (unsigned long long)race.swapper->fooled,
	              (unsigned long long)stats.only_witnessed, missing,
	              (unsigned long long)fixture.counts[0]);
	assert_int_equal(stats.lost_total, stats.witness_overflowed);
	/* On a host that is busy enough the witness is not read in time, and says so. */
	if (!stats.witness_overflowed)
		assert_int_equal(missing, 0);
	assert_int_equal(fixture.counts[0], 0);
	kernel_fixture_close(&fixture);
}

/* The last one of a sandbox opens a file and ends; with it would end the mounts. */
static void opener_main(int to_test, int to_race)
{
	pid_t pid = getpid();
	char go;

	act_leave_mounts();
	act_need(mount("none", "/mnt", "tmpfs", 0, NULL));
	act_need(mkdir("/mnt/in", 0755));
	act_make(IN "last");
	act_need(write(to_test, &pid, sizeof(pid)) == sizeof(pid) ? 0 : -1);
	act_need(read(to_race, &go, 1) == 1 ? 0 : -1);
	act_need(open(IN "last", O_RDONLY | O_CLOEXEC));
	_exit(0);
}

static bool nothing_is_settled(void *ctx, const struct witnessed *event)
{
	(void)ctx;
	(void)event;
	return false;
}

static void keep_path(void *ctx, const struct witnessed *event)
{
	(void)snprintf(ctx, PATH_SIZE, "%.*s", VIEW_ARG(event->path));
}

static void test_paths_outlive_the_sandbox(void **state)
{
	char path[PATH_SIZE] = "";
	const struct witness_handler handler = {nothing_is_settled, keep_path, path};
	struct witness witness;
	int to_test[2], to_race[2];
	struct error err = {0};
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(to_test, O_CLOEXEC) | pipe2(to_race, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		opener_main(to_test[1], to_race[0]);
	assert_int_equal(read(to_test[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(witness_open(&witness, &err), 0);
	assert_true(witness_mark(&witness, pid, &err) > 0);
	assert_int_equal(write(to_race[1], "", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(witness_read(&witness, 1000, &handler) > 0);
	assert_string_equal(path, IN "last");
	witness_close(&witness);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_swapped_descriptor),
	        cmocka_unit_test(test_paths_outlive_the_sandbox),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
