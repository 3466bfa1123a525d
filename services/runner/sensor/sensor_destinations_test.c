// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: every way to a destination, and how it ended, in a network
 * namespace of the test's own. Skipped (77) without root. */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"
#include "network_fixture.h"

enum { PORT = 4443, CLOSED = 4444, MPTCP = 262, DONE = 1 };

static const char v4[] = "192.0.2.1", v6[] = "2001:db8::1", mapped[] = "::ffff:192.0.2.1";

/* Runs what acts in a namespace; false: this kernel cannot do it. */
static bool run(struct kernel_fixture *fixture, int (*act)(void *ctx))
{
	return kernel_fixture_run(fixture, act, NULL) == 0;
}

static const struct event *expect(struct kernel_fixture *fixture, const char *to, uint8_t protocol,
                                  int32_t result)
{
	const struct event *event = kernel_fixture_expect(fixture, EVENT_CONNECT, to);

	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->connect.protocol, protocol);
	assert_int_equal(event->connect.result, result);
	assert_int_equal(event->connect.interface.size, 0);
	return event;
}

static int dial(int family, int type, int protocol, const char *ip, uint16_t port)
{
	union network_address to = network_fixture_address(ip, port);
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		_exit(KERNEL_FIXTURE_SKIP);
	(void)connect(fd, &to.any, network_fixture_size(&to));
	return fd;
}

static int act_tcp(void *ctx)
{
	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(v6, PORT);
	(void)network_fixture_listen(v4, PORT);
	(void)dial(AF_INET6, SOCK_STREAM, 0, v6, PORT);
	(void)dial(AF_INET6, SOCK_STREAM, 0, mapped, PORT);
	(void)dial(AF_INET6, SOCK_STREAM, 0, v6, CLOSED);
	(void)dial(AF_INET, SOCK_STREAM, 0, v4, CLOSED);
	(void)dial(AF_INET6, SOCK_STREAM, 0, "2001:db8::2", PORT);
	(void)dial(AF_INET, SOCK_STREAM, 0, "198.51.100.1", PORT);
	return 0;
}

static void test_tcp_and_its_end(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_tcp))
		skip();
	expect(fixture, "2001:db8::1:4443", IPPROTO_TCP, DONE);
	expect(fixture, "192.0.2.1:4443", IPPROTO_TCP, DONE);
	expect(fixture, "2001:db8::1:4444", IPPROTO_TCP, -ECONNREFUSED);
	expect(fixture, "192.0.2.1:4444", IPPROTO_TCP, -ECONNREFUSED);
	expect(fixture, "2001:db8::2:4443", IPPROTO_TCP, -ENETUNREACH);
	expect(fixture, "198.51.100.1:4443", IPPROTO_TCP, -ENETUNREACH);
}

static int act_non_blocking(void *ctx)
{
	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(v4, PORT);
	(void)dial(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, v4, PORT);
	(void)dial(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, v4, CLOSED);
	return 0;
}

static void test_non_blocking(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_non_blocking))
		skip();
	expect(fixture, "192.0.2.1:4443", IPPROTO_TCP, DONE);
	expect(fixture, "192.0.2.1:4444", IPPROTO_TCP, -ECONNREFUSED);
}

static int act_udp(void *ctx)
{
	union network_address to = network_fixture_address(v6, PORT);
	int fd;

	(void)ctx;
	network_fixture_enter();
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	(void)sendto(fd, "x", 1, 0, &to.any, sizeof(to.v6));
	to = network_fixture_address(mapped, PORT);
	(void)sendto(fd, "x", 1, 0, &to.any, sizeof(to.v6));
	(void)!write(dial(AF_INET6, SOCK_DGRAM, 0, v6, CLOSED), "x", 1);
	return 0;
}

static void test_udp(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_udp))
		skip();
	expect(fixture, "2001:db8::1:4443", IPPROTO_UDP, 0);
	expect(fixture, "192.0.2.1:4443", IPPROTO_UDP, 0);
	expect(fixture, "2001:db8::1:4444", IPPROTO_UDP, 0);
}

static int act_mptcp(void *ctx)
{
	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(v4, PORT);
	(void)dial(AF_INET, SOCK_STREAM, MPTCP, v4, PORT);
	return 0;
}

static void test_mptcp(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_mptcp))
		skip();
	expect(fixture, "192.0.2.1:4443", IPPROTO_TCP, DONE);
}

static int act_fast_open(void *ctx)
{
	union network_address to = network_fixture_address(v6, PORT);
	int fd;

	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(v6, PORT);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	(void)sendto(fd, "hello", 5, MSG_FASTOPEN, &to.any, sizeof(to.v6));
	return 0;
}

static void test_fast_open(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_fast_open))
		skip();
	expect(fixture, "2001:db8::1:4443", IPPROTO_TCP, DONE);
}

struct ring_ctx {
	int fd;
	union network_address *to;
	struct msghdr *message;
};

static void fill_connect(struct io_uring_sqe *sqe, void *data)
{
	const struct ring_ctx *ctx = data;

	sqe->opcode = IORING_OP_CONNECT;
	sqe->fd = ctx->fd;
	sqe->addr = (uint64_t)(uintptr_t)ctx->to;
	sqe->off = network_fixture_size(ctx->to);
}

static void fill_sendmsg(struct io_uring_sqe *sqe, void *data)
{
	const struct ring_ctx *ctx = data;

	sqe->opcode = IORING_OP_SENDMSG;
	sqe->fd = ctx->fd;
	sqe->addr = (uint64_t)(uintptr_t)ctx->message;
	sqe->len = 1;
}

static int act_io_uring(void *ctx)
{
	union network_address to = network_fixture_address(v6, PORT);
	struct iovec part = {"x", 1};
	struct msghdr message = {
	        .msg_name = &to, .msg_namelen = sizeof(to.v6), .msg_iov = &part, .msg_iovlen = 1};
	struct ring_ctx ring = {.to = &to, .message = &message};

	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(v6, PORT);
	ring.fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (network_fixture_io_uring(fill_connect, &ring) != 0)
		return 1;
	to = network_fixture_address(v6, CLOSED);
	ring.fd = socket(AF_INET6, SOCK_DGRAM, 0);
	return network_fixture_io_uring(fill_sendmsg, &ring) == 1 ? 0 : 1;
}

static void test_io_uring(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (!run(fixture, act_io_uring))
		skip();
	expect(fixture, "2001:db8::1:4443", IPPROTO_TCP, DONE);
	expect(fixture, "2001:db8::1:4444", IPPROTO_UDP, 0);
}

static int act_ping(void *ctx)
{
	static const unsigned char echo[] = {8, 0, 0, 0, 0, 1, 0, 1, 's', 'e', 'c', 'r', 'e', 't'};
	union network_address to = network_fixture_address(v4, 0);
	int fd;

	(void)ctx;
	network_fixture_enter();
	/* NOLINTNEXTLINE(cert-env33-c): own command */
	if (system("echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range") != 0)
		return KERNEL_FIXTURE_SKIP;
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	for (int i = 0; i < 3; i++)
		(void)sendto(fd, echo, sizeof(echo), 0, &to.any, sizeof(to.v4));
	return fd < 0 ? KERNEL_FIXTURE_SKIP : 0;
}

static void test_ping(void **state)
{
	struct kernel_fixture *fixture = *state;
	size_t from = 0;

	if (!run(fixture, act_ping))
		skip();
	expect(fixture, "192.0.2.1:0", IPPROTO_ICMP, 0);
	assert_non_null(kernel_fixture_find(fixture, EVENT_CONNECT, "192.0.2.1:0", &from));
	assert_null(kernel_fixture_find(fixture, EVENT_CONNECT, "192.0.2.1:0", &from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_tcp_and_its_end),
	        KERNEL_FIXTURE_TEST(test_non_blocking),
	        KERNEL_FIXTURE_TEST(test_udp),
	        KERNEL_FIXTURE_TEST(test_mptcp),
	        KERNEL_FIXTURE_TEST(test_fast_open),
	        KERNEL_FIXTURE_TEST(test_io_uring),
	        KERNEL_FIXTURE_TEST(test_ping),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
