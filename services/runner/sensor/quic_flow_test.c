// SPDX-License-Identifier: Apache-2.0
#include "quic_flow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "client_hello.h"
#include "hello_fixture.h"
#include "quic_fixture.h"

enum { COOKIE = 9, PIECE = 900, KEY_SHARE = 1700 };

static int setup(void **state)
{
	static struct quic_flows flows;

	quic_flows_init(&flows);
	*state = &flows;
	return 0;
}

static int teardown(void **state)
{
	quic_flows_release(*state);
	return 0;
}

static struct quic_fixture fixture_of(const char *id, uint32_t number)
{
	return (struct quic_fixture){
	        .version = QUIC_VERSION_1, .destination = view_of_string(id), .number = number};
}

/* Gives a packet with one piece of the handshake. */
static enum quic_news give(struct quic_flows *flows, const struct quic_fixture *fixture,
                           size_t offset, struct view piece, struct quic_flow **ret)
{
	uint8_t frames[QUIC_FIXTURE_MAX], bytes[QUIC_FIXTURE_MAX];
	size_t size = quic_fixture_crypto(frames, offset, piece);
	struct view datagram =
	        view_of(bytes, quic_fixture_initial(bytes, fixture, view_of(frames, size), 0));
	enum quic_news news;

	assert_int_equal(quic_flows_next(flows, COOKIE, &datagram, &news, ret), 1);
	assert_int_equal(datagram.size, 0);
	return news;
}

/* A hello of today's size in three datagrams, the last one first, after which the server has given
 * itself another id. */
static void test_pieces_in_any_order(void **state)
{
	uint8_t hello[HELLO_FIXTURE_MAX];
	size_t size = quic_fixture_hello(hello, "evil.test", KEY_SHARE);
	struct quic_fixture fixture = fixture_of("first-id", 2);
	struct quic_flow *flow, *same;
	struct client_hello read;

	assert_int_equal(give(*state, &fixture, 2 * (size_t)PIECE,
	                      view_of(hello + 2 * (size_t)PIECE, size - 2 * (size_t)PIECE), &flow),
	                 QUIC_PROGRESS);
	fixture.number = 0;
	assert_int_equal(give(*state, &fixture, 0, view_of(hello, PIECE), &same), QUIC_PROGRESS);
	assert_ptr_equal(flow, same);
	assert_int_equal(client_hello_parse_bare(stream_prefix(&flow->handshake), &read),
	                 CLIENT_HELLO_MORE);
	fixture.number = 3;
	fixture.key_destination = fixture.destination;
	fixture.destination = VIEW_LITERAL("of the server");
	assert_int_equal(give(*state, &fixture, PIECE, view_of(hello + PIECE, PIECE), &same),
	                 QUIC_PROGRESS);
	assert_ptr_equal(flow, same);
	assert_int_equal(client_hello_parse_bare(stream_prefix(&flow->handshake), &read),
	                 CLIENT_HELLO_NAME);
	assert_string_equal(read.name, "evil.test");
	quic_flow_finish(flow);
	assert_int_equal(give(*state, &fixture, 0, view_of(hello, PIECE), &same), QUIC_NOTHING);
}

static void test_what_cannot_be_read_is_told_once(void **state)
{
	struct quic_fixture fixture = fixture_of("first-id", 0);
	struct quic_flow *flow;

	fixture.key_destination = VIEW_LITERAL("other-id");
	assert_int_equal(give(*state, &fixture, 0, VIEW_LITERAL("x"), &flow), QUIC_UNREADABLE);
	fixture.number++;
	assert_int_equal(give(*state, &fixture, 0, VIEW_LITERAL("x"), &flow), QUIC_NOTHING);
	fixture.destination = VIEW_LITERAL("another");
	assert_int_equal(give(*state, &fixture, 0, VIEW_LITERAL("x"), &flow), QUIC_UNREADABLE);
}

static void test_unknown_version_is_told_once(void **state)
{
	struct view datagram = VIEW_LITERAL("\xc0\x1a\x2a\x3a\x4a\x04idid");
	struct view again = datagram, short_header = VIEW_LITERAL("\x40short");
	struct quic_flow *flow;
	enum quic_news news;

	assert_int_equal(quic_flows_next(*state, COOKIE, &datagram, &news, &flow), 1);
	assert_int_equal(news, QUIC_UNREADABLE);
	assert_int_equal(quic_flows_next(*state, COOKIE, &datagram, &news, &flow), 0);
	assert_int_equal(quic_flows_next(*state, COOKIE, &again, &news, &flow), 1);
	assert_int_equal(news, QUIC_NOTHING);
	assert_int_equal(quic_flows_next(*state, COOKIE, &short_header, &news, &flow), 0);
}

static void count(void *ctx, struct quic_flow *flow)
{
	(void)flow;
	++*(size_t *)ctx;
}

static void test_the_least_recent_makes_room(void **state)
{
	struct quic_flow *flow, *first = NULL;
	size_t open = 0;

	for (uint32_t i = 0; i < QUIC_FLOWS_MAX; i++) {
		char id[] = "idididid";
		struct quic_fixture fixture = fixture_of(id, 0);

		assert_null(quic_flows_oldest(*state));
		id[0] = (char)('0' + i % 64);
		id[1] = (char)('0' + i / 64);
		assert_int_equal(give(*state, &fixture, 0, VIEW_LITERAL("x"), &flow),
		                 QUIC_PROGRESS);
		first = first ? first : flow;
	}
	assert_ptr_equal(quic_flows_oldest(*state), first);
	quic_flows_each(*state, count, &open);
	assert_int_equal(open, QUIC_FLOWS_MAX);
	quic_flow_finish(first);
	assert_null(quic_flows_oldest(*state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_pieces_in_any_order, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_what_cannot_be_read_is_told_once, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_unknown_version_is_told_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_the_least_recent_makes_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
