// SPDX-License-Identifier: Apache-2.0
/* Positions, and what of a batch goes to whom in which words. */
#include "live/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define SECOND_US INT64_C(1000000)

static struct position *at(const char *cursor)
{
	struct position *position = position_parse(view_of_string(cursor));

	assert_non_null(position);
	return position;
}

static void a_position_knows_what_it_has_seen(void **state)
{
	struct position *position = at("5000000.10:20:12,15");

	(void)state;
	assert_true(position_sees(position, 9));
	assert_true(position_sees(position, 10));
	assert_false(position_sees(position, 12));
	assert_true(position_sees(position, 13));
	assert_false(position_sees(position, 15));
	assert_true(position_sees(position, 19));
	assert_false(position_sees(position, 20));
	assert_true(position_sees_all_before(position, 10));
	assert_false(position_sees_all_before(position, 11));
	assert_int_equal(position_told_us(position), 5 * SECOND_US);
	assert_string_equal(position_snapshot(position), "10:20:12,15");
	assert_string_equal(position_cursor(position), "5000000.10:20:12,15");
	position_unref(position);
}

static void a_cursor_from_elsewhere_is_refused(void **state)
{
	static const char *const bad[] = {
	        "",         "x",          "5",
	        "5.",       "5.1",        "5.1:2",
	        "5.2:1:",   "5.0:1:",     "-5.1:2:",
	        "5.1:2:1,", "5.1:9:9",    "5.5:9:4",
	        "5.1:9:3x", "5.1:9:3,2",  "5.1:9:3,3",
	        "5.1:2:,",  "5 .1:2:",    "5.1:2:\n",
	        "5.1:2:;1", "5.1 : 2 : ", "5.1:99999999999999999999:",
	        "1.2.3:4:",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (position_parse(view_of_string(bad[i])))
			fail_msg("'%s' was taken", bad[i]);
	}
	AUTO(free) char *huge = xmalloc(POSITION_CURSOR_MAX + 2);
	memset(huge, '1', POSITION_CURSOR_MAX + 1);
	assert_null(position_parse(view_of(huge, POSITION_CURSOR_MAX + 1)));
}

static void a_position_with_very_many_open_transactions_has_a_short_cursor(void **state)
{
	AUTO(buf) struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_append_string(&text, "1000000:9000000:");
	for (int xid = 1000000; xid < 1000999; xid += 2)
		buf_printf(&text, "%s%d", xid > 1000000 ? "," : "", xid);
	struct position *position = position_make(7, buf_view(&text));
	assert_non_null(position);
	assert_true(position_sees(position, 1000001));
	assert_false(position_sees(position, 1000002));
	assert_string_equal(position_snapshot(position), text.data);
	assert_string_equal(position_cursor(position), "7.1000000:1000000:");
	position_unref(position);
}

static void a_floor_has_seen_no_more_than_either(void **state)
{
	struct position *a = at("9.10:20:"), *b = at("5.15:40:16");
	struct position *floor = position_floor(a, b);

	(void)state;
	assert_true(position_sees(floor, 9));
	assert_false(position_sees(floor, 10));
	assert_int_equal(position_told_us(floor), 5);
	assert_true(position_is_ahead(b, a));
	assert_false(position_is_ahead(a, b));
	position_unref(floor);
	position_unref(a);
	position_unref(b);
}

static void topics_are_read(void **state)
{
	struct view unknown;
	unsigned topics = 0;

	(void)state;
	assert_true(topics_parse(NULL, &topics, &unknown));
	assert_int_equal(topics, TOPICS_ALL);
	assert_true(topics_parse("", &topics, &unknown));
	assert_int_equal(topics, TOPICS_ALL);
	assert_true(topics_parse("runs,runners", &topics, &unknown));
	assert_int_equal(topics, 1 << TOPIC_RUNS | 1 << TOPIC_RUNNERS);
	assert_true(topics_parse(" deviations ", &topics, &unknown));
	assert_int_equal(topics, 1 << TOPIC_DEVIATIONS);
	assert_false(topics_parse("runs,events", &topics, &unknown));
	assert_true(view_is(unknown, "events"));
	assert_false(topics_parse(",runs", &topics, &unknown));
}

/* A run and a deviation of package a by transactions 30 and 31, a runner silent since second 8. */
static void fill(struct batch *batch)
{
	static const struct cause run[] = {{30, 0}}, deviation[] = {{31, 0}},
	                          runner[] = {{0, 8 * SECOND_US}};
	static const struct item items[] = {
	        {TOPIC_RUNS, "a", run, 1, VIEW_LITERAL("{\"id\":\"r\"}")},
	        {TOPIC_DEVIATIONS, "a", deviation, 1, VIEW_LITERAL("{\"id\":\"d\"}")},
	        {TOPIC_RUNNERS, NULL, runner, 1, VIEW_LITERAL("{\"id\":\"n\"}")},
	};

	batch_init(batch);
	batch->now = at("10000000.40:40:");
	batch->items = items;
	batch->count = 3;
}

static void check(const struct batch *batch, unsigned topics, const char *package, const char *seen,
                  const char *expected)
{
	const struct interest interest = {topics, package};
	struct position *position = at(seen);
	size_t counts[TOPIC_COUNT] = {0};
	AUTO(buf) struct buf out;

	buf_init(&out, BATCH_FRAME_MAX_BYTES);
	batch_write(batch, &interest, position, &out, counts);
	assert_string_equal(out.data, expected);
	position_unref(position);
}

#define ID "id: 10000000.40:40:\n\n"
#define RUN "event: run\ndata: {\"id\":\"r\"}\n"
#define DEVIATION "event: deviation\ndata: {\"id\":\"d\"}\n"
#define RUNNER "event: runner\ndata: {\"id\":\"n\"}\n"
#define RESET "event: reset\ndata: {}\n"

static void each_listener_is_told_what_is_new_to_him(void **state)
{
	struct batch batch;

	(void)state;
	fill(&batch);
	check(&batch, TOPICS_ALL, NULL, "7000000.20:20:", RUN "\n" DEVIATION "\n" RUNNER ID);
	check(&batch, TOPICS_ALL, NULL, "9000000.20:20:", RUN "\n" DEVIATION ID);
	check(&batch, TOPICS_ALL, NULL, "9000000.30:40:30", RUN ID);
	check(&batch, TOPICS_ALL, NULL, "9000000.31:31:", DEVIATION ID);
	check(&batch, TOPICS_ALL, NULL, "9000000.40:40:", "");
	batch_release(&batch);
}

static void each_listener_is_told_what_he_wants(void **state)
{
	struct batch batch;

	(void)state;
	fill(&batch);
	check(&batch, 1 << TOPIC_RUNS, NULL, "7000000.20:20:", RUN ID);
	check(&batch, 1 << TOPIC_RUNNERS, "b", "7000000.20:20:", RUNNER ID);
	check(&batch, TOPICS_ALL, "a", "7000000.20:20:", RUN "\n" DEVIATION "\n" RUNNER ID);
	check(&batch, 1 << TOPIC_RUNS, "b", "7000000.20:20:", "");
	batch_release(&batch);
}

static void who_cannot_be_told_reads_his_lists_anew(void **state)
{
	struct batch batch;

	(void)state;
	fill(&batch);
	/* From a database that is not this one any more. */
	check(&batch, TOPICS_ALL, NULL, "7000000.20:41:", RESET ID);
	/* More happened than is told at once. */
	batch.cut_xid = 25;
	check(&batch, TOPICS_ALL, NULL, "7000000.25:25:", RESET ID);
	check(&batch, 1 << TOPIC_RUNS, NULL, "7000000.26:26:", RUN ID);
	/* Away for longer than changes are kept. */
	position_unref(batch.now);
	batch.now = at("607000001.40:40:");
	batch.cut_xid = 0;
	check(&batch, TOPICS_ALL, NULL, "7000000.20:20:", RESET "id: 607000001.40:40:\n\n");
	check(&batch, 1 << TOPIC_RUNS, NULL, "7000001.20:20:", RUN "id: 607000001.40:40:\n\n");
	batch_release(&batch);
}

static void more_than_a_frame_is_a_reset(void **state)
{
	static const struct cause cause = {30, 0};
	AUTO(free) char *text = xmalloc(BATCH_FRAME_MAX_BYTES);
	struct batch batch;

	(void)state;
	memset(text, '1', BATCH_FRAME_MAX_BYTES);
	const struct item item = {TOPIC_RUNS, NULL, &cause, 1,
	                          view_of(text, BATCH_FRAME_MAX_BYTES)};
	fill(&batch);
	batch.items = &item;
	batch.count = 1;
	check(&batch, TOPICS_ALL, NULL, "7000000.20:20:", RESET ID);
	batch_release(&batch);
}

static void lines_between_events(void **state)
{
	struct position *position = at("7.20:20:");
	AUTO(buf) struct buf out;

	(void)state;
	buf_init(&out, BATCH_FRAME_MAX_BYTES);
	frame_hello(&out);
	frame_silence(&out);
	frame_position(&out, position);
	assert_string_equal(out.data, ": connected\nretry: 2000\n\n"
	                              ": keep-alive\n\n"
	                              ": keep-alive\nid: 7.20:20:\n\n");
	position_unref(position);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_position_knows_what_it_has_seen),
	        cmocka_unit_test(a_cursor_from_elsewhere_is_refused),
	        cmocka_unit_test(a_position_with_very_many_open_transactions_has_a_short_cursor),
	        cmocka_unit_test(a_floor_has_seen_no_more_than_either),
	        cmocka_unit_test(topics_are_read),
	        cmocka_unit_test(each_listener_is_told_what_is_new_to_him),
	        cmocka_unit_test(each_listener_is_told_what_he_wants),
	        cmocka_unit_test(who_cannot_be_told_reads_his_lists_anew),
	        cmocka_unit_test(more_than_a_frame_is_a_reset),
	        cmocka_unit_test(lines_between_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
