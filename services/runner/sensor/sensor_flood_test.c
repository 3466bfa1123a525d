// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: what matters is seen in a flood of opens, and what is lost is
 * counted. Skipped (77) without root. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"

enum { FILES = 100000, FOLDER = 1000, ROUNDS = 10, PATH_SIZE = 64, DISCARD_PORT = 9 };

/* The fixture watches /mnt/in/, and /mnt/in/secret as a credential. */
#define IN "/mnt/in/"

struct flood {
	int files, rounds;
};

enum { COUNT_FILES, COUNT_SECRET, COUNT_EXEC, COUNT_CONNECT };

static struct kernel_fixture fixture;

static void count(struct kernel_fixture *counting, const struct event *event)
{
	if (event->type == EVENT_FILE) {
		counting->counts[COUNT_FILES]++;
		counting->counts[COUNT_SECRET] += view_is(event->file.path, IN "secret");
	}
	counting->counts[COUNT_EXEC] += event->type == EVENT_EXEC;
	counting->counts[COUNT_CONNECT] += event->type == EVENT_CONNECT;
}

static void open_and_close(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		_exit(2);
	(void)close(fd);
}

static void hide(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/true", "true", NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)close(fd);
	open_and_close(IN "secret");
}

static int act(void *ctx)
{
	const struct flood *flood = ctx;
	char path[PATH_SIZE];

	for (int round = 0; round < flood->rounds; round++) {
		for (int i = 0; i < flood->files; i++) {
			(void)snprintf(path, sizeof(path), IN "%d/%d", i / FOLDER, i % FOLDER);
			open_and_close(path);
		}
		if (round == flood->rounds / 2)
			hide();
	}
	return 0;
}

static int make_files(void **state)
{
	char path[PATH_SIZE];

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/mnt", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/mnt/in", 0755), 0);
	for (int i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), IN "%d", i / FOLDER);
		if (i % FOLDER == 0)
			assert_int_equal(mkdir(path, 0755), 0);
		(void)snprintf(path, sizeof(path), IN "%d/%d", i / FOLDER, i % FOLDER);
		assert_int_equal(close(creat(path, 0644)), 0);
	}
	return close(creat(IN "secret", 0600));
}

/* The same without the flood: what the exec opens on this host. */
static uint64_t quiet_count(void)
{
	const struct sensor_options options = {0};
	struct flood none = {0, 1};

	kernel_fixture_open(&fixture, &options);
	fixture.on_event = count;
	assert_int_equal(kernel_fixture_run(&fixture, act, &none), 0);
	kernel_fixture_close(&fixture);
	return fixture.counts[COUNT_FILES];
}

static void flood_with(const struct sensor_options *options, bool must_lose)
{
	struct flood flood = {FILES, ROUNDS};
	uint64_t quiet = quiet_count();
	struct sensor_stats stats;

	kernel_fixture_open(&fixture, options);
	fixture.on_event = count;
	assert_int_equal(kernel_fixture_run(&fixture, act, &flood), 0);
	sensor_run_stats(fixture.run, &stats);
	print_message("  %d opens: %llu told, %llu repeats, %llu lost\n", FILES * ROUNDS,
	              (unsigned long long)stats.events[EVENT_FILE],
	              (unsigned long long)stats.repeats,
	              (unsigned long long)stats.lost[EVENT_FILE]);
	assert_int_equal(fixture.counts[COUNT_SECRET], 1);
	assert_int_equal(fixture.counts[COUNT_EXEC], 1);
	assert_int_equal(fixture.counts[COUNT_CONNECT], 1);
	assert_int_equal(stats.missed, 0);
	assert_int_equal(stats.unaggregated, 0);
	assert_int_equal(stats.events[EVENT_FILE] + stats.lost[EVENT_FILE], FILES + quiet);
	assert_int_equal(stats.lost_total, stats.lost[EVENT_FILE]);
	if (must_lose)
		assert_true(stats.lost[EVENT_FILE] > 0);
	kernel_fixture_close(&fixture);
}

static void test_flood(void **state)
{
	const struct sensor_options options = {0};

	(void)state;
	flood_with(&options, false);
}

static void test_flood_with_a_small_ring(void **state)
{
	/* Never enough for one round, and read too seldom. */
	const struct sensor_options options = {.file_ring_bytes = 16384, .poll_interval_ms = 500};

	(void)state;
	flood_with(&options, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flood),
	        cmocka_unit_test(test_flood_with_a_small_ring),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, make_files, NULL);
}
