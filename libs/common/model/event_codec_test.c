// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/event_codec.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"
#include "model/proto.h"

enum { MESSAGE_MAX = 8 * 1024 * 1024 };

static void batches_go_both_ways(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	events_write_batch(&out, &header);
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		events_write_event(&out, &model_fixture_events[i]);
	struct events_header copy;
	struct events_reader reader;
	assert_int_equal(events_read_header(buf_view(&out), &copy, &reader, NULL), 0);
	assert_int_equal(copy.kind, EVENTS_BATCH);
	assert_true(run_id_equal(&copy.run_id, &header.run_id));
	assert_int_equal(copy.attempt, 2);
	assert_true(view_is(copy.runner_id, "runner-1"));
	assert_int_equal(copy.seq, 3);
	assert_true(copy.sent_at_ns == header.sent_at_ns);
	struct event event;
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++) {
		assert_int_equal(events_next(&reader, &event, NULL), 1);
		const char *field = model_fixture_difference(&event, &model_fixture_events[i]);
		if (field)
			fail_msg("event %zu: %s", i, field);
	}
	assert_int_equal(events_next(&reader, &event, NULL), 0);
	assert_int_equal(reader.read, MODEL_FIXTURE_EVENTS);
}

static void a_recorded_session_survives_the_bus(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	AUTO(buf) struct buf text;
	model_fixture_read("events-1.0.1.ndjson.gz", &text);
	struct wire_batches wire;
	size_t total = 0;
	assert_int_equal(model_fixture_read_wire(buf_view(&text), &arena, &wire, NULL), 0);
	for (const struct wire_batch *batch = wire.list; batch < wire.list + wire.count; batch++) {
		AUTO(buf) struct buf out;
		buf_init(&out, MESSAGE_MAX);
		struct events_header header = model_fixture_header(EVENTS_BATCH);
		struct events_reader reader;
		struct event event;
		events_write_batch(&out, &header);
		for (size_t i = 0; i < batch->event_count; i++)
			events_write_event(&out, &batch->events[i]);
		assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
		for (size_t i = 0; events_next(&reader, &event, NULL) == 1; i++)
			assert_null(model_fixture_difference(&event, &batch->events[i]));
		assert_int_equal(reader.read, batch->event_count);
		total += reader.read;
	}
	assert_int_equal(total, 1742);
	arena_release(&arena);
}

static void unknown_payloads_travel_as_text(void **state)
{
	(void)state;
	const struct event sent = {.type = EVENT_UNKNOWN,
	                           .wire_type = EVENT_FILE,
	                           .unknown = VIEW_LITERAL("{\"PathName\":7}")};
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	struct events_reader reader;
	struct event event;
	events_write_batch(&out, &header);
	events_write_event(&out, &sent);
	assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
	assert_int_equal(events_next(&reader, &event, NULL), 1);
	assert_null(model_fixture_difference(&event, &sent));
}

static void results_go_both_ways(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_RESULT);
	struct events_reader reader;
	struct run_result result;
	events_write_result(&out, &header, &model_fixture_result);
	assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
	assert_int_equal(header.kind, EVENTS_RESULT);
	assert_int_equal(events_read_result(&reader, &result, NULL), 0);
	assert_int_equal(result.status, RUN_STATUS_TIMEOUT);
	assert_true(view_equal(result.reason, model_fixture_result.reason));
	assert_int_equal(result.events_emitted, 1742);
	assert_int_equal(result.events_dropped, 5);
	assert_true(result.duration_ns == model_fixture_result.duration_ns);
	assert_true(result.native);
	assert_int_equal(result.last_seq, 30);
	assert_int_equal(result.lost_ring, 1);
	assert_int_equal(result.lost_parse, 2);
	assert_int_equal(result.truncated, 3);
	assert_int_equal(result.npm_exit_code, -7);
	assert_true(view_equal(result.image_digest, model_fixture_result.image_digest));
	assert_true(view_equal(result.sensor_tier, model_fixture_result.sensor_tier));
}

/* A result that does not say so has no npm exit code. */
static void a_plain_result_has_no_extras(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_RESULT);
	struct events_reader reader;
	struct run_result result;
	const struct run_result plain = {.npm_exit_code = INT32_MIN};
	events_write_result(&out, &header, &plain);
	assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
	assert_int_equal(events_read_result(&reader, &result, NULL), 0);
	assert_int_equal(result.status, RUN_STATUS_OK);
	assert_false(result.native);
	assert_true(result.npm_exit_code == INT32_MIN);
}

/* A header of the given kind, then `count` empty fields of the given number. */
static void write_message(struct buf *out, enum events_kind kind, uint32_t number, size_t count)
{
	struct events_header header = model_fixture_header(kind);
	buf_reset(out);
	events_write_batch(out, &header);
	for (size_t i = 0; i < count; i++)
		proto_write_bytes(out, number, VIEW_LITERAL(""));
}

static void bad_messages_are_dropped_at_the_header(void **state)
{
	(void)state;
	enum { EVENT = 8, RESULT = 9 };
	static const struct {
		enum events_kind kind;
		uint32_t number;
		size_t count;
		const char *text;
	} cases[] = {
	        {EVENTS_BATCH, EVENT, EVENTS_BATCH_MAX + 1,
	         "malformed message: more than 4096 events"},
	        {EVENTS_BATCH, RESULT, 1, "malformed message: 1 results"},
	        {EVENTS_RESULT, RESULT, 0, "malformed message: 0 results"},
	        {EVENTS_RESULT, RESULT, 2, "malformed message: 2 results"},
	        {(enum events_kind)0, EVENT, 1, "malformed message: no kind"},
	        {(enum events_kind)3, EVENT, 1, "malformed message: field 1 is out of range"},
	};
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header;
	struct events_reader reader;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		write_message(&out, cases[i].kind, cases[i].number, cases[i].count);
		assert_true(events_read_header(buf_view(&out), &header, &reader, &err) < 0);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, ERROR_DROP);
	}
	write_message(&out, EVENTS_BATCH, EVENT, EVENTS_BATCH_MAX);
	assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
	assert_true(events_read_header(VIEW_LITERAL(""), &header, &reader, NULL) < 0);
	assert_true(events_read_header(VIEW_LITERAL("\x08\x01\x12\x01x"), &header, &reader, NULL) <
	            0);
}

static void an_event_without_payload_is_dropped(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header;
	struct events_reader reader;
	struct event event;
	struct error err = {0};
	write_message(&out, EVENTS_BATCH, 8, 1);
	assert_int_equal(events_read_header(buf_view(&out), &header, &reader, NULL), 0);
	assert_true(events_next(&reader, &event, &err) < 0);
	assert_string_equal(err.text, "event 1: malformed message: an event without a payload");
	assert_int_equal(err.class, ERROR_DROP);
}

/* No prefix of a message is read as if it were whole, nor read beyond (for ASan to see). */
static void cut_messages_are_dropped(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	events_write_batch(&out, &header);
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		events_write_event(&out, &model_fixture_events[i]);
	for (size_t size = 0; size < out.size; size++) {
		AUTO(free) char *cut = view_dup(view_of(out.data, size));
		struct events_reader reader;
		struct event event;
		if (events_read_header(view_of(cut, size), &header, &reader, NULL) < 0)
			continue;
		while (events_next(&reader, &event, NULL) > 0)
			;
		assert_true(reader.read < MODEL_FIXTURE_EVENTS);
	}
}

static void an_overflow_shows(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	buf_init(&out, 200);
	events_write_batch(&out, &header);
	assert_false(out.overflowed);
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		events_write_event(&out, &model_fixture_events[i]);
	assert_true(out.overflowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(batches_go_both_ways),
	        cmocka_unit_test(a_recorded_session_survives_the_bus),
	        cmocka_unit_test(unknown_payloads_travel_as_text),
	        cmocka_unit_test(results_go_both_ways),
	        cmocka_unit_test(a_plain_result_has_no_extras),
	        cmocka_unit_test(bad_messages_are_dropped_at_the_header),
	        cmocka_unit_test(an_event_without_payload_is_dropped),
	        cmocka_unit_test(cut_messages_are_dropped),
	        cmocka_unit_test(an_overflow_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
