// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"

static void starts_empty_and_terminated(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	assert_string_equal(buf.data, "");
	assert_int_equal(buf.size, 0);
	buf_append(&buf, NULL, 0);
	assert_int_equal(buf.capacity, 0);
	buf_release(&buf);
	assert_string_equal(buf.data, "");
}

static void grows_and_stays_terminated(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 100000);
	for (int i = 0; i < 1000; i++) {
		buf_printf(&buf, "%04d", i);
		assert_int_equal(strlen(buf.data), buf.size);
	}
	assert_int_equal(buf.size, 4000);
	assert_memory_equal(buf.data + 3996, "0999", 4);
	assert_false(buf.overflowed);
}

static void numbers_are_decimal(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 100);
	static const uint64_t numbers[] = {0, 9, 10, 1742, UINT64_MAX};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_append_uint(&buf, numbers[i]);
		buf_append_char(&buf, ' ');
	}
	assert_string_equal(buf.data, "0 9 10 1742 18446744073709551615 ");
}

static void never_exceeds_its_maximum(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 5);
	buf_append_string(&buf, "abc");
	buf_append_string(&buf, "def");
	assert_string_equal(buf.data, "abc");
	assert_true(buf.overflowed);
	buf_append_string(&buf, "de"); /* what fits is still taken */
	assert_string_equal(buf.data, "abcde");
	buf_printf(&buf, "%s", "f");
	assert_string_equal(buf.data, "abcde");
	assert_null(buf_reserve(&buf, SIZE_MAX));
	buf_reset(&buf);
	assert_false(buf.overflowed);
	assert_string_equal(buf.data, "");
}

static void reserve_and_advance_fill_in_place(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 100);
	char *room = buf_reserve(&buf, 50);
	assert_non_null(room);
	room[0] = 'x';
	room[1] = 'y';
	buf_advance(&buf, 2);
	assert_string_equal(buf.data, "xy");
}

static void consume_removes_the_front(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 100);
	buf_append_string(&buf, "hello world");
	buf_consume(&buf, 6);
	assert_string_equal(buf.data, "world");
	buf_consume(&buf, 0);
	buf_consume(&buf, 5);
	assert_string_equal(buf.data, "");
}

static void truncate_takes_back(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 6);
	buf_append_string(&buf, "keep");
	buf_append_string(&buf, "too much");
	buf_append_char(&buf, '!');
	buf_truncate(&buf, 4);
	assert_string_equal(buf.data, "keep");
	assert_false(buf.overflowed);
}

static void detach_hands_over(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	AUTO(free) char *none = buf_detach(&buf);
	assert_string_equal(none, "");
	buf_append_view(&buf, VIEW_LITERAL("text"));
	AUTO(free) char *text = buf_detach(&buf);
	assert_string_equal(text, "text");
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf.max, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(starts_empty_and_terminated),
	        cmocka_unit_test(grows_and_stays_terminated),
	        cmocka_unit_test(numbers_are_decimal),
	        cmocka_unit_test(never_exceeds_its_maximum),
	        cmocka_unit_test(reserve_and_advance_fill_in_place),
	        cmocka_unit_test(consume_removes_the_front),
	        cmocka_unit_test(truncate_takes_back),
	        cmocka_unit_test(detach_hands_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
