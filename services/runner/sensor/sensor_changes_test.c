// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: changes of files without an open, on the file systems that a
 * container is made of. Skipped (77) without root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"

enum { PATH_SIZE = 160, PROBES_MAX = 40 };

/* The fixture watches /mnt/in/. */
#define IN "/mnt/in/"
#define OUT "/mnt/out/"

static int setup(void **state)
{
	static struct kernel_fixture fixture;
	const struct sensor_options options = {0};

	kernel_fixture_open(&fixture, &options);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	kernel_fixture_close(*state);
	return 0;
}

/* What a change must have told: a path, whether it was read or written, by which operation. */
struct expectation {
	const char *path;
	int flags;
	enum file_operation operation;
};

static void expect(struct kernel_fixture *fixture, const struct expectation *expected)
{
	const struct event *event;
	size_t from = 0;

	while ((event = kernel_fixture_find(fixture, EVENT_FILE, expected->path, &from)))
		if (event->file.operation == expected->operation &&
		    event->file.flags == expected->flags)
			return;
	kernel_fixture_print(fixture);
	fail_msg("no %s of '%s' with flags %o", file_operation_name(expected->operation),
	         expected->path, (unsigned)expected->flags);
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	if (fd < 0)
		_exit(2);
	(void)close(fd);
}

static void need(int result)
{
	if (result < 0)
		_exit(3);
}

enum place { PLACE_DISK, PLACE_TMPFS, PLACE_OVERLAY, PLACE_OVERLAY_LOWER };

#define PLACE "/var/tmp/fangs-place"

static void mount_overlay(enum place place)
{
	need(mkdir(PLACE "/lower", 0755));
	need(mkdir(PLACE "/lower/mnt", 0755));
	need(mkdir(PLACE "/lower/mnt/in", 0755));
	need(mkdir(PLACE "/lower/mnt/out", 0755));
	need(mkdir(PLACE "/upper", 0755));
	need(mkdir(PLACE "/work", 0755));
	if (place == PLACE_OVERLAY_LOWER) {
		make(PLACE "/lower/mnt/in/a");
		make(PLACE "/lower/mnt/in/secret");
	}
	need(mount("none", "/mnt", "overlay", 0,
	           "lowerdir=" PLACE "/lower,upperdir=" PLACE "/upper,workdir=" PLACE "/work"));
	need(umount2(PLACE, MNT_DETACH)); /* a container does not see the layers either */
	need(chroot("/mnt"));
}

/* Puts the file system in question at /mnt, for this process only. */
static void enter_place(enum place place)
{
	need(unshare(CLONE_NEWNS));
	need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	(void)mkdir(PLACE, 0755);
	if (place == PLACE_DISK) {
		need(mount(PLACE, "/mnt", NULL, MS_BIND, NULL));
	} else {
		need(mount("none", PLACE, "tmpfs", 0, NULL));
		if (place == PLACE_TMPFS)
			need(mount(PLACE, "/mnt", NULL, MS_BIND, NULL));
		else
			mount_overlay(place);
	}
	(void)mkdir("/mnt/in", 0755);
	(void)mkdir("/mnt/out", 0755);
}

static void act_names(void)
{
	make(IN "a");
	need(rename(IN "a", OUT "a"));
	make(OUT "b");
	need(rename(OUT "b", IN "b"));
	need(link(IN "b", OUT "c"));
	need(link(OUT "c", IN "d"));
	need(symlink("/etc/shadow", IN "s"));
	need(unlink(IN "s"));
	need(unlink(IN "d"));
	need(mkdir(IN "m", 0755));
	need(mknod(IN "n", S_IFIFO | 0600, 0));
	need(rmdir(IN "m"));
	make(IN "x");
	make(OUT "y");
	need((int)syscall(SYS_renameat2, AT_FDCWD, IN "x", AT_FDCWD, OUT "y", 2 /* exchange */));
	make(IN "secret");
	need(rename(IN "x", IN "secret"));
}

static const struct expectation expected_names[] = {
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

	need(fd);
	need(truncate(IN "t", 10));
	need(ftruncate(fd, 5));
	need(chmod(IN "t", 0644));
	need(fchmod(fd, 0600));
	need(fchmodat(AT_FDCWD, IN "t", 0640, 0));
	need(chown(IN "t", 1, 1));
	need(utimensat(AT_FDCWD, IN "t", times, 0));
	(void)setxattr(IN "t", "trusted.fangs", "x", 1, 0);
	(void)close(fd);
}

static const struct expectation expected_attributes[] = {
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
	enter_place(*(enum place *)ctx);
	act_names();
	act_attributes();
	clean_place();
	return 0;
}

static void test_changes(void **state, enum place place)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_stats stats;

	assert_int_equal(kernel_fixture_run(fixture, act_all, &place), 0);
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.lost_total, 0);
	for (size_t i = 0; i < sizeof(expected_names) / sizeof(*expected_names); i++)
		expect(fixture, &expected_names[i]);
	for (size_t i = 0; i < sizeof(expected_attributes) / sizeof(*expected_attributes); i++)
		expect(fixture, &expected_attributes[i]);
	for (size_t i = 0; i < fixture->event_count; i++)
		if (fixture->events[i].type == EVENT_FILE)
			assert_false(
			        view_starts_with(fixture->events[i].file.path, VIEW_LITERAL(OUT)));
}

static void test_disk(void **state)
{
	test_changes(state, PLACE_DISK);
}

static void test_tmpfs(void **state)
{
	test_changes(state, PLACE_TMPFS);
}

static void test_overlay(void **state)
{
	test_changes(state, PLACE_OVERLAY);
}

static void test_overlay_lower(void **state)
{
	test_changes(state, PLACE_OVERLAY_LOWER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_disk, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_tmpfs, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_overlay_lower, setup, teardown),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
