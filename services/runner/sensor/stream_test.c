// SPDX-License-Identifier: Apache-2.0
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LIMIT = 32 };

static int setup(void **state)
{
	static struct stream_table table;

	stream_table_init(&table);
	*state = &table;
	return 0;
}

static int teardown(void **state)
{
	stream_table_release(*state);
	return 0;
}

static bool add(struct stream *stream, uint32_t offset, const char *text)
{
	return stream_add(stream, offset, view_of_string(text), LIMIT);
}

static void expect(const struct stream *stream, const char *text)
{
	assert_true(view_is(stream_prefix(stream), text));
}

static void test_pieces_in_any_order(void **state)
{
	struct stream *evicted, *stream = stream_get(*state, 7, &evicted);

	assert_non_null(stream);
	expect(stream, "");
	assert_true(add(stream, 6, "world"));
	expect(stream, "");
	assert_true(add(stream, 0, "hel"));
	expect(stream, "hel");
	assert_true(add(stream, 0, "hello")); /* again, and more */
	assert_true(add(stream, 5, " "));
	expect(stream, "hello world");
	assert_ptr_equal(stream_get(*state, 7, &evicted), stream);
}

static void test_limit_cuts(void **state)
{
	struct stream *evicted, *stream = stream_get(*state, 7, &evicted);

	assert_true(add(stream, 0, "0123456789012345678901234567890123456789"));
	assert_int_equal(stream_prefix(stream).size, LIMIT);
	assert_true(add(stream, LIMIT, "beyond"));
	assert_true(add(stream, UINT32_MAX, "far beyond"));
	assert_int_equal(stream_prefix(stream).size, LIMIT);
}

static void test_too_many_gaps(void **state)
{
	struct stream *evicted, *stream = stream_get(*state, 7, &evicted);

	for (uint32_t i = 0; i < STREAM_RANGES_MAX; i++)
		assert_true(stream_add(stream, 1 + 2 * i, VIEW_LITERAL("x"), 1000));
	assert_false(stream_add(stream, 1 + 2 * STREAM_RANGES_MAX, VIEW_LITERAL("x"), 1000));
}

static void test_finished_wants_nothing(void **state)
{
	struct stream *evicted, *stream = stream_get(*state, 7, &evicted);

	assert_true(add(stream, 0, "x"));
	stream_finish(stream);
	assert_true(add(stream, 1, "y"));
	expect(stream, "");
	assert_true(stream_get(*state, 7, &evicted)->finished);
}

static void test_the_least_recent_makes_room(void **state)
{
	struct stream *evicted, *stream;

	for (uint64_t cookie = 1; cookie <= STREAMS_MAX; cookie++)
		assert_non_null(stream_get(*state, cookie, &evicted));
	(void)stream_get(*state, 1, &evicted); /* used again: 2 is the oldest now */
	stream = stream_get(*state, STREAMS_MAX + 1, &evicted);
	assert_null(stream);
	assert_non_null(evicted);
	assert_int_equal(evicted->cookie, 2);
	stream_reset(evicted);
	assert_non_null(stream_get(*state, STREAMS_MAX + 1, &evicted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_pieces_in_any_order, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_limit_cuts, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_too_many_gaps, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_finished_wants_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_the_least_recent_makes_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
