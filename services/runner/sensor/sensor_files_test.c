// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: opens of files. Skipped (77) without root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"

static void go_to(const char *directory)
{
	if (chdir(directory) < 0)
		_exit(1);
}

static int act_present(void *ctx)
{
	int dir = open("/etc", O_RDONLY | O_DIRECTORY);
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

	(void)ctx;
	(void)open("/etc/hostname", O_RDONLY);
	go_to("/etc");
	(void)open("hosts", O_RDONLY);
	(void)openat(dir, "../etc/./group", O_RDONLY);
	(void)syscall(SYS_openat2, dir, "passwd", &how, sizeof(how));
	(void)open("/proc/self/root/etc/resolv.conf", O_RDONLY);
	(void)open("/proc/self/environ", O_RDONLY);
	(void)open("/usr/bin/env", O_RDONLY);
	return 0;
}

static void test_present(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	kernel_fixture_run(fixture, act_present, NULL);
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/etc/hostname");
	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->process.ppid, getpid());
	assert_true(event->process.start_ns > 0);
	assert_int_equal(event->process.tags, EVENT_TAG_INTERESTING);
	assert_int_equal(event->process.actor, ACTOR_MANAGER);
	assert_true(event->file.result >= 0);
	assert_int_equal(event->file.flags & O_ACCMODE, O_RDONLY);
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc");
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/hosts");
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/group");
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/passwd");
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/resolv.conf");
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/proc/self/environ");
	assert_int_equal(event->process.tags, EVENT_TAG_INTERESTING | EVENT_TAG_CRED);
	kernel_fixture_expect_none(fixture, EVENT_FILE, "/usr/bin/env");
}

static int act_symlink(void *ctx)
{
	int fd;

	(void)ctx;
	(void)unlink("/tmp/fangs-sensor-link");
	if (symlink("/etc/shadow", "/tmp/fangs-sensor-link") < 0)
		return 1;
	(void)open("/tmp/fangs-sensor-link", O_RDONLY);
	(void)unlink("/tmp/fangs-sensor-link");
	fd = creat("/tmp/fangs-sensor-new", 0600);
	(void)close(fd);
	(void)unlink("/tmp/fangs-sensor-new");
	return 0;
}

static void test_symlink_and_creat(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	size_t from = 0;

	kernel_fixture_run(fixture, act_symlink, NULL);
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/etc/shadow");
	assert_true(event->process.tags & EVENT_TAG_CRED);
	event = kernel_fixture_find(fixture, EVENT_FILE, "/tmp/fangs-sensor-link", &from);
	while (event && event->file.result < 0) /* left over from an earlier run: unlinked */
		event = kernel_fixture_find(fixture, EVENT_FILE, "/tmp/fangs-sensor-link", &from);
	if (!event) {
		fail_msg("the link was not told");
		return;
	}
	assert_int_equal(event->file.operation, FILE_SYMLINK); /* made, but never opened */
	event = kernel_fixture_find(fixture, EVENT_FILE, "/tmp/fangs-sensor-link", &from);
	if (!event) {
		fail_msg("its end was not told");
		return;
	}
	assert_int_equal(event->file.operation, FILE_UNLINK);
	assert_null(kernel_fixture_find(fixture, EVENT_FILE, "/tmp/fangs-sensor-link", &from));
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/tmp/fangs-sensor-new");
	assert_int_equal(event->file.flags & (O_CREAT | O_ACCMODE), O_CREAT | O_WRONLY);
}

static int act_absent(void *ctx)
{
	(void)ctx;
	(void)open("/root/.ssh/fangs-no-such-key", O_RDONLY);
	(void)open("/root/.ssh/fangs-no-such-folder/key", O_RDONLY);
	go_to("/etc");
	(void)open("fangs-absent", O_RDWR);
	(void)open("/usr/../etc/./fangs-dotted", O_RDONLY);
	(void)open("/usr/fangs-unwatched", O_RDONLY);
	go_to("/");
	(void)open("etc/fangs-below-root", O_RDONLY);
	return 0;
}

static void test_absent(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	kernel_fixture_run(fixture, act_absent, NULL);
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/root/.ssh/fangs-no-such-key");
	assert_int_equal(event->file.result, -ENOENT);
	assert_true(event->process.tags & EVENT_TAG_CRED);
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/root/.ssh/fangs-no-such-folder/key");
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/etc/fangs-absent");
	assert_int_equal(event->file.flags & O_ACCMODE, O_RDWR);
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/fangs-dotted");
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/fangs-below-root");
	kernel_fixture_expect_none(fixture, EVENT_FILE, "/usr/fangs-unwatched");
}

static int act_looks(void *ctx)
{
	struct stat status;
	char target[64];
	int ssh = open("/root", O_PATH | O_DIRECTORY);

	(void)ctx;
	(void)access("/etc/shadow", F_OK);
	(void)access("/etc/shadow", R_OK); /* says nothing new */
	(void)stat("/root/.ssh/fangs-no-such-key", &status);
	(void)!faccessat(ssh, ".ssh/../.ssh/fangs-odd", F_OK, 0);
	(void)!readlinkat(ssh, ".ssh/fangs-link", target, sizeof(target));
	(void)syscall(SYS_statx, ssh, ".ssh/fangs-statx", 0, 0, &status);
	(void)stat("/etc/hostname", &status); /* no credential */
	(void)fstat(ssh, &status);
	return 0;
}

static void test_looks_at_credentials(void **state)
{
	static const char *const absent[] = {"no-such-key", "odd", "link", "statx"};
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	struct sensor_stats stats;
	size_t from = 0;

	kernel_fixture_run(fixture, act_looks, NULL);
	event = kernel_fixture_find(fixture, EVENT_FILE, "/etc/shadow", &from);
	assert_non_null(event);
	assert_int_equal(event->file.operation, FILE_STAT);
	assert_int_equal(event->file.result, 0);
	assert_int_equal(event->file.flags, O_PATH);
	assert_true(event->process.tags & EVENT_TAG_CRED);
	assert_null(kernel_fixture_find(fixture, EVENT_FILE, "/etc/shadow", &from));
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/root/.ssh/fangs-%s", absent[i]);
		event = kernel_fixture_expect(fixture, EVENT_FILE, path);
		assert_int_equal(event->file.operation, FILE_STAT);
		assert_int_equal(event->file.result, -ENOENT);
	}
	kernel_fixture_expect_none(fixture, EVENT_FILE, "/etc/hostname");
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.repeats, 1);
	assert_int_equal(stats.lost_total, 0);
}

static int act_nonresident(void *ctx)
{
	int fd = open("/tmp/fangs-sensor-page", O_RDWR | O_CREAT | O_TRUNC, 0600);
	static const char path[] = "/etc/fangs-nonresident";
	char *page;

	(void)ctx;
	if (write(fd, path, sizeof(path)) != (ssize_t)sizeof(path))
		return 1;
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)unlink("/tmp/fangs-sensor-page");
	(void)open(page, O_RDONLY); /* the kernel is the first to touch the page */
	return 0;
}

static void test_nonresident_name(void **state)
{
	struct kernel_fixture *fixture = *state;

	kernel_fixture_run(fixture, act_nonresident, NULL);
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/fangs-nonresident");
}

#if defined(__x86_64__)
static int act_compat(void *ctx)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result;

	(void)ctx;
	memcpy(low, "/etc/issue", sizeof("/etc/issue"));
	__asm__ volatile("int $0x80" /* 5: open of the 32-bit table */
	                 : "=a"(result)
	                 : "a"(5L), "b"(low), "c"(0L), "d"(0L)
	                 : "memory", "r8", "r9", "r10", "r11");
	return result < 0;
}

static void test_compat_call(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (kernel_fixture_run(fixture, act_compat, NULL) != 0)
		skip(); /* kernel without 32-bit calls */
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/issue");
}
#endif

/* One openat through a ring, by hand; `ctx` is the path. */
static int act_io_uring(void *ctx)
{
	struct io_uring_params params = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	unsigned char *sq;
	struct io_uring_sqe *sqe;

	if (ring < 0)
		return KERNEL_FIXTURE_SKIP;
	sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, params.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
	           IORING_OFF_SQES);
	sqe->opcode = IORING_OP_OPENAT;
	sqe->fd = AT_FDCWD;
	sqe->addr = (uint64_t)(uintptr_t)ctx;
	sqe->open_flags = O_RDONLY;
	((unsigned *)(void *)(sq + params.sq_off.array))[0] = 0;
	atomic_store((_Atomic unsigned *)(void *)(sq + params.sq_off.tail), 1);
	return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1
	               ? 0
	               : KERNEL_FIXTURE_SKIP;
}

static void test_io_uring(void **state)
{
	static char present[] = "/etc/services", absent[] = "/root/.ssh/fangs-no-such-key",
	            unwatched[] = "/usr/fangs-unwatched";
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	if (kernel_fixture_run(fixture, act_io_uring, present) != 0 ||
	    kernel_fixture_run(fixture, act_io_uring, absent) != 0 ||
	    kernel_fixture_run(fixture, act_io_uring, unwatched) != 0)
		skip();
	(void)kernel_fixture_expect(fixture, EVENT_FILE, present);
	event = kernel_fixture_expect(fixture, EVENT_FILE, absent);
	assert_int_equal(event->file.result, -ENOENT);
	assert_int_equal(event->file.operation, FILE_OPEN);
	assert_true(event->process.tags & EVENT_TAG_CRED);
	kernel_fixture_expect_none(fixture, EVENT_FILE, unwatched);
}

enum { FLOOD = 5000 };

static int act_flood(void *ctx)
{
	char path[64];

	(void)ctx;
	for (int i = 0; i < FLOOD; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/fangs-flood-%d", i);
		(void)open(path, O_RDONLY);
	}
	(void)open("/root/.ssh/fangs-hidden-in-the-flood", O_RDONLY);
	return 0;
}

static void test_loss_is_counted(void **state)
{
	struct sensor_options options = {.file_ring_bytes = 16384, .poll_interval_ms = 2000};
	static struct kernel_fixture fixture;
	struct sensor_stats stats;

	(void)state;
	kernel_fixture_open(&fixture, &options);
	kernel_fixture_run(&fixture, act_flood, NULL);
	(void)kernel_fixture_expect(&fixture, EVENT_FILE, "/root/.ssh/fangs-hidden-in-the-flood");
	sensor_run_stats(fixture.run, &stats);
	assert_true(stats.lost[EVENT_FILE] > 0);
	assert_int_equal(stats.lost[EVENT_FILE] + stats.events[EVENT_FILE], FLOOD + 1);
	assert_int_equal(stats.lost_total, stats.lost[EVENT_FILE]);
	assert_int_equal(stats.malformed, 0);
	kernel_fixture_close(&fixture);
}

static void test_nothing_is_lost(void **state)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_stats stats;

	kernel_fixture_run(fixture, act_flood, NULL);
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.lost_total, 0);
	assert_int_equal(stats.events[EVENT_FILE], FLOOD + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_FIXTURE_TEST(test_present),
		KERNEL_FIXTURE_TEST(test_symlink_and_creat),
		KERNEL_FIXTURE_TEST(test_absent),
		KERNEL_FIXTURE_TEST(test_looks_at_credentials),
		KERNEL_FIXTURE_TEST(test_nonresident_name),
#if defined(__x86_64__)
		KERNEL_FIXTURE_TEST(test_compat_call),
#endif
		KERNEL_FIXTURE_TEST(test_io_uring),
		KERNEL_FIXTURE_TEST(test_nothing_is_lost),
		cmocka_unit_test(test_loss_is_counted),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
