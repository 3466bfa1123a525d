// SPDX-License-Identifier: Apache-2.0
#include "wire/event_batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONNECT                                                                                    \
	"{\"type\":3,\"payload\":{\"Header\":{\"PID\":7},\"Family\":2,\"DestPort\":443,"           \
	"\"DestAddr\":[1,2,3,4]}}"

enum { BODY_MAX_BYTES = 4 << 20 };

static int setup(void **state)
{
	static struct event_batches batches;

	event_batches_init(&batches);
	*state = &batches;
	return 0;
}

static int teardown(void **state)
{
	event_batches_release(*state);
	return 0;
}

static int convert(struct event_batches *batches, struct view body, struct error *err)
{
	struct error ignored = {0};
	int rc = event_batches_take(batches, body, err ? err : &ignored);

	return rc ? rc : event_batches_end(batches, err ? err : &ignored);
}

/* The sequence number of a message, and how many events it has. */
static size_t read_message(const struct event_batches *batches, size_t i, uint64_t *ret_seq)
{
	struct events_header header = {
	        .attempt = 2, .runner_id = VIEW_LITERAL("r"), .run_id.bytes = {9}};
	struct events_reader reader;
	struct event event;
	struct buf message;
	size_t count = 0;

	buf_init(&message, BODY_MAX_BYTES);
	event_batches_write(batches, i, &header, &message);
	assert_int_equal(events_read_header(buf_view(&message), &header, &reader, NULL), 0);
	assert_int_equal(header.kind, EVENTS_BATCH);
	assert_int_equal(header.attempt, 2);
	assert_int_equal(header.run_id.bytes[0], 9);
	assert_true(view_is(header.runner_id, "r"));
	*ret_seq = header.seq;
	while (events_next(&reader, &event, NULL) > 0)
		count++;
	buf_release(&message);
	return count;
}

static void batches_become_messages(void **state)
{
	struct event_batches *batches = *state;
	uint64_t seq;

	assert_int_equal(convert(batches,
	                         VIEW_LITERAL("{\"seq\":1,\"events\":[" CONNECT "," CONNECT "]}\n"
	                                      "{\"seq\":2,\"events\":null}"
	                                      "{\"seq\":3,\"events\":[{\"type\":99}]}  "),
	                         NULL),
	                 0);
	assert_int_equal(batches->count, 3);
	assert_int_equal(read_message(batches, 0, &seq), 2);
	assert_int_equal(seq, 1);
	/* An empty batch counts: its number must not look like a gap. */
	assert_int_equal(read_message(batches, 1, &seq), 0);
	assert_int_equal(seq, 2);
	assert_int_equal(read_message(batches, 2, &seq), 1);
	assert_int_equal(batches->batches, 3);
	assert_int_equal(batches->events, 3);
	assert_int_equal(batches->by_type[EVENT_CONNECT], 2);
	assert_int_equal(batches->by_type[EVENT_UNKNOWN], 1);
}

static void batches_before_a_bad_one_are_taken(void **state)
{
	struct event_batches *batches = *state;
	struct error err = {0};

	assert_true(convert(batches,
	                    VIEW_LITERAL("{\"seq\":1,\"events\":[" CONNECT "]}{\"seq\":2,\"ev"),
	                    &err) < 0);
	assert_int_equal(err.class, ERROR_DROP);
	assert_int_equal(batches->count, 1);
	assert_int_equal(batches->events, 1);
}

static void large_batch_becomes_parts(void **state)
{
	enum { EVENTS = 300, PATH_SIZE = 4000 };
	struct event_batches *batches = *state;
	struct buf body;
	size_t total = 0;

	buf_init(&body, BODY_MAX_BYTES);
	buf_append_string(&body, "{\"seq\":5,\"events\":[");
	for (int i = 0; i < EVENTS; i++)
		buf_printf(&body, "%s{\"type\":1,\"payload\":{\"PathName\":\"/%0*d\"}}",
		           i ? "," : "", PATH_SIZE, i);
	buf_append_string(&body, "]}");
	assert_false(body.overflowed);
	assert_int_equal(convert(batches, buf_view(&body), NULL), 0);
	buf_release(&body);
	assert_int_equal(batches->count, 3);
	for (size_t i = 0; i < batches->count; i++) {
		uint64_t seq;

		assert_true(batches->parts[i].events.size < EVENT_PART_MAX_BYTES + 2 * PATH_SIZE);
		total += read_message(batches, i, &seq);
		assert_int_equal(seq, 5 + ((uint64_t)i << EVENT_PART_SHIFT));
	}
	assert_int_equal(total, EVENTS);
}

static void many_events_become_parts(void **state)
{
	enum { EVENTS = 2 * EVENTS_BATCH_MAX + 1 };
	struct event_batches *batches = *state;
	struct buf body;
	uint64_t seq;

	buf_init(&body, BODY_MAX_BYTES);
	buf_append_string(&body, "{\"events\":[{}");
	for (int i = 1; i < EVENTS; i++)
		buf_append_string(&body, ",{}");
	buf_append_string(&body, "],\"seq\":5}");
	assert_int_equal(convert(batches, buf_view(&body), NULL), 0);
	buf_release(&body);
	assert_int_equal(batches->batches, 1);
	assert_int_equal(batches->events, EVENTS);
	assert_int_equal(batches->count, 3);
	assert_int_equal(read_message(batches, 0, &seq), EVENTS_BATCH_MAX);
	assert_int_equal(seq, 5);
	assert_int_equal(read_message(batches, 2, &seq), 1);
	assert_int_equal(seq, 5 + (UINT64_C(2) << EVENT_PART_SHIFT));
}

/* Of duplicate keys the last counts, and what is incomplete not at all. */
static void events_that_do_not_count_are_forgotten(void **state)
{
	struct event_batches *batches = *state;
	uint64_t seq;

	assert_true(convert(batches,
	                    VIEW_LITERAL("{\"seq\":1,\"events\":[" CONNECT "," CONNECT
	                                 "],\"events\":[{}]}{\"events\":[" CONNECT "]"),
	                    NULL) < 0);
	assert_int_equal(batches->count, 1);
	assert_int_equal(read_message(batches, 0, &seq), 1);
	assert_int_equal(batches->events, 1);
	assert_int_equal(batches->by_type[EVENT_CONNECT], 0);
	assert_int_equal(batches->by_type[EVENT_UNKNOWN], 1);
}

static void batches_of_a_body_are_bounded(void **state)
{
	struct event_batches *batches = *state;
	struct error err = {0};

	for (int i = 0; i < EVENT_PARTS_MAX; i++)
		assert_int_equal(event_batches_take(batches, VIEW_LITERAL("{}"), &err), 0);
	assert_true(event_batches_take(batches, VIEW_LITERAL("{}"), &err) < 0);
	assert_string_equal(err.text, "more than 4096 batches in one body");
	assert_int_equal(err.class, ERROR_DROP);
}

static void unnumbered_batches_stay_apart(void **state)
{
	struct event_batches *batches = *state;
	uint64_t first, second;

	assert_int_equal(convert(batches, VIEW_LITERAL("{\"events\":[]}{\"events\":[]}"), NULL), 0);
	(void)read_message(batches, 0, &first);
	(void)read_message(batches, 1, &second);
	assert_true(first > INT64_MAX / 2 && second > INT64_MAX / 2);
	assert_true(first < INT64_MAX && second < INT64_MAX);
	assert_int_not_equal(first, second);
}

#define BATCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        BATCH_TEST(batches_become_messages),
	        BATCH_TEST(batches_before_a_bad_one_are_taken),
	        BATCH_TEST(large_batch_becomes_parts),
	        BATCH_TEST(many_events_become_parts),
	        BATCH_TEST(events_that_do_not_count_are_forgotten),
	        BATCH_TEST(batches_of_a_body_are_bounded),
	        BATCH_TEST(unnumbered_batches_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
