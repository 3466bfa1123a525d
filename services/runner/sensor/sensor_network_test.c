// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: destinations, DNS queries and TLS server names, all on loopback
 * addresses. Skipped (77) without root. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hello_fixture.h"
#include "kernel_fixture.h"

static const char host[] = "127.83.21.53"; /* nobody else's loopback address */
enum { TLS_PORT = 14443, DNS_PORT = 53, OTHER_PORT = 15353 };

static int listeners[2] = {-1, -1};

static struct sockaddr_in address_of(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	(void)inet_pton(AF_INET, host, &address.sin_addr);
	return address;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = address_of(port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int group_setup(void **state)
{
	(void)state;
	listeners[0] = listen_on(TLS_PORT);
	listeners[1] = listen_on(DNS_PORT);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	(void)close(listeners[0]);
	(void)close(listeners[1]);
	return 0;
}

static int connected(int type, uint16_t port)
{
	struct sockaddr_in address = address_of(port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	return fd;
}

static void send_all(int fd, const void *data, size_t size)
{
	if (write(fd, data, size) != (ssize_t)size)
		_exit(1);
}

static int act_connect(void *ctx)
{
	struct sockaddr_in to = address_of(4444);
	struct sockaddr_in6 to6 = {
	        .sin6_family = AF_INET6, .sin6_port = htons(4446), .sin6_addr = in6addr_loopback};
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	int tcp6 = socket(AF_INET6, SOCK_STREAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)ctx;
	(void)connect(tcp, (struct sockaddr *)&to, sizeof(to)); /* refused: seen all the same */
	to.sin_port = htons(4445);
	for (int i = 0; i < 3; i++)
		(void)sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	(void)connect(tcp6, (struct sockaddr *)&to6, sizeof(to6));
	to6.sin6_port = htons(4447);
	(void)sendto(udp6, "x", 1, 0, (struct sockaddr *)&to6, sizeof(to6));
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &to6.sin6_addr);
	to6.sin6_port = htons(4448);
	(void)connect(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&to6, sizeof(to6));
	return 0;
}

static void test_destinations(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	size_t from = 0;

	kernel_fixture_run(fixture, act_connect, NULL);
	event = kernel_fixture_expect(fixture, EVENT_CONNECT, "127.83.21.53:4444");
	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->connect.source, EVENT_CONNECT_SYSCALL);
	assert_int_equal(event->connect.protocol, IPPROTO_TCP);
	event = kernel_fixture_find(fixture, EVENT_CONNECT, "127.83.21.53:4445", &from);
	assert_non_null(event);
	assert_int_equal(event->connect.protocol, IPPROTO_UDP);
	assert_null(kernel_fixture_find(fixture, EVENT_CONNECT, "127.83.21.53:4445", &from));
	(void)kernel_fixture_expect(fixture, EVENT_CONNECT, "::1:4446");
	(void)kernel_fixture_expect(fixture, EVENT_CONNECT, "::1:4447");
	(void)kernel_fixture_expect(fixture, EVENT_CONNECT, "127.0.0.1:4448");
}

/* A query for one name, below 512 bytes; returns its size. */
static size_t make_query(uint8_t *packet, const char *name)
{
	static const uint8_t header[12] = {0x12, 0x34, 1, 0, 0, 1};
	static const uint8_t tail[5] = {0, 0, 1, 0, 1};
	struct view rest = view_of_string(name);
	size_t size = sizeof(header);

	memcpy(packet, header, size);
	while (rest.size) {
		struct view label = view_split(&rest, '.');

		packet[size++] = (uint8_t)label.size;
		memcpy(packet + size, label.data, label.size);
		size += label.size;
	}
	memcpy(packet + size, tail, sizeof(tail));
	return size + sizeof(tail);
}

static void send_udp(const char *name, uint16_t port)
{
	struct sockaddr_in to = address_of(port);
	uint8_t packet[512];
	size_t size = make_query(packet, name);

	(void)sendto(socket(AF_INET, SOCK_DGRAM, 0), packet, size, 0, (struct sockaddr *)&to,
	             sizeof(to));
}

static void send_many(void)
{
	struct sockaddr_in to = address_of(DNS_PORT);
	static const char *const names[] = {"mmsg-1.test", "mmsg-2.test", "mmsg-3.test"};
	uint8_t packets[3][512];
	struct iovec parts[3];
	struct mmsghdr messages[3] = {0};

	for (size_t i = 0; i < 3; i++) {
		parts[i] = (struct iovec){packets[i], make_query(packets[i], names[i])};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &to,
		                                      .msg_namelen = sizeof(to),
		                                      .msg_iov = &parts[i],
		                                      .msg_iovlen = 1};
	}
	(void)sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), messages, 3, 0);
}

/* Two datagrams in one packet of the kernel's. */
static void send_segmented(void)
{
	uint8_t packets[1024];
	int fd = connected(SOCK_DGRAM, DNS_PORT);
	size_t first = make_query(packets, "gso-1.test");
	size_t second = make_query(packets + first, "gso-2.test");
	int segment = (int)first;

	(void)setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	(void)send(fd, packets, first + second, 0);
}

static int act_dns(void *ctx)
{
	uint8_t packet[512];
	struct iovec parts[2];
	size_t size;
	int fd;

	(void)ctx;
	send_udp("sendto.test", DNS_PORT);
	send_udp("odd-port.test", OTHER_PORT);
	fd = connected(SOCK_DGRAM, DNS_PORT);
	size = make_query(packet, "write.test");
	(void)!write(fd, packet, size);
	fd = connected(SOCK_DGRAM, DNS_PORT);
	size = make_query(packet, "writev.test");
	parts[0] = (struct iovec){packet, 7};
	parts[1] = (struct iovec){packet + 7, size - 7};
	(void)!writev(fd, parts, 2);
	send_many();
	send_segmented();
	fd = connected(SOCK_DGRAM, DNS_PORT);
	(void)!write(fd, "\x01garbage that is no query", 25);
	fd = connected(SOCK_DGRAM, OTHER_PORT);
	(void)!write(fd, "\x01garbage that is no query", 25);
	return 0;
}

static void test_dns_over_udp(void **state)
{
	static const char *const names[] = {
	        "sendto.test", "odd-port.test", "write.test", "writev.test", "mmsg-1.test",
	        "mmsg-2.test", "mmsg-3.test",   "gso-1.test", "gso-2.test",
	};
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	struct sensor_stats stats;

	kernel_fixture_run(fixture, act_dns, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		event = kernel_fixture_expect(fixture, EVENT_DNS, names[i]);
		assert_int_equal(event->process.pid, fixture->last_pid);
		assert_int_equal(event->dns.qtype, 1);
		assert_false(event->dns.parse_failed);
	}
	event = kernel_fixture_expect(fixture, EVENT_DNS, "");
	assert_true(event->dns.parse_failed);
	assert_int_equal(event->dns.port, DNS_PORT);
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.parse_failed, 1);
	assert_int_equal(stats.unattributed, 0);
	assert_int_equal(stats.lost_total, 0);
}

static int act_dns_tcp(void *ctx)
{
	uint8_t message[1024] = {0};
	size_t first, second;
	int fd = connected(SOCK_STREAM, DNS_PORT), one = 1;

	(void)ctx;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	first = make_query(message + 2, "tcp-1.test");
	message[1] = (uint8_t)first;
	second = make_query(message + 2 + first + 2, "tcp-2.test");
	message[2 + first + 1] = (uint8_t)second;
	send_all(fd, message, 1); /* in the middle of the length */
	send_all(fd, message + 1, 20);
	send_all(fd, message + 21, first + second + 4 - 21);
	return 0;
}

static void test_dns_over_tcp_in_pieces(void **state)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_stats stats;

	kernel_fixture_run(fixture, act_dns_tcp, NULL);
	(void)kernel_fixture_expect(fixture, EVENT_DNS, "tcp-1.test");
	(void)kernel_fixture_expect(fixture, EVENT_DNS, "tcp-2.test");
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.parse_failed, 0);
}

static int act_tls(void *ctx)
{
	uint8_t hello[HELLO_FIXTURE_MAX];
	struct iovec parts[2];
	size_t size;
	int fd = connected(SOCK_STREAM, TLS_PORT), one = 1;

	(void)ctx;
	size = hello_make(hello, "whole.test", 0, 0);
	send_all(fd, hello, size);
	fd = connected(SOCK_STREAM, TLS_PORT);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	size = hello_make(hello, "split.test", 1700, 0); /* a key share of today's size */
	send_all(fd, hello, 3);
	send_all(fd, hello + 3, 900);
	send_all(fd, hello + 903, size - 903);
	fd = connected(SOCK_STREAM, TLS_PORT);
	size = hello_make(hello, "records.test", 1700, 200); /* and 200 bytes a record */
	parts[0] = (struct iovec){hello, 5};
	parts[1] = (struct iovec){hello + 5, size - 5};
	(void)!writev(fd, parts, 2);
	fd = connected(SOCK_STREAM, TLS_PORT);
	size = hello_make(hello, NULL, 0, 0);
	send_all(fd, hello, size);
	fd = connected(SOCK_STREAM, TLS_PORT);
	send_all(fd, "\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9);
	fd = connected(SOCK_STREAM, TLS_PORT);
	send_all(fd, "GET / HTTP/1.0\r\n\r\n", 18);
	return 0;
}

static void test_tls(void **state)
{
	static const char *const names[] = {"whole.test", "split.test", "records.test"};
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	struct sensor_stats stats;

	kernel_fixture_run(fixture, act_tls, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		event = kernel_fixture_expect(fixture, EVENT_TLS, names[i]);
		assert_int_equal(event->process.pid, fixture->last_pid);
		assert_int_equal(event->tls.source, EVENT_TLS_CLIENTHELLO);
		assert_false(event->tls.parse_failed);
	}
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.events[EVENT_TLS], 5); /* one without a name, one unreadable */
	assert_int_equal(stats.parse_failed, 1);
	assert_int_equal(stats.events[EVENT_CONNECT], 6);
	assert_int_equal(stats.unattributed, 0);
}

static int act_quick_exit(void *ctx)
{
	(void)ctx;
	send_udp("gone-before-it-was-read.test", DNS_PORT);
	return 0;
}

static void test_packet_of_a_process_that_ended(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	kernel_fixture_run(fixture, act_quick_exit, NULL);
	event = kernel_fixture_expect(fixture, EVENT_DNS, "gone-before-it-was-read.test");
	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->process.ppid, getpid());
	assert_int_equal(event->process.actor, ACTOR_MANAGER);
	assert_true(event->process.comm.size > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_destinations),
	        KERNEL_FIXTURE_TEST(test_dns_over_udp),
	        KERNEL_FIXTURE_TEST(test_dns_over_tcp_in_pieces),
	        KERNEL_FIXTURE_TEST(test_tls),
	        KERNEL_FIXTURE_TEST(test_packet_of_a_process_that_ended),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
