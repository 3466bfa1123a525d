// SPDX-License-Identifier: Apache-2.0
/* Records of where processes connect to, by IP and by other interfaces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder_fixture.h"

static void test_connect(void **state)
{
	struct decoder_fixture *fixture = *state;
	struct record_connect *connect =
	        decoder_begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));

	connect->to.family = 2;
	connect->to.port = 31337;
	memcpy(connect->to.address, "\xc0\x00\x02\x01", 4);
	decoder_give(fixture);
	decoder_expect(fixture, "manager net_connect 192.0.2.1 31337\n");
	connect->to.family = 1;
	decoder_give(fixture);
	decoder_expect(fixture, "");
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

static void give_end(struct decoder_fixture *fixture, uint64_t cookie, uint32_t tid, int32_t result)
{
	struct record_connected *end = decoder_begin(fixture, RECORD_CONNECTED, 0, sizeof(*end));

	end->header.tid = tid;
	end->cookie = cookie;
	end->result = result;
	decoder_give(fixture);
}

static void test_ends_of_connects(void **state)
{
	struct decoder_fixture *fixture = *state;

	decoder_give_tcp(fixture, 1, 0);
	decoder_give_tcp(fixture, 2, 0);
	decoder_give_tcp(fixture, 3, 0);
	decoder_give_tcp(fixture, 4, 0);
	decoder_expect(fixture, "");
	give_end(fixture, 2, 0, 0);
	give_end(fixture, 3, 0, -ECONNREFUSED);
	give_end(fixture, 0, 4, -ENETUNREACH); /* of the thread's call */
	give_end(fixture, 2, 0, 0);            /* again: nothing waits for it */
	decoder_expect(fixture, "manager net_connect 192.0.2.1 2 result 1\n"
	                        "manager net_connect 192.0.2.1 3 result -111\n"
	                        "manager net_connect 192.0.2.1 4 result -101\n");
	decoder_give_tcp(fixture, 5, UINT64_C(3000000000)); /* the first has waited long enough */
	decoder_expect(fixture, "manager net_connect 192.0.2.1 1\n");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "manager net_connect 192.0.2.1 5\n");
}

static void give_interface(struct decoder_fixture *fixture, uint32_t kind, uint32_t family,
                           uint32_t type, uint32_t protocol, int32_t result)
{
	struct record_interface *interface =
	        decoder_begin(fixture, RECORD_INTERFACE, 0, sizeof(*interface));

	interface->kind = kind;
	interface->family = family;
	interface->type = type;
	interface->protocol = protocol;
	interface->result = result;
	decoder_give(fixture);
}

static void test_other_interfaces(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_interface(fixture, RECORD_INTERFACE_SOCKET, 40, 1, 0, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 16, 3, 15, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 2, 3, 1, -EPERM);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 10, 5, 132, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 31, 3, 1, -EAFNOSUPPORT);
	give_interface(fixture, RECORD_INTERFACE_IO_URING, 0, 0, 0, -ENOSYS);
	give_interface(fixture, RECORD_INTERFACE_COMPAT, 0, 0, 0, 0);
	give_interface(fixture, RECORD_INTERFACE_KILLED, 0, 0, 0, 0);
	decoder_expect(fixture, "manager net_connect <vsock> result 1\n"
	                        "manager net_connect <netlink:15> result 1\n"
	                        "manager net_connect <raw:1> result -1\n"
	                        "manager net_connect <ip:132> result 1\n"
	                        "manager net_connect <family:31> result -97\n"
	                        "manager net_connect <io_uring> result -38\n"
	                        "manager net_connect <32-bit> result 1\n"
	                        "manager net_connect <sigsys>\n");
	give_interface(fixture, RECORD_INTERFACE_VM_READ, 0, 0, 0, 7);
	give_interface(fixture, RECORD_INTERFACE_VM_WRITE, 0, 0, 0, -ESRCH);
	give_interface(fixture, RECORD_INTERFACE_PTRACE, 0, 0, 0, -EPERM);
	give_interface(fixture, RECORD_INTERFACE_PIDFD_GETFD, 0, 0, 0, 4);
	decoder_expect(fixture, "manager net_connect <process_vm_readv> result 1\n"
	                        "manager net_connect <process_vm_writev> result -3\n"
	                        "manager net_connect <ptrace> result -1\n"
	                        "manager net_connect <pidfd_getfd> result 1\n");
	give_interface(fixture, RECORD_INTERFACE_KIND_COUNT, 0, 0, 0, 0);
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

static void give_unix(struct decoder_fixture *fixture, enum record_interface_kind kind,
                      struct view path, struct view name, int32_t result)
{
	struct record_interface *interface =
	        decoder_begin(fixture, RECORD_INTERFACE, 0, sizeof(*interface));

	interface->kind = kind;
	interface->family = 1;
	interface->result = result;
	interface->path_size = (uint16_t)decoder_add_text(fixture, path);
	interface->name_size = (uint16_t)decoder_add_text(fixture, name);
	decoder_give(fixture);
}

static void test_unix_sockets(void **state)
{
	static const struct view none;
	struct decoder_fixture *fixture = *state;

	give_unix(fixture, RECORD_INTERFACE_UNIX, VIEW_LITERAL("/run/docker.sock"), none, 0);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("\0abstract"), 0);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/run/x\0rest"), -EACCES);
	give_unix(fixture, RECORD_INTERFACE_UNIX, VIEW_LITERAL("/tmp/a"), VIEW_LITERAL("../s\0"),
	          -ENOENT);
	give_unix(fixture, RECORD_INTERFACE_UNIX_SEND, none, VIEW_LITERAL("/dev/log"), 0);
	decoder_expect(fixture, "manager net_connect <unix:/run/docker.sock> result 1\n"
	                        "manager net_connect <unix:@abstract> result 1\n"
	                        "manager net_connect <unix:/run/x> result -13\n"
	                        "manager net_connect <unix:/tmp/s> result -2\n"
	                        "manager net_connect <unix:/dev/log>\n");
	/* What the C library tries in every program. */
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/var/run/nscd/socket"),
	          -ENOENT);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, none, -EINVAL);
	decoder_expect(fixture, "");
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/var/run/nscd/socket"), 0);
	decoder_expect(fixture, "manager net_connect <unix:/var/run/nscd/socket> result 1\n");
	assert_int_equal(fixture->decoder.stats.malformed, 0);
	give_unix(fixture, RECORD_INTERFACE_PTRACE, VIEW_LITERAL("/text"), none, 0);
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, decoder_set_up, decoder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_connect),
	        TEST(test_ends_of_connects),
	        TEST(test_other_interfaces),
	        TEST(test_unix_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
