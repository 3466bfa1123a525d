// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: changes of files without an open, on the file systems that a
 * container is made of. Skipped (77) without root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "act_fixture.h"
#include "kernel_fixture.h"

/* The fixture watches /mnt/in/. */
#define IN "/mnt/in/"
#define OUT "/mnt/out/"

static void act_names(void)
{
	act_make(IN "a");
	act_need(rename(IN "a", OUT "a"));
	act_make(OUT "b");
	act_need(rename(OUT "b", IN "b"));
	act_need(link(IN "b", OUT "c"));
	act_need(link(OUT "c", IN "d"));
	act_need(symlink("/etc/shadow", IN "s"));
	act_need(unlink(IN "s"));
	act_need(unlink(IN "d"));
	act_need(mkdir(IN "m", 0755));
	act_need(mknod(IN "n", S_IFIFO | 0600, 0));
	act_need(rmdir(IN "m"));
	act_make(IN "x");
	act_make(OUT "y");
	act_need(
	        (int)syscall(SYS_renameat2, AT_FDCWD, IN "x", AT_FDCWD, OUT "y", 2 /* exchange */));
	act_make(IN "secret");
	act_need(rename(IN "x", IN "secret"));
}

static const struct file_expectation expected_names[] = {
        {IN "a", O_RDONLY, FILE_RENAME},           {IN "a", O_WRONLY, FILE_RENAME},
        {IN "b", O_WRONLY | O_CREAT, FILE_RENAME}, {IN "b", O_RDONLY, FILE_LINK},
        {IN "d", O_WRONLY | O_CREAT, FILE_LINK},   {IN "s", O_WRONLY | O_CREAT, FILE_SYMLINK},
        {IN "s", O_WRONLY, FILE_UNLINK},           {IN "d", O_WRONLY, FILE_UNLINK},
        {IN "m", O_WRONLY | O_CREAT, FILE_MKDIR},  {IN "n", O_WRONLY | O_CREAT, FILE_MKNOD},
        {IN "m", O_WRONLY, FILE_UNLINK},           {IN "x", O_RDONLY, FILE_RENAME},
        {IN "x", O_WRONLY | O_CREAT, FILE_RENAME}, {IN "secret", O_WRONLY | O_CREAT, FILE_RENAME},
};

static void act_attributes(void)
{
	struct timespec times[2] = {{1, 0}, {2, 0}};
	int fd = open(IN "t", O_CREAT | O_RDWR, 0600);

	act_need(fd);
	act_need(truncate(IN "t", 10));
	act_need(ftruncate(fd, 5));
	act_need(chmod(IN "t", 0644));
	act_need(fchmod(fd, 0600));
	act_need(fchmodat(AT_FDCWD, IN "t", 0640, 0));
	act_need(chown(IN "t", 1, 1));
	act_need(utimensat(AT_FDCWD, IN "t", times, 0));
	(void)setxattr(IN "t", "trusted.fangs", "x", 1, 0);
	(void)close(fd);
}

static const struct file_expectation expected_attributes[] = {
        {IN "t", O_WRONLY | O_TRUNC, FILE_TRUNCATE},
        {IN "t", O_WRONLY, FILE_CHMOD},
        {IN "t", O_WRONLY, FILE_CHOWN},
        {IN "t", O_WRONLY, FILE_UTIMES},
        {IN "t", O_WRONLY, FILE_XATTR},
};

static void clean_place(void)
{
	static const char *const names[] = {IN "a",      OUT "a", IN "b", OUT "c", IN "n",
	                                    IN "secret", OUT "y", IN "t", OUT "b", IN "x"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unlink(names[i]);
}

static int act_all(void *ctx)
{
	act_enter_place(*(enum act_place *)ctx);
	act_names();
	act_attributes();
	clean_place();
	return 0;
}

static void test_changes(void **state, enum act_place place)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_stats stats;

	if (!kernel_fixture_traces_changes(fixture))
		skip();
	assert_int_equal(kernel_fixture_run(fixture, act_all, &place), 0);
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.lost_total, 0);
	kernel_fixture_expect_files(fixture, expected_names,
	                            sizeof(expected_names) / sizeof(*expected_names));
	kernel_fixture_expect_files(fixture, expected_attributes,
	                            sizeof(expected_attributes) / sizeof(*expected_attributes));
	for (size_t i = 0; i < fixture->event_count; i++)
		if (fixture->events[i].type == EVENT_FILE)
			assert_false(
			        view_starts_with(fixture->events[i].file.path, VIEW_LITERAL(OUT)));
}

static void test_disk(void **state)
{
	test_changes(state, ACT_PLACE_DISK);
}

static void test_tmpfs(void **state)
{
	test_changes(state, ACT_PLACE_TMPFS);
}

static void test_overlay(void **state)
{
	test_changes(state, ACT_PLACE_OVERLAY);
}

static void test_overlay_lower(void **state)
{
	test_changes(state, ACT_PLACE_OVERLAY_LOWER);
}

static int act_refused(void *ctx)
{
	(void)ctx;
	(void)rename("/root/.ssh/fangs-absent", "/usr/fangs-absent");
	(void)unlink("/etc/fangs-absent");
	(void)unlink("/usr/fangs-absent");
	return truncate("/root/.ssh/fangs-short", 0) == 0;
}

static void test_attempts(void **state)
{
	const struct file_expectation expected[] = {
	        {"/root/.ssh/fangs-absent", O_RDONLY, FILE_RENAME},
	        {"/root/.ssh/fangs-absent", O_WRONLY, FILE_RENAME},
	        {"/etc/fangs-absent", O_WRONLY, FILE_UNLINK},
	        {"/root/.ssh/fangs-short", O_WRONLY | O_TRUNC, FILE_TRUNCATE},
	};
	const struct event *event;

	kernel_fixture_run(*state, act_refused, NULL);
	kernel_fixture_expect_files(*state, expected, sizeof(expected) / sizeof(*expected));
	event = kernel_fixture_expect(*state, EVENT_FILE, "/etc/fangs-absent");
	assert_int_equal(event->file.result, -ENOENT);
	kernel_fixture_expect_none(*state, EVENT_FILE, "/usr/fangs-absent");
}

/* Who moves the folder above a watched one away can read it there. */
static int act_folder(void *ctx)
{
	act_enter_place(*(enum act_place *)ctx);
	act_need(rename("/mnt/in", "/mnt/elsewhere"));
	act_need(rename("/mnt/elsewhere", "/mnt/in"));
	return 0;
}

static void test_folder_moves(void **state)
{
	const struct file_expectation away = {"/mnt/in", O_RDONLY, FILE_RENAME};
	const struct file_expectation back = {"/mnt/in", O_WRONLY | O_CREAT, FILE_RENAME};
	enum act_place place = ACT_PLACE_TMPFS;

	if (!kernel_fixture_traces_changes(*state))
		skip();
	assert_int_equal(kernel_fixture_run(*state, act_folder, &place), 0);
	kernel_fixture_expect_files(*state, &away, 1);
	kernel_fixture_expect_files(*state, &back, 1);
	kernel_fixture_expect_none(*state, EVENT_FILE, "/mnt/elsewhere");
}

/* What a file that was watched is called now does not matter. */
static int act_follow(void *ctx)
{
	act_enter_place(*(enum act_place *)ctx);
	act_make(IN "secret");
	act_need(link(IN "secret", OUT "second"));
	act_need(open(OUT "second", O_RDONLY));
	act_make(IN "f");
	act_need(rename(IN "f", OUT "f"));
	act_need(open(OUT "f", O_RDWR));
	act_need(open(OUT "f", O_RDWR)); /* a repeat */
	act_make(OUT "other");
	act_need(open(OUT "other", O_RDONLY));
	(void)unlink(OUT "f");
	(void)unlink(OUT "second");
	(void)unlink(OUT "other");
	(void)unlink(IN "secret");
	return 0;
}

static void test_follow(void **state)
{
	const struct file_expectation expected[] = {
	        {IN "secret", O_RDONLY, FILE_OPEN},
	        {OUT "second", O_RDONLY, FILE_OPEN},
	        {IN "f", O_RDWR, FILE_OPEN},
	};
	const enum act_place places[] = {ACT_PLACE_DISK, ACT_PLACE_TMPFS, ACT_PLACE_OVERLAY};
	struct kernel_fixture *fixture = *state;

	if (!kernel_fixture_traces_changes(fixture))
		skip();
	for (size_t i = 0; i < 3; i++) {
		enum act_place place = places[i];

		fixture->event_count = 0;
		assert_int_equal(kernel_fixture_run(fixture, act_follow, &place), 0);
		kernel_fixture_expect_files(fixture, expected,
		                            sizeof(expected) / sizeof(*expected));
		kernel_fixture_expect_none(fixture, EVENT_FILE, OUT "other");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_disk),     KERNEL_FIXTURE_TEST(test_tmpfs),
	        KERNEL_FIXTURE_TEST(test_overlay),  KERNEL_FIXTURE_TEST(test_overlay_lower),
	        KERNEL_FIXTURE_TEST(test_attempts), KERNEL_FIXTURE_TEST(test_folder_moves),
	        KERNEL_FIXTURE_TEST(test_follow),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
