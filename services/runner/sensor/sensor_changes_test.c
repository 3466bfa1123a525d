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

/* Other entries. ---------------------------------------------------------------------------- */

/* A ring for one request at a time, by hand. */
struct small_ring {
	int fd;
	unsigned char *rings;
	struct io_uring_sqe *sqe;
	struct io_uring_params params;
	unsigned done;
};

static void small_ring_open(struct small_ring *ring)
{
	size_t size;

	*ring = (struct small_ring){0};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		_exit(KERNEL_FIXTURE_SKIP);
	size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings =
	        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqe = mmap(NULL, ring->params.sq_entries * sizeof(*ring->sqe), PROT_READ | PROT_WRITE,
	                 MAP_SHARED, ring->fd, IORING_OFF_SQES);
}

static void small_ring_do(struct small_ring *ring, const struct io_uring_sqe *request)
{
	const struct io_uring_cqe *cqes;
	_Atomic unsigned *tail =
	        (_Atomic unsigned *)(void *)(ring->rings + ring->params.sq_off.tail);

	ring->sqe[0] = *request;
	for (unsigned i = 0; i < ring->params.sq_entries; i++)
		((unsigned *)(void *)(ring->rings + ring->params.sq_off.array))[i] = 0;
	atomic_fetch_add(tail, 1);
	need(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1
	             ? 0
	             : -1);
	cqes = (void *)(ring->rings + ring->params.cq_off.cqes);
	need(cqes[ring->done++ % ring->params.cq_entries].res);
	atomic_fetch_add((_Atomic unsigned *)(void *)(ring->rings + ring->params.cq_off.head), 1);
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static struct io_uring_sqe two_names(uint8_t opcode, const char *from, const char *to)
{
	return (struct io_uring_sqe){.opcode = opcode,
	                             .fd = AT_FDCWD,
	                             .addr = address(from),
	                             .len = (uint32_t)AT_FDCWD,
	                             .addr2 = address(to)};
}

static int act_io_uring(void *ctx)
{
	struct small_ring ring;
	struct io_uring_sqe mkdir_request = {.opcode = IORING_OP_MKDIRAT,
	                                     .fd = AT_FDCWD,
	                                     .addr = address(IN "io-m"),
	                                     .len = 0755};
	struct io_uring_sqe unlink_request = {
	        .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = address(IN "io-l")};
	struct io_uring_sqe symlink_request = {.opcode = IORING_OP_SYMLINKAT,
	                                       .fd = AT_FDCWD,
	                                       .addr = address("/etc/shadow"),
	                                       .addr2 = address(IN "io-s")};
	struct io_uring_sqe request;

	enter_place(*(enum place *)ctx);
	small_ring_open(&ring);
	make(IN "io-a");
	request = two_names(IORING_OP_RENAMEAT, IN "io-a", IN "io-b");
	small_ring_do(&ring, &request);
	request = two_names(IORING_OP_LINKAT, IN "io-b", IN "io-l");
	small_ring_do(&ring, &request);
	small_ring_do(&ring, &unlink_request);
	small_ring_do(&ring, &mkdir_request);
	small_ring_do(&ring, &symlink_request);
	(void)unlink(IN "io-b");
	(void)unlink(IN "io-s");
	(void)rmdir(IN "io-m");
	return 0;
}

static const struct expectation expected_io_uring[] = {
        {IN "io-a", O_RDONLY, FILE_RENAME},
        {IN "io-b", O_WRONLY | O_CREAT, FILE_RENAME},
        {IN "io-b", O_RDONLY, FILE_LINK},
        {IN "io-l", O_WRONLY | O_CREAT, FILE_LINK},
        {IN "io-l", O_WRONLY, FILE_UNLINK},
        {IN "io-m", O_WRONLY | O_CREAT, FILE_MKDIR},
        {IN "io-s", O_WRONLY | O_CREAT, FILE_SYMLINK},
};

static void test_io_uring(void **state)
{
	struct kernel_fixture *fixture = *state;
	const enum place places[] = {PLACE_TMPFS, PLACE_OVERLAY};

	for (size_t place = 0; place < 2; place++) {
		enum place where = places[place];

		fixture->event_count = 0;
		int status = kernel_fixture_run(fixture, act_io_uring, &where);
		if (status == KERNEL_FIXTURE_SKIP << 8)
			skip();
		assert_int_equal(status, 0);
		for (size_t i = 0; i < sizeof(expected_io_uring) / sizeof(*expected_io_uring); i++)
			expect(fixture, &expected_io_uring[i]);
	}
}

#if defined(__x86_64__)
static long call_compat(long number, const char *first, const char *second)
{
	static char *low;
	long result;

	if (!low)
		low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		           MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	(void)snprintf(low, 1024, "%s", first);
	(void)snprintf(low + 1024, 1024, "%s", second);
	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "a"(number), "b"(low), "c"(low + 1024), "d"(0L)
	                 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int act_compat(void *ctx)
{
	enter_place(*(enum place *)ctx);
	make(IN "32-a");
	if (call_compat(38, IN "32-a", IN "32-b") != 0) /* rename of the 32-bit table */
		return KERNEL_FIXTURE_SKIP;
	need((int)call_compat(9, IN "32-b", IN "32-l"));
	need((int)call_compat(10, IN "32-l", ""));
	(void)unlink(IN "32-b");
	return 0;
}

static const struct expectation expected_compat[] = {
        {IN "32-a", O_RDONLY, FILE_RENAME},
        {IN "32-b", O_WRONLY | O_CREAT, FILE_RENAME},
        {IN "32-l", O_WRONLY | O_CREAT, FILE_LINK},
        {IN "32-l", O_WRONLY, FILE_UNLINK},
};

static void test_compat(void **state)
{
	enum place place = PLACE_OVERLAY;

	if (kernel_fixture_run(*state, act_compat, &place) != 0)
		skip();
	for (size_t i = 0; i < sizeof(expected_compat) / sizeof(*expected_compat); i++)
		expect(*state, &expected_compat[i]);
}
#endif

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
	const struct expectation expected[] = {
	        {"/root/.ssh/fangs-absent", O_RDONLY, FILE_RENAME},
	        {"/root/.ssh/fangs-absent", O_WRONLY, FILE_RENAME},
	        {"/etc/fangs-absent", O_WRONLY, FILE_UNLINK},
	        {"/root/.ssh/fangs-short", O_WRONLY | O_TRUNC, FILE_TRUNCATE},
	};
	const struct event *event;

	kernel_fixture_run(*state, act_refused, NULL);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		expect(*state, &expected[i]);
	event = kernel_fixture_expect(*state, EVENT_FILE, "/etc/fangs-absent");
	assert_int_equal(event->file.result, -ENOENT);
	kernel_fixture_expect_none(*state, EVENT_FILE, "/usr/fangs-absent");
}

/* Who moves the folder above a watched one away can read it there. */
static int act_folder(void *ctx)
{
	enter_place(*(enum place *)ctx);
	need(rename("/mnt/in", "/mnt/elsewhere"));
	need(rename("/mnt/elsewhere", "/mnt/in"));
	return 0;
}

static void test_folder_moves(void **state)
{
	const struct expectation away = {"/mnt/in", O_RDONLY, FILE_RENAME};
	const struct expectation back = {"/mnt/in", O_WRONLY | O_CREAT, FILE_RENAME};
	enum place place = PLACE_TMPFS;

	assert_int_equal(kernel_fixture_run(*state, act_folder, &place), 0);
	expect(*state, &away);
	expect(*state, &back);
	kernel_fixture_expect_none(*state, EVENT_FILE, "/mnt/elsewhere");
}

/* What a file that was watched is called now does not matter. */
static int act_follow(void *ctx)
{
	enter_place(*(enum place *)ctx);
	make(IN "secret");
	need(link(IN "secret", OUT "second"));
	need(open(OUT "second", O_RDONLY));
	make(IN "f");
	need(rename(IN "f", OUT "f"));
	need(open(OUT "f", O_RDWR));
	need(open(OUT "f", O_RDWR)); /* a repeat */
	make(OUT "other");
	need(open(OUT "other", O_RDONLY));
	(void)unlink(OUT "f");
	(void)unlink(OUT "second");
	(void)unlink(OUT "other");
	(void)unlink(IN "secret");
	return 0;
}

static void test_follow(void **state)
{
	const struct expectation expected[] = {
	        {IN "secret", O_RDONLY, FILE_OPEN},
	        {OUT "second", O_RDONLY, FILE_OPEN},
	        {IN "f", O_RDWR, FILE_OPEN},
	};
	const enum place places[] = {PLACE_DISK, PLACE_TMPFS, PLACE_OVERLAY};
	struct kernel_fixture *fixture = *state;

	for (size_t i = 0; i < 3; i++) {
		enum place place = places[i];

		fixture->event_count = 0;
		assert_int_equal(kernel_fixture_run(fixture, act_follow, &place), 0);
		for (size_t e = 0; e < sizeof(expected) / sizeof(*expected); e++)
			expect(fixture, &expected[e]);
		kernel_fixture_expect_none(fixture, EVENT_FILE, OUT "other");
	}
}

/* Races. ------------------------------------------------------------------------------------ */

enum { RACES = 100000, RACES_SHORT = 20000 };

#define SECRET IN "secret"
#define DECOY "/mnt/decoyfile" /* as long as the other */
#define LOOT IN "loot"

/* Two names of one length, of which a second thread shows now this one, now that one. */
struct flip {
	char shown[PATH_SIZE];
	pthread_t thread;
	atomic_bool stop;
};

static void *flip_main(void *arg)
{
	struct flip *flip = arg;

	for (unsigned i = 0; !atomic_load(&flip->stop); i++)
		memcpy(flip->shown, i & 1 ? SECRET : DECOY, sizeof(SECRET) - 1);
	return NULL;
}

static void flip_start(struct flip *flip)
{
	_Static_assert(sizeof(SECRET) == sizeof(DECOY), "one length");
	make(SECRET);
	make(DECOY);
	memcpy(flip->shown, SECRET, sizeof(SECRET));
	need(pthread_create(&flip->thread, NULL, flip_main, flip) ? -1 : 0);
}

static void flip_stop(struct flip *flip)
{
	atomic_store(&flip->stop, true);
	(void)pthread_join(flip->thread, NULL);
	(void)unlink(SECRET);
	(void)unlink(DECOY);
}

struct race {
	enum place place;
	enum file_operation operation;
	int times;
	uint64_t *hits; /* shared with the process: how often it was the secret */
	uint64_t *done; /* and how often the call succeeded */
};

static void race_rename(const struct race *race, const char *shown)
{
	if (rename(shown, LOOT) < 0)
		return; /* half of each name */
	++*race->done;
	if (access(SECRET, F_OK) < 0) {
		++*race->hits;
		need(rename(LOOT, SECRET));
	} else {
		need(rename(LOOT, DECOY));
	}
}

static void race_link(const struct race *race, const char *shown)
{
	struct stat secret, loot;

	if (link(shown, LOOT) < 0)
		return;
	++*race->done;
	need(stat(SECRET, &secret));
	need(stat(LOOT, &loot));
	if (secret.st_ino == loot.st_ino)
		++*race->hits;
	need(unlink(LOOT));
}

static void race_unlink(const struct race *race, const char *shown)
{
	if (unlink(shown) < 0)
		return;
	++*race->done;
	if (access(SECRET, F_OK) < 0)
		++*race->hits;
	make(SECRET);
	make(DECOY);
}

static int act_race(void *ctx)
{
	static struct flip flip;
	const struct race *race = ctx;

	enter_place(race->place);
	flip_start(&flip);
	for (int i = 0; i < race->times; i++) {
		if (race->operation == FILE_RENAME)
			race_rename(race, flip.shown);
		else if (race->operation == FILE_LINK)
			race_link(race, flip.shown);
		else
			race_unlink(race, flip.shown);
	}
	flip_stop(&flip);
	return 0;
}

enum { COUNT_SECRET, COUNT_LOOT, COUNT_WRONG };

/* Counts what took the secret away, and everything with a name that no call can have had. */
static void count_race(struct kernel_fixture *fixture, const struct event *event)
{
	const struct event_file *file = &event->file;
	bool secret, loot;

	if (event->type != EVENT_FILE || file->result < 0 || file->operation == FILE_OPEN ||
	    file->operation == FILE_MKDIR)
		return;
	secret = view_is(file->path, SECRET);
	loot = view_is(file->path, LOOT);
	if (secret && file->flags == (file->operation == FILE_UNLINK ? O_WRONLY : O_RDONLY))
		fixture->counts[COUNT_SECRET]++;
	if (loot && file->flags == (O_WRONLY | O_CREAT))
		fixture->counts[COUNT_LOOT]++;
	if (!secret && !loot)
		fixture->counts[COUNT_WRONG]++;
}

static void test_race(struct kernel_fixture *fixture, enum place place,
                      enum file_operation operation, int times)
{
	uint64_t *shared =
	        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct race race = {place, operation, times, shared, shared + 1};
	struct sensor_stats stats;

	fixture->on_event = count_race;
	memset(fixture->counts, 0, sizeof(fixture->counts));
	assert_int_equal(kernel_fixture_run(fixture, act_race, &race), 0);
	sensor_run_stats(fixture->run, &stats);
	print_message("  %s: %d calls, %llu succeeded, %llu hit the secret, %llu told so\n",
	              file_operation_name(operation), times, (unsigned long long)*race.done,
	              (unsigned long long)*race.hits,
	              (unsigned long long)fixture->counts[COUNT_SECRET]);
	assert_int_equal(stats.lost_total, 0);
	assert_int_equal(fixture->counts[COUNT_WRONG], 0);
	assert_int_equal(fixture->counts[COUNT_SECRET], *race.hits + 1); /* flip_stop() */
	if (operation != FILE_UNLINK)
		assert_int_equal(fixture->counts[COUNT_LOOT], *race.done);
	(void)munmap(shared, 4096);
}

static void test_race_rename(void **state)
{
	test_race(*state, PLACE_TMPFS, FILE_RENAME, RACES);
}

static void test_race_rename_overlay(void **state)
{
	test_race(*state, PLACE_OVERLAY, FILE_RENAME, RACES_SHORT);
}

static void test_race_link(void **state)
{
	test_race(*state, PLACE_TMPFS, FILE_LINK, RACES_SHORT);
}

static void test_race_link_overlay(void **state)
{
	test_race(*state, PLACE_OVERLAY, FILE_LINK, RACES_SHORT);
}

static void test_race_unlink(void **state)
{
	test_race(*state, PLACE_TMPFS, FILE_UNLINK, RACES_SHORT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_disk),
		TEST(test_tmpfs),
		TEST(test_overlay),
		TEST(test_overlay_lower),
		TEST(test_io_uring),
#if defined(__x86_64__)
		TEST(test_compat),
#endif
		TEST(test_attempts),
		TEST(test_folder_moves),
		TEST(test_follow),
		TEST(test_race_rename),
		TEST(test_race_rename_overlay),
		TEST(test_race_link),
		TEST(test_race_link_overlay),
		TEST(test_race_unlink),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
