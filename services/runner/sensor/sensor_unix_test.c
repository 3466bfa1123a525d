// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: connects to UNIX sockets. Skipped (77) without root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "act_fixture.h"
#include "kernel_fixture.h"
#include "network_fixture.h"

enum { DONE = 1, ABSTRACT_SIZE = sizeof(sa_family_t) + 9 /* "\0fangs\0ab" */ };

static struct {
	struct kernel_fixture kernel;
	char directory[32]; /* the working directory of what acts */
} fixture;

static int setup(void **state)
{
	const struct sensor_options options = {0};

	memcpy(fixture.directory, "/tmp/fangs-unix.XXXXXX", sizeof("/tmp/fangs-unix.XXXXXX"));
	assert_non_null(mkdtemp(fixture.directory));
	kernel_fixture_open(&fixture.kernel, &options);
	*state = &fixture.kernel;
	return 0;
}

static int teardown(void **state)
{
	char path[64];

	kernel_fixture_close(*state);
	(void)snprintf(path, sizeof(path), "%s/s", fixture.directory);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/link", fixture.directory);
	(void)unlink(path);
	(void)rmdir(fixture.directory);
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static void enter_directory(void)
{
	if (chdir(fixture.directory) < 0)
		_exit(KERNEL_FIXTURE_SKIP);
}

static int connect_to(int type, const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : fd;
}

static int listen_at(int type, const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (type != SOCK_DGRAM && listen(fd, 8) < 0))
		_exit(KERNEL_FIXTURE_SKIP);
	return fd;
}

static const struct event *expect(const char *name, int32_t result)
{
	const struct event *event;
	char text[128];

	(void)snprintf(text, sizeof(text),
	               name[0] == '@' || name[0] == '/' ? "unix:%s" : "unix:%s/%s",
	               name[0] == '@' || name[0] == '/' ? name : fixture.directory, name);
	event = kernel_fixture_expect(&fixture.kernel, EVENT_CONNECT, text);
	assert_int_equal(event->connect.result, result);
	assert_int_equal(event->connect.family, AF_UNIX);
	assert_int_equal(event->process.pid, fixture.kernel.last_pid);
	return event;
}

static size_t count(void)
{
	struct sensor_stats stats;

	sensor_run_stats(fixture.kernel.run, &stats);
	assert_int_equal(stats.lost_total, 0);
	return stats.events[EVENT_CONNECT];
}

static bool sees(const char *hook)
{
	size_t hooks;
	const struct sensor_hook *rows = sensor_hooks(fixture.kernel.sensor, &hooks);

	for (size_t i = 0; i < hooks; i++)
		if (strcmp(rows[i].name, hook) == 0)
			return rows[i].active;
	return false;
}

/* By a relative name and through a link: told by where it really is, once. */
static int act_paths(void *ctx)
{
	(void)ctx;
	enter_directory();
	(void)listen_at(SOCK_STREAM, "s");
	(void)!symlink("s", "link");
	if (connect_to(SOCK_STREAM, "link") < 0 || connect_to(SOCK_STREAM, "./s") < 0 ||
	    connect_to(SOCK_STREAM, "s") < 0)
		return 1;
	return 0;
}

static void test_paths(void **state)
{
	assert_int_equal(kernel_fixture_run(*state, act_paths, NULL), 0);
	(void)expect("s", DONE);
	assert_int_equal(count(), 1);
}

static int act_datagrams(void *ctx)
{
	struct sockaddr_un address = address_of("s");
	int pair[2];

	(void)ctx;
	enter_directory();
	(void)listen_at(SOCK_DGRAM, "s");
	if (connect_to(SOCK_DGRAM, "s") < 0)
		return 1;
	/* What everybody has is not told. */
	(void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	(void)!write(pair[0], "x", 1);
	address.sun_family = AF_UNSPEC;
	(void)connect(pair[0], (struct sockaddr *)&address, sizeof(sa_family_t));
	return 0;
}

static void test_datagram_sockets(void **state)
{
	assert_int_equal(kernel_fixture_run(*state, act_datagrams, NULL), 0);
	(void)expect("s", DONE);
	assert_int_equal(count(), 1);
}

/* Two tasks: one puts a harmless socket in the place of the other's, over and over. */
enum { RACES = 2000 };

struct race {
	int decoy; /* connected elsewhere */
	int fd;    /* the number that is fought for */
};

static void put_decoy(void *ctx)
{
	const struct race *race = ctx;

	for (;;)
		(void)dup2(race->decoy, race->fd);
}

static int act_race(void *ctx)
{
	struct sockaddr_un address = address_of("s");
	struct race race = {.fd = 100};
	pid_t racer;
	int reached = 0;

	(void)ctx;
	enter_directory();
	race.decoy = socket(AF_UNIX, SOCK_DGRAM, 0);
	(void)listen_at(SOCK_DGRAM, "s");
	racer = act_start_racer(put_decoy, &race);
	for (int i = 0; i < RACES; i++) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

		(void)dup2(fd, race.fd);
		(void)close(fd);
		reached += connect(race.fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	}
	act_stop_racer(racer);
	return reached ? 0 : KERNEL_FIXTURE_SKIP;
}

/* The first connect is told whatever happens to the descriptor, and nothing else ever is. */
static void test_swapped_descriptors(void **state)
{
	struct kernel_fixture *kernel = *state;

	if (!sees("cgroup/connect_unix") || kernel_fixture_run(kernel, act_race, NULL) != 0)
		skip();
	(void)expect("s", DONE);
	for (size_t i = 0; i < kernel->event_count; i++)
		if (kernel->events[i].type == EVENT_CONNECT)
			assert_true(view_ends_with(kernel->events[i].connect.interface,
			                           VIEW_LITERAL("/s")));
}

/* To a name that nobody has connected to, whatever call sends. */
static int act_sends(void *ctx)
{
	struct sockaddr_un address = address_of("s");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct iovec bytes = {"x", 1};
	struct msghdr message = {
	        .msg_name = &address,
	        .msg_namelen = sizeof(address),
	        .msg_iov = &bytes,
	        .msg_iovlen = 1,
	};

	(void)ctx;
	enter_directory();
	(void)listen_at(SOCK_DGRAM, "s");
	for (int i = 0; i < 3; i++)
		if (sendmsg(fd, &message, 0) < 0)
			return 1;
	address = address_of("/dev/fangs-no-log");
	(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
	return 0;
}

static void test_sends(void **state)
{
	if (!sees("cgroup/sendmsg_unix"))
		skip();
	assert_int_equal(kernel_fixture_run(*state, act_sends, NULL), 0);
	/* As it was given. */
	(void)kernel_fixture_expect(&fixture.kernel, EVENT_CONNECT, "unix:s");
	(void)expect("/dev/fangs-no-log", 0);
	assert_int_equal(count(), 2);
}

static int act_abstract(void *ctx)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0fangs\0ab"};
	int server = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)ctx;
	if (bind(server, (struct sockaddr *)&address, ABSTRACT_SIZE) < 0 || listen(server, 1) < 0)
		return KERNEL_FIXTURE_SKIP;
	return connect(fd, (struct sockaddr *)&address, ABSTRACT_SIZE) < 0;
}

static void test_abstract_names(void **state)
{
	struct kernel_fixture *kernel = *state;

	if (kernel_fixture_run(kernel, act_abstract, NULL) != 0)
		skip();
	assert_int_equal(kernel->event_count > 0, 1);
	for (size_t i = 0; i < kernel->event_count; i++)
		if (kernel->events[i].type == EVENT_CONNECT) {
			struct view name = kernel->events[i].connect.interface;

			assert_int_equal(name.size, sizeof("unix:@fangs\0ab") - 1);
			assert_memory_equal(name.data, "unix:@fangs\0ab", name.size);
		}
	assert_int_equal(count(), 1);
}

/* Each result once: what is refused later on does not hide in what was refused before. */
static int act_failures(void *ctx)
{
	(void)ctx;
	enter_directory();
	(void)connect_to(SOCK_STREAM, "/run/fangs-no-docker.sock");
	(void)connect_to(SOCK_STREAM, "/run/fangs-no-docker.sock");
	(void)connect_to(SOCK_STREAM, "../tmp/fangs-nothing");
	(void)connect_to(SOCK_STREAM, "/var/run/nscd/socket"); /* the C library's */
	(void)close(listen_at(SOCK_STREAM, "s"));
	return connect_to(SOCK_STREAM, "s") == -ECONNREFUSED ? 0 : 1;
}

static void test_failures(void **state)
{
	assert_int_equal(kernel_fixture_run(*state, act_failures, NULL), 0);
	(void)expect("/run/fangs-no-docker.sock", -ENOENT);
	(void)expect("/tmp/tmp/fangs-nothing", -ENOENT);
	(void)expect("s", -ECONNREFUSED);
	assert_int_equal(count(), 3);
}

static void fill_connect(struct io_uring_sqe *sqe, void *ctx)
{
	static struct sockaddr_un address;

	address = address_of("s");
	sqe->opcode = IORING_OP_CONNECT;
	sqe->fd = *(int *)ctx;
	sqe->addr = (uintptr_t)&address;
	sqe->off = sizeof(address);
}

static int act_io_uring(void *ctx)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)ctx;
	enter_directory();
	(void)listen_at(SOCK_STREAM, "s");
	return network_fixture_io_uring(fill_connect, &fd) < 0 ? KERNEL_FIXTURE_SKIP : 0;
}

static void test_io_uring(void **state)
{
	if (kernel_fixture_run(*state, act_io_uring, NULL) != 0)
		skip();
	(void)expect("s", DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_datagram_sockets, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_swapped_descriptors, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_abstract_names, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_io_uring, setup, teardown),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
