// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/view.h"

static void comparisons_see_bytes(void **state)
{
	(void)state;
	assert_true(view_is(VIEW_LITERAL("abc"), "abc"));
	assert_false(view_is(VIEW_LITERAL("abc"), "ab"));
	assert_true(view_equal((struct view){NULL, 0}, VIEW_LITERAL("")));
	assert_true(view_starts_with(VIEW_LITERAL("abc"), VIEW_LITERAL("ab")));
	assert_true(view_starts_with(VIEW_LITERAL("abc"), (struct view){NULL, 0}));
	assert_false(view_starts_with(VIEW_LITERAL("a"), VIEW_LITERAL("ab")));
	assert_true(view_ends_with(VIEW_LITERAL("abc"), VIEW_LITERAL("bc")));
	assert_false(view_ends_with(VIEW_LITERAL("abc"), VIEW_LITERAL("ab")));
	assert_true(view_equal_ignoring_case(VIEW_LITERAL("AbC@"), VIEW_LITERAL("aBc@")));
	assert_false(view_equal_ignoring_case(VIEW_LITERAL("@"), VIEW_LITERAL("`")));
	assert_true(view_compare(VIEW_LITERAL("a"), VIEW_LITERAL("ab")) < 0);
	assert_true(view_compare(VIEW_LITERAL("b"), VIEW_LITERAL("ab")) > 0);
	assert_int_equal(view_compare((struct view){NULL, 0}, VIEW_LITERAL("")), 0);
}

static void trim_and_split(void **state)
{
	(void)state;
	assert_true(view_is(view_trim(VIEW_LITERAL(" \t a b\r\n")), "a b"));
	assert_int_equal(view_trim(VIEW_LITERAL("  ")).size, 0);
	struct view rest = VIEW_LITERAL("a,,b");
	assert_true(view_is(view_split(&rest, ','), "a"));
	assert_true(view_is(view_split(&rest, ','), ""));
	assert_true(view_is(view_split(&rest, ','), "b"));
	assert_int_equal(rest.size, 0);
	assert_int_equal(view_split(&rest, ',').size, 0);
}

static void numbers_are_whole_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_u64, is_i64;
		uint64_t u64;
		int64_t i64;
	} cases[] = {
	        {"0", true, true, 0, 0},
	        {"007", true, true, 7, 7},
	        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
	        {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
	        {"18446744073709551615", true, false, UINT64_MAX, 0},
	        {"18446744073709551616", false, false, 0, 0},
	        {"-1", false, true, 0, -1},
	        {"-9223372036854775808", false, true, 0, INT64_MIN},
	        {"-9223372036854775809", false, false, 0, 0},
	        {"", false, false, 0, 0},
	        {"-", false, false, 0, 0},
	        {"+1", false, false, 0, 0},
	        {" 1", false, false, 0, 0},
	        {"1x", false, false, 0, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view text = view_of_string(cases[i].text);
		uint64_t u64 = 0;
		int64_t i64 = 0;
		assert_int_equal(view_to_u64(text, &u64), cases[i].is_u64);
		assert_int_equal(view_to_i64(text, &i64), cases[i].is_i64);
		assert_true(u64 == cases[i].u64);
		assert_true(i64 == cases[i].i64);
	}
}

static void hash_is_fnv1a(void **state)
{
	(void)state;
	assert_true(view_hash(VIEW_LITERAL("")) == UINT64_C(0xcbf29ce484222325));
	assert_true(view_hash(VIEW_LITERAL("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void dup_is_terminated(void **state)
{
	(void)state;
	AUTO(free) char *text = view_dup(view_of("abc", 2));
	AUTO(free) char *none = view_dup((struct view){NULL, 0});
	assert_string_equal(text, "ab");
	assert_string_equal(none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(comparisons_see_bytes),   cmocka_unit_test(trim_and_split),
	        cmocka_unit_test(numbers_are_whole_texts), cmocka_unit_test(hash_is_fnv1a),
	        cmocka_unit_test(dup_is_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
