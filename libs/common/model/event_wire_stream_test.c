// SPDX-License-Identifier: Apache-2.0
#include "model/event_wire_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "model/model_fixture.h"

enum { JSON_MAX = 8 * 1024 * 1024 };

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void assert_equal_batches(const struct wire_batches *a, const struct wire_batches *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->list[i].seq, b->list[i].seq);
		assert_true(run_id_equal(&a->list[i].run_id, &b->list[i].run_id));
		assert_int_equal(a->list[i].event_count, b->list[i].event_count);
		for (size_t j = 0; j < a->list[i].event_count; j++)
			assert_null(model_fixture_difference(&a->list[i].events[j],
			                                     &b->list[i].events[j]));
	}
}

/* Good and bad bodies, small enough to be cut everywhere. */
// NOLINTBEGIN(bugprone-suspicious-missing-comma)
static const char *const bodies[] = {
        "",
        "  ",
        "null",
        "{}{}null\n{ } ",
        "{\"seq\":12,\"events\":null,\"run_id\":[1,2,3]}{\"seq\":13}",
        "{\"events\":[],\"seq\":9007199254740993}",
        "{\"RUN_ID\":[1],\"x\":{\"y\":[true,\"]}\\\"\\u00e9\"]},\"z\":-1.5e3,\"Seq\":9,"
        "\"\\u0073eq\":5}",
        "{\"events\":[{\"Payload\":{\"pathname\":\"/a\\u0000\\ud83d\\ude00\xC3\xA9\",\"header\":"
        "{\"pid\":7},\"FLAGS\":null},\"Type\":1},null,{},{\"type\":9,\"payload\":[1,{}]}],\"seq\":"
        "3}",
        "{\"events\":[{\"type\":3}],\"events\":[{\"type\":4},{\"type\":5}],\"seq\":1}",
        "{\"seq\":1}{\"seq\":-1}",
        "{\"seq\":1}x",
        "{\"seq\":1x}",
        "{\"seq\":1,}",
        "{\"seq\" 1}",
        "{,}",
        "[]",
        "nul",
        "{\"events\":[{\"type\":1,\"payload\":{\"Path\":[1,}}]}",
        "{\"events\":[{\"type\":1}{\"type\":1}]}",
        "{\"events\":[{\"type\":1},]}",
        "{\"events\":[{\"type\":1,\"payload\":\"\\q\"}]}",
        "{\"events\":[{\"type\":1]}]}",
        "{\"events\":[1]}",
        "{\"events\":{}}",
        "{\"seq\":1",
};
// NOLINTEND(bugprone-suspicious-missing-comma)

static void assert_same_when_split(struct view body, const size_t *splits, size_t count,
                                   const struct wire_batches *whole, const char *text)
{
	struct wire_batches pieces;
	struct error err = {0};
	(void)model_fixture_read_split(body, splits, count, &arena, &pieces, &err);
	assert_string_equal(err.text, text);
	assert_equal_batches(&pieces, whole);
}

static void every_split_gives_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct view body = view_of_string(bodies[i]);
		struct wire_batches whole;
		struct error err = {0};
		size_t each[512];
		(void)model_fixture_read_wire(body, &arena, &whole, &err);
		for (size_t a = 0; a < body.size; a++) {
			each[a] = a;
			for (size_t b = a; b <= body.size; b++) {
				const size_t splits[] = {a, b};
				assert_same_when_split(body, splits, 2, &whole, err.text);
			}
		}
		assert_same_when_split(body, each, body.size, &whole, err.text);
	}
}

static void recorded_examples_byte_by_byte(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	model_fixture_read("examples.ndjson", &text);
	struct wire_batches whole;
	assert_int_equal(model_fixture_read_wire(buf_view(&text), &arena, &whole, NULL), 0);
	size_t *each = arena_alloc(&arena, text.size, sizeof(*each));
	for (size_t i = 0; i < text.size; i++)
		each[i] = i;
	assert_same_when_split(buf_view(&text), each, text.size, &whole, "");
	for (size_t i = 0; i < text.size; i += 7)
		assert_same_when_split(buf_view(&text), &i, 1, &whole, "");
}

static int compare(const void *a, const void *b)
{
	size_t left = *(const size_t *)a;
	size_t right = *(const size_t *)b;
	return left < right ? -1 : left > right;
}

static void a_recorded_session_in_random_pieces(void **state)
{
	(void)state;
	enum { ROUNDS = 8, SPLITS = 300 };
	AUTO(buf) struct buf text;
	model_fixture_read("events-1.0.1.ndjson.gz", &text);
	struct wire_batches whole;
	assert_int_equal(model_fixture_read_wire(buf_view(&text), &arena, &whole, NULL), 0);
	uint64_t seed = 88172645463325252U;
	for (int round = 0; round < ROUNDS; round++) {
		size_t splits[SPLITS];
		for (size_t i = 0; i < SPLITS; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			splits[i] = seed % text.size;
		}
		qsort(splits, SPLITS, sizeof(splits[0]), compare);
		assert_same_when_split(buf_view(&text), splits, SPLITS, &whole, "");
	}
}

static void bad_bodies_say_where(void **state)
{
	(void)state;
	static const struct {
		const char *body, *text;
	} cases[] = {
	        {"x", "expected an object at offset 0"},
	        {"[]", "expected an object at offset 0"},
	        {"{\"seq\":1} 5", "expected an object at offset 10"},
	        {"{\"seq\":1", "unexpected end at offset 8"},
	        {"{\"seq\":", "seq: unexpected end at offset 7"},
	        {"{\"seq\":-1}", "seq: number out of range at offset 7"},
	        {"{\"seq\":18446744073709551616}", "seq: number out of range at offset 7"},
	        {"{\"run_id\":[256]}", "run_id: number out of range at offset 11"},
	        {"{\"run_id\":\"0\"}", "run_id: expected an array at offset 10"},
	        {"{\"events\":{}}", "events: expected an array at offset 10"},
	        {"{\"events\":[{} {}]}", "events: expected ',' or ']' at offset 14"},
	        {"{\"events\":[1]}", "events[0]: expected an object at offset 11"},
	        {"{\"events\":[{},{\"type\":256}]}",
	         "events[1].type: number out of range at offset 22"},
	        {"{}{\"events\":[{\"type\":1,\"payload\":{\"PathName\":x}}]}",
	         "events[0].payload: expected a value at offset 45"},
	        {"{\"events\":[{\"type\":1,\"payload\":{\"Path\":[1,}}]}",
	         "events[0].payload: expected a value at offset 42"},
	        {"{\"events\":[{\"type\":1,\"payload\":{\"a\":",
	         "events[0].payload: unexpected end at offset 36"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_batches batches;
		struct error err = {0};
		assert_true(model_fixture_read_wire(view_of_string(cases[i].body), &arena, &batches,
		                                    &err) < 0);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

static void batches_before_a_bad_one_are_handed_on(void **state)
{
	(void)state;
	struct wire_batches batches;
	assert_true(model_fixture_read_wire(VIEW_LITERAL("{\"seq\":1}{\"seq\":2}{\"seq\":x"),
	                                    &arena, &batches, NULL) < 0);
	assert_int_equal(batches.count, 2);
}

static void cut_bodies_are_refused(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	model_fixture_read("examples.ndjson", &text);
	struct view rest = buf_view(&text);
	struct view line = view_split(&rest, '\n');
	for (size_t size = 1; size < line.size; size++) {
		struct wire_batches batches;
		assert_true(model_fixture_read_wire(view_of(line.data, size), &arena, &batches,
		                                    NULL) < 0);
		assert_int_equal(batches.count, 0);
	}
}

static void append_text(struct buf *body, size_t size)
{
	memset(buf_reserve(body, size), 'x', size);
	buf_advance(body, size);
}

static int read_in_pieces(struct view body, size_t piece, struct error *err)
{
	size_t count = body.size / piece;
	size_t *splits = arena_alloc(&arena, count + 1, sizeof(*splits));
	struct wire_batches batches;
	for (size_t i = 0; i < count; i++)
		splits[i] = (i + 1) * piece;
	return model_fixture_read_split(body, splits, count, &arena, &batches, err);
}

static void payloads_of_unknown_types_are_bounded(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(buf) struct buf body;
	buf_init(&body, JSON_MAX);
	buf_append_string(&body, "{\"events\":[{\"payload\":\"");
	append_text(&body, EVENT_PAYLOAD_MAX);
	buf_append_string(&body, "\"}]}");
	assert_true(read_in_pieces(buf_view(&body), 1000, &err) < 0);
	assert_string_equal(
	        err.text,
	        "events[0].payload: more than 65536 bytes in an unknown payload at offset 22");
}

static void what_is_kept_is_bounded(void **state)
{
	static const struct {
		const char *start, *text;
	} cases[] = {
	        {"{}{\"", "more than 2097152 bytes in one value at offset 3"},
	        {"{\"seq\":", "seq: more than 2097152 bytes in one value at offset 7"},
	        {"{\"events\":[{},{\"",
	         "events[1]: more than 2097152 bytes in one value at offset 14"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		AUTO(buf) struct buf body;
		buf_init(&body, JSON_MAX);
		buf_append_string(&body, cases[i].start);
		append_text(&body, EVENT_WIRE_VALUE_MAX + 1);
		assert_true(read_in_pieces(buf_view(&body), 10000, &err) < 0);
		assert_string_equal(err.text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_split_gives_the_same),
	        cmocka_unit_test(recorded_examples_byte_by_byte),
	        cmocka_unit_test(a_recorded_session_in_random_pieces),
	        cmocka_unit_test(bad_bodies_say_where),
	        cmocka_unit_test(batches_before_a_bad_one_are_handed_on),
	        cmocka_unit_test(cut_bodies_are_refused),
	        cmocka_unit_test(payloads_of_unknown_types_are_bounded),
	        cmocka_unit_test(what_is_kept_is_bounded),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
