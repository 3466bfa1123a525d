// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: DNS answers, hellos in unusual pieces and QUIC, in a network
 * namespace of the test's own. Skipped (77) without root. */
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hello_fixture.h"
#include "kernel_fixture.h"
#include "network_fixture.h"
#include "quic_fixture.h"

enum {
	DNS_PORT = 53,
	ODD_PORT = 5300,
	TLS_PORT = 4443,
	QUIC_PORT = 443,
	KEY_SHARE = 1700,
	SHORT = 100
};
enum { SENT_TRIES = 1000, SENT_WAIT_US = 5000 };

static const char server[] = "192.0.2.1", server6[] = "2001:db8::1";

static void expect_clean(struct kernel_fixture *fixture, uint64_t parse_failed)
{
	struct sensor_stats stats;

	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.lost_total, 0);
	assert_int_equal(stats.unattributed, 0);
	assert_int_equal(stats.parse_failed, parse_failed);
}

static int open_to(int type, const char *ip, uint16_t port)
{
	union network_address to = network_fixture_address(ip, port);
	const struct timeval timeout = {.tv_sec = 2};
	int one = 1, fd = socket(to.any.sa_family, type, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (fd < 0 || connect(fd, &to.any, network_fixture_size(&to)) < 0)
		_exit(KERNEL_FIXTURE_SKIP);
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int bind_to(const char *ip, uint16_t port)
{
	union network_address to = network_fixture_address(ip, port);
	const struct timeval timeout = {.tv_sec = 2};
	int fd = socket(to.any.sa_family, SOCK_DGRAM, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (fd < 0 || bind(fd, &to.any, network_fixture_size(&to)) < 0)
		_exit(KERNEL_FIXTURE_SKIP);
	return fd;
}

/* Returns when all has been sent: what a process that ends leaves behind is not. */
static void write_pieces(int fd, const uint8_t *bytes, size_t size, size_t piece)
{
	int unsent = 1;

	for (size_t at = 0; at < size; at += piece)
		(void)!write(fd, bytes + at, size - at < piece ? size - at : piece);
	for (int i = 0; i < SENT_TRIES && unsent; i++) {
		(void)usleep(SENT_WAIT_US);
		(void)ioctl(fd, SIOCOUTQ, &unsent);
	}
}

/* DNS. -------------------------------------------------------------------------------------- */

#define QUERY(name) "\x12\x34\1\0\0\1\0\0\0\0\0\0" name "\0\0\1\0\1"
#define ANSWER(name)                                                                               \
	"\x12\x34\x81\x80\0\1\0\1\0\0\0\0" name "\0\0\1\0\1"                                       \
	"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"

static void exchange(const char *ip, uint16_t port, struct view query, struct view answer)
{
	int listener = bind_to(ip, port), client = open_to(SOCK_DGRAM, ip, port);
	union network_address from;
	socklen_t size = sizeof(from);
	char bytes[512];

	(void)!write(client, query.data, query.size);
	(void)recvfrom(listener, bytes, sizeof(bytes), 0, &from.any, &size);
	(void)sendto(listener, answer.data, answer.size, 0, &from.any, size);
	(void)!read(client, bytes, sizeof(bytes));
	(void)close(listener);
	(void)close(client);
}

static void exchange_tcp(struct view query, struct view answer)
{
	int listener = network_fixture_listen(server, DNS_PORT);
	int client = open_to(SOCK_STREAM, server, DNS_PORT),
	    accepted = accept(listener, NULL, NULL);
	int one = 1;
	char byte;

	(void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (size_t i = 0; i < query.size; i++)
		(void)!write(client, query.data + i, 1);
	for (size_t i = 0; i < answer.size; i++) {
		(void)!write(accepted, answer.data + i, 1);
		(void)!read(client, &byte, 1);
	}
}

static int act_dns(void *ctx)
{
	int listener;

	(void)ctx;
	network_fixture_enter();
	exchange(server, DNS_PORT, VIEW_LITERAL(QUERY("\3udp\4test")),
	         VIEW_LITERAL(ANSWER("\3udp\4test")));
	listener = network_fixture_listen(server, TLS_PORT);
	(void)open_to(SOCK_STREAM, server, TLS_PORT);
	(void)close(listener);
	exchange(server6, DNS_PORT, VIEW_LITERAL(QUERY("\2v6\4test")),
	         VIEW_LITERAL(ANSWER("\2v6\4test")));
	exchange(server, ODD_PORT, VIEW_LITERAL(QUERY("\3odd\4test")),
	         VIEW_LITERAL(ANSWER("\3odd\4test")));
	exchange(server, DNS_PORT, VIEW_LITERAL(QUERY("\3bad\4test")), VIEW_LITERAL("garbage"));
	exchange_tcp(VIEW_LITERAL("\0\x1a" QUERY("\3tcp\4test")),
	             VIEW_LITERAL("\0\x2a" ANSWER("\3tcp\4test")));
	return 0;
}

static void expect_answer(struct kernel_fixture *fixture, const char *name)
{
	const struct event *event = kernel_fixture_expect(fixture, EVENT_DNS, name);
	size_t from = (size_t)(event - fixture->events) + 1;

	assert_false(event->dns.response);
	event = kernel_fixture_find(fixture, EVENT_DNS, name, &from);
	assert_non_null(event);
	assert_true(event->dns.response);
	assert_true(view_is(event->dns.answers, "192.0.2.1"));
	assert_int_equal(event->process.pid, fixture->last_pid);
}

static void test_dns_answers(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	if (kernel_fixture_run(fixture, act_dns, NULL) != 0)
		skip();
	expect_answer(fixture, "udp.test");
	expect_answer(fixture, "v6.test");
	expect_answer(fixture, "odd.test");
	expect_answer(fixture, "tcp.test");
	event = kernel_fixture_expect(fixture, EVENT_CONNECT, "192.0.2.1:4443");
	assert_true(event->connect.name.size > 0);
	event = kernel_fixture_expect(fixture, EVENT_DNS, ""); /* the garbage */
	assert_true(event->dns.parse_failed && event->dns.response);
	expect_clean(fixture, 1);
}

/* 255 bytes: the longest name there is. */
static int act_long_name(void *ctx)
{
	unsigned char query[300] = {0x12, 0x34, 1, 0, 0, 1};
	size_t size = 12;
	int fd;

	(void)ctx;
	network_fixture_enter();
	for (size_t label = 63; size < 12 + 254; label = 61) {
		size_t at = size, used = size - 12;

		label = used + label + 2 > 255 ? 253 - used : label;
		query[size++] = (unsigned char)label;
		memset(query + size, 'a', label);
		size = at + 1 + label;
	}
	size++; /* root */
	query[size + 1] = 1;
	query[size + 3] = 1;
	fd = open_to(SOCK_DGRAM, server, DNS_PORT);
	(void)!write(fd, query, size + 4);
	fd = open_to(SOCK_DGRAM, server, ODD_PORT);
	(void)!write(fd, query, size + 4);
	return 0;
}

static void test_the_longest_name(void **state)
{
	struct kernel_fixture *fixture = *state;
	size_t seen = 0;

	if (kernel_fixture_run(fixture, act_long_name, NULL) != 0)
		skip();
	for (size_t i = 0; i < fixture->event_count; i++)
		if (fixture->events[i].type == EVENT_DNS) {
			assert_int_equal(fixture->events[i].dns.name.size, 253);
			seen++;
		}
	assert_int_equal(seen, 2);
	expect_clean(fixture, 0);
}

static int act_dns_tcp_odd_port(void *ctx)
{
	static const char message[] = "\0\x1a" QUERY("\3odd\4test");
	int fd;

	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(server, ODD_PORT);
	fd = open_to(SOCK_STREAM, server, ODD_PORT);
	write_pieces(fd, (const uint8_t *)message, sizeof(message) - 1, 1);
	fd = open_to(SOCK_STREAM, server, ODD_PORT);
	write_pieces(fd, (const uint8_t *)message, sizeof(message) - 1, sizeof(message));
	return 0;
}

static void test_dns_over_tcp_on_a_port_of_its_own(void **state)
{
	struct kernel_fixture *fixture = *state;
	size_t from = 0;

	if (kernel_fixture_run(fixture, act_dns_tcp_odd_port, NULL) != 0)
		skip();
	assert_non_null(kernel_fixture_find(fixture, EVENT_DNS, "odd.test", &from));
	assert_non_null(kernel_fixture_find(fixture, EVENT_DNS, "odd.test", &from));
	expect_clean(fixture, 0);
}

/* TLS. -------------------------------------------------------------------------------------- */

static int act_tls_bytes(void *ctx)
{
	uint8_t hello[HELLO_FIXTURE_MAX];

	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(server, TLS_PORT);
	write_pieces(open_to(SOCK_STREAM, server, TLS_PORT), hello,
	             hello_make(hello, "bytes.test", SHORT, 0), 1);
	write_pieces(open_to(SOCK_STREAM, server, TLS_PORT), hello,
	             hello_make(hello, "records.test", KEY_SHARE, 70), 30);
	write_pieces(open_to(SOCK_STREAM, server, TLS_PORT), hello,
	             hello_make(hello, NULL, KEY_SHARE, 0), 1000);
	return 0;
}

static void test_hello_byte_by_byte(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;

	if (kernel_fixture_run(fixture, act_tls_bytes, NULL) != 0)
		skip();
	(void)kernel_fixture_expect(fixture, EVENT_TLS, "bytes.test");
	(void)kernel_fixture_expect(fixture, EVENT_TLS, "records.test");
	event = kernel_fixture_expect(fixture, EVENT_TLS, "");
	assert_false(event->tls.parse_failed);
	assert_int_equal(event->tls.port, TLS_PORT);
	assert_memory_equal(event->tls.address, "\xc0\0\2\1", 4);
	expect_clean(fixture, 0);
}

/* Through a proxy: its own answers are not waited for. */
static int act_proxy(void *ctx)
{
	static const char request[] = "CONNECT asked.test:443 HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char socks[] = "\5\1\0\5\1\0\3\12socks.test\1\xbb";
	uint8_t hello[HELLO_FIXTURE_MAX];
	size_t size = hello_make(hello, "inside.test", KEY_SHARE, 0);
	int fd;

	(void)ctx;
	network_fixture_enter();
	(void)network_fixture_listen(server, TLS_PORT);
	fd = open_to(SOCK_STREAM, server, TLS_PORT);
	write_pieces(fd, (const uint8_t *)request, sizeof(request) - 1, 5);
	write_pieces(fd, hello, size, 1000);
	fd = open_to(SOCK_STREAM, server, TLS_PORT);
	write_pieces(fd, (const uint8_t *)socks, sizeof(socks) - 1, sizeof(socks));
	write_pieces(fd, hello, size, size);
	return 0;
}

static void expect_tunnel(struct kernel_fixture *fixture, const char *host, const char *tunnel,
                          size_t *from)
{
	const struct event *event = kernel_fixture_find(fixture, EVENT_TLS, host, from);

	assert_non_null(event);
	assert_true(view_is(event->tls.tunnel, tunnel));
	assert_int_equal(event->tls.port, TLS_PORT);
	assert_int_equal(event->process.pid, fixture->last_pid);
}

static void test_hello_through_a_proxy(void **state)
{
	struct kernel_fixture *fixture = *state;
	size_t from = 0;

	if (kernel_fixture_run(fixture, act_proxy, NULL) != 0)
		skip();
	expect_tunnel(fixture, "asked.test", "asked.test:443", &from);
	expect_tunnel(fixture, "inside.test", "asked.test:443", &from);
	expect_tunnel(fixture, "socks.test", "socks.test:443", &from);
	expect_tunnel(fixture, "inside.test", "socks.test:443", &from);
	expect_clean(fixture, 0);
}

/* QUIC. ------------------------------------------------------------------------------------- */

static size_t quic_datagram(uint8_t *out, struct quic_fixture *packet, const uint8_t *hello,
                            size_t from, size_t to)
{
	uint8_t frames[QUIC_FIXTURE_MAX];
	size_t size = quic_fixture_crypto(frames, from, view_of(hello + from, to - from));

	size = quic_fixture_initial(out, packet, view_of(frames, size), 1162);
	packet->number++;
	return size;
}

/* One datagram with a short header, then the hello: one packet of the kernel's. */
static void send_behind_another(const uint8_t *hello, size_t size)
{
	struct quic_fixture packet = {.version = QUIC_VERSION_1,
	                              .destination = VIEW_LITERAL("segments")};
	uint8_t bytes[3 * QUIC_FIXTURE_MAX];
	int fd = open_to(SOCK_DGRAM, server6, ODD_PORT);
	size_t datagram = quic_datagram(bytes, &packet, hello, 0, size);
	int segment = (int)datagram;

	memcpy(bytes + datagram, bytes, datagram);
	memset(bytes, 0x40, datagram);
	(void)setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	(void)!write(fd, bytes, 2 * datagram);
}

static int act_quic(void *ctx)
{
	static const uint8_t no_version[] = {0x1a, 0x2a, 0x3a, 0x4a};
	struct quic_fixture packet = {.version = QUIC_VERSION_1,
	                              .destination = VIEW_LITERAL("idididid")};
	uint8_t hello[HELLO_FIXTURE_MAX], bytes[QUIC_FIXTURE_MAX];
	size_t size = quic_fixture_hello(hello, "quic.test", KEY_SHARE), datagram;
	int fd;

	(void)ctx;
	network_fixture_enter();
	(void)bind_to(server, QUIC_PORT); /* or a second datagram would be refused */
	fd = open_to(SOCK_DGRAM, server, QUIC_PORT);
	datagram = quic_datagram(bytes, &packet, hello, 1000, size);
	(void)!write(fd, bytes, datagram);
	datagram = quic_datagram(bytes, &packet, hello, 0, 1000);
	(void)!write(fd, bytes, datagram);
	size = quic_fixture_hello(hello, "version-2.test", 0);
	packet = (struct quic_fixture){.version = QUIC_VERSION_2,
	                               .destination = VIEW_LITERAL("another")};
	datagram = quic_datagram(bytes, &packet, hello, 0, size);
	(void)!write(open_to(SOCK_DGRAM, server6, ODD_PORT), bytes, datagram);
	size = quic_fixture_hello(hello, "behind.test", 0);
	send_behind_another(hello, size);
	packet.destination = VIEW_LITERAL("third");
	packet.key_destination = VIEW_LITERAL("not these");
	datagram = quic_datagram(bytes, &packet, hello, 0, size);
	(void)!write(open_to(SOCK_DGRAM, server, QUIC_PORT), bytes, datagram);
	memcpy(bytes + 1, no_version, sizeof(no_version));
	(void)!write(open_to(SOCK_DGRAM, server, QUIC_PORT), bytes, 1200);
	return 0;
}

static void test_quic(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	size_t from = 0;

	if (kernel_fixture_run(fixture, act_quic, NULL) != 0)
		skip();
	event = kernel_fixture_expect(fixture, EVENT_TLS, "quic.test");
	assert_int_equal(event->tls.protocol, EVENT_TLS_OVER_QUIC);
	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->tls.port, QUIC_PORT);
	(void)kernel_fixture_expect(fixture, EVENT_TLS, "version-2.test");
	(void)kernel_fixture_expect(fixture, EVENT_TLS, "behind.test");
	for (int i = 0; i < 2; i++) {
		event = kernel_fixture_find(fixture, EVENT_TLS, "", &from);
		assert_non_null(event);
		assert_true(event->tls.parse_failed);
		assert_int_equal(event->tls.protocol, EVENT_TLS_OVER_QUIC);
	}
	expect_clean(fixture, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_dns_answers),
	        KERNEL_FIXTURE_TEST(test_the_longest_name),
	        KERNEL_FIXTURE_TEST(test_dns_over_tcp_on_a_port_of_its_own),
	        KERNEL_FIXTURE_TEST(test_hello_byte_by_byte),
	        KERNEL_FIXTURE_TEST(test_hello_through_a_proxy),
	        KERNEL_FIXTURE_TEST(test_quic),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
