// SPDX-License-Identifier: Apache-2.0
/* Records of what packets say: DNS, TLS, QUIC and requests to proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder_fixture.h"
#include "hello_fixture.h"
#include "quic_fixture.h"

static void give_payload_of(struct decoder_fixture *fixture, uint64_t cookie, enum record_kind kind,
                            uint16_t purpose, uint16_t port, uint32_t offset, struct view data)
{
	struct record_payload *payload =
	        decoder_begin(fixture, kind, RECORD_NO_TASK, sizeof(*payload));

	payload->cookie = cookie;
	payload->to.family = 2;
	payload->to.port = port;
	payload->purpose = purpose;
	payload->offset = offset;
	payload->size = (uint32_t)decoder_add_text(fixture, data);
	fixture->size += 40; /* the reservation is larger than what it holds */
	decoder_give(fixture);
}

static void give_payload(struct decoder_fixture *fixture, enum record_kind kind, uint16_t purpose,
                         uint16_t port, uint32_t offset, struct view data)
{
	give_payload_of(fixture, 9, kind, purpose, port, offset, data);
}

#define QUERY                                                                                      \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                     \
	"a\x04test\x00\x00\x01\x00\x01"

static void test_datagrams(void **state)
{
	struct decoder_fixture *fixture = *state;

	decoder_give_exec(fixture, "/usr/bin/x", "", "", VIEW_LITERAL("x\0"));
	decoder_expect(fixture, "manager exec /usr/bin/x [x]\n");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL(QUERY));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL("garbage"));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0, VIEW_LITERAL(QUERY));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0,
	             VIEW_LITERAL("\0\0\0\0\0\1\0\0\0\0\0\0\x3f"));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 5353, 0,
	             VIEW_LITERAL("\0\0\x84\0\0\0\0\0\0\0\0\0"));
	decoder_expect(fixture, "manager dns_query a.test\n"
	                        "manager dns_query  bad\n"
	                        "manager dns_query a.test\n");
	assert_int_equal(fixture->decoder.stats.parse_failed, 1);
	assert_int_equal(fixture->decoder.stats.unattributed, 0);
}

#define ANSWER                                                                                     \
	"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01"                                     \
	"a\x04test\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00"    \
	"\x02"                                                                                     \
	"\x01"

static void test_answers_name_addresses(void **state)
{
	struct decoder_fixture *fixture = *state;
	const uint64_t in = RECORD_INGRESS | 9;

	decoder_give_exec(fixture, "/usr/bin/x", "", "", VIEW_LITERAL("x\0"));
	buf_reset(&fixture->lines);
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL(QUERY));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0,
	                VIEW_LITERAL(ANSWER));
	decoder_give_tcp(fixture, 1, 0);
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "manager dns_query a.test\n"
	                        "manager dns_query a.test is 192.0.2.1\n"
	                        "manager net_connect 192.0.2.1 1 name a.test\n");
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0,
	                VIEW_LITERAL("garbage"));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0,
	                VIEW_LITERAL("garbage"));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 5353, 0,
	                VIEW_LITERAL(QUERY)); /* somebody else's */
	decoder_expect(fixture, "manager dns_query  bad is \n");
}

static void test_dns_on_a_port_of_its_own(void **state)
{
	struct decoder_fixture *fixture = *state;
	struct view message = VIEW_LITERAL("\x00\x18" QUERY);

	for (uint32_t i = 0; i < message.size; i++)
		give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, i,
		             view_of(message.data + i, 1));
	decoder_expect(fixture, "unknown dns_query a.test\n");
	give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, 0,
	                VIEW_LITERAL("\0\0"));
	assert_int_equal(fixture->done_cookie, 0);
	give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, 2,
	                VIEW_LITERAL("some other protocol"));
	assert_int_equal(fixture->done_cookie, 10);
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
}

static void test_quic(void **state)
{
	struct decoder_fixture *fixture = *state;
	uint8_t hello[HELLO_FIXTURE_MAX], frames[QUIC_FIXTURE_MAX], bytes[QUIC_FIXTURE_MAX];
	struct quic_fixture packet = {.version = QUIC_VERSION_2,
	                              .destination = VIEW_LITERAL("12345678")};
	size_t size = quic_fixture_hello(hello, "evil.test", 1700), half = 1000;
	struct view piece = view_of(frames, quic_fixture_crypto(frames, 0, view_of(hello, half)));

	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	decoder_expect(fixture, "");
	packet.number++;
	piece.size = quic_fixture_crypto(frames, half, view_of(hello + half, size - half));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	decoder_expect(fixture, "unknown tls_sni evil.test quic\n");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             VIEW_LITERAL("\xc0\x1a\x2a\x3a\x4a\x04idid"));
	decoder_expect(fixture, "unknown tls_sni  quic bad\n");
	packet.destination = VIEW_LITERAL("another");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	decoder_expect(fixture, "");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "unknown tls_sni  quic bad\n");
}

static void test_dns_stream(void **state)
{
	struct decoder_fixture *fixture = *state;
	struct view message = VIEW_LITERAL("\x00\x18" QUERY "\x00\x18" QUERY "\x00\x63xyz");

	for (uint32_t i = 0; i < message.size; i++)
		give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_DNS, 53, i,
		             view_of(message.data + i, 1));
	decoder_expect(fixture, "unknown dns_query a.test\nunknown dns_query a.test\n");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "unknown dns_query  bad\n");
	assert_int_equal(fixture->done_cookie, 9);
}

static void test_tls_stream(void **state)
{
	struct decoder_fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "evil.test", 1700, 500);

	/* The second half first. */
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 1000,
	             view_of(bytes + 1000, size - 1000));
	decoder_expect(fixture, "");
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, 1000));
	decoder_expect(fixture, "unknown tls_sni evil.test\n");
	assert_int_equal(fixture->done_cookie, 9);
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, 1000));
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
}

static void test_unfinished_hello_is_reported(void **state)
{
	struct decoder_fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "evil.test", 0, 0);

	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, size / 2));
	decoder_expect(fixture, "");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "unknown tls_sni  bad\n");
}

static void test_not_tls_at_all_is_silence(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 9000, 0,
	             VIEW_LITERAL("\x16 other protocol"));
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
}

static void give_proxy(struct decoder_fixture *fixture, uint32_t *offset, struct view bytes)
{
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 3128, *offset, bytes);
	*offset += (uint32_t)bytes.size;
}

static void test_tls_through_a_proxy(void **state)
{
	struct decoder_fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "inside.test", 1700, 0);
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT evil.test:443 HTTP/1.1\r\nA: b"));
	decoder_expect(fixture, "unknown tls_sni evil.test through evil.test:443\n");
	give_proxy(fixture, &offset, VIEW_LITERAL("\r\n\r\n"));
	/* Refused; with a password now. */
	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT 2nd.test:8443 HTTP/1.1\r\n\r\n"));
	decoder_expect(fixture, "unknown tls_sni 2nd.test through 2nd.test:8443\n");
	for (size_t i = 0; i < size; i++)
		give_proxy(fixture, &offset, view_of(bytes + i, 1));
	decoder_expect(fixture, "unknown tls_sni inside.test through 2nd.test:8443\n");
	assert_int_equal(fixture->done_cookie, 9);
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
}

static void test_proxy_of_proxies(void **state)
{
	struct decoder_fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, NULL, 0, 0);
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("\5\1\0"));
	give_proxy(fixture, &offset, VIEW_LITERAL("\5\1\0\3\6a.test\4\x38"));
	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT [2001:db8::1]:443 HTTP/1.0\n\n"));
	give_proxy(fixture, &offset, view_of(bytes, size));
	decoder_expect(fixture, "unknown tls_sni a.test through a.test:1080\n"
	                        "unknown tls_sni 2001:db8::1 through [2001:db8::1]:443\n"
	                        "unknown tls_sni  through [2001:db8::1]:443\n");
	assert_int_equal(fixture->done_cookie, 9);
}

static void test_odd_requests_to_proxies(void **state)
{
	static char endless[40000] = "CONNECT ";
	struct decoder_fixture *fixture = *state;
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT a.test:99999 HTTP/1.1\r\n\r\nmore"));
	decoder_expect(fixture, "unknown tls_sni  bad\n");
	assert_int_equal(fixture->done_cookie, 9);
	memset(endless + strlen(endless), 'a', sizeof(endless) - strlen(endless));
	for (uint32_t at = 0; at < sizeof(endless); at += sizeof(endless) / 4)
		give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 80, at,
		                view_of(endless + at, sizeof(endless) / 4));
	decoder_expect(fixture, "unknown tls_sni  bad\n");
	/* Others say so, too: NATS. */
	give_payload_of(fixture, 11, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 4222, 0,
	                VIEW_LITERAL("CONNECT {\"verbose\":false}\r\nPING\r\n"));
	assert_int_equal(fixture->done_cookie, 11);
	give_payload_of(fixture, 12, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 4222, 0,
	                VIEW_LITERAL("CONNECT half"));
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
	assert_int_equal(fixture->done_cookie, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, decoder_set_up, decoder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_datagrams),
	        TEST(test_answers_name_addresses),
	        TEST(test_dns_on_a_port_of_its_own),
	        TEST(test_quic),
	        TEST(test_dns_stream),
	        TEST(test_tls_stream),
	        TEST(test_unfinished_hello_is_reported),
	        TEST(test_not_tls_at_all_is_silence),
	        TEST(test_tls_through_a_proxy),
	        TEST(test_proxy_of_proxies),
	        TEST(test_odd_requests_to_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
