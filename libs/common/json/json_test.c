// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "json/json.h"

static struct json *parse(const char *text)
{
	struct error err = {0};
	struct json *root = json_parse(view_of_string(text), true, &err);
	if (!root)
		print_error("%s\n", err.text);
	assert_non_null(root);
	return root;
}

static void values_are_read(void **state)
{
	(void)state;
	AUTO(json)
	struct json *root = parse(" {\"s\":\"x\",\"i\":-7,\"d\":1.5,\"t\":true,\"n\":null,"
	                          "\"a\":[1,2],\"o\":{}} \n");
	assert_true(json_is_object(root));
	assert_string_equal(json_string(json_get(root, "s"), "?"), "x");
	assert_int_equal(json_int(json_get(root, "i"), 0), -7);
	assert_true(json_double(json_get(root, "d"), 0) == 1.5);
	assert_true(json_bool(json_get(root, "t"), false));
	assert_null(json_get(root, "n"));
	assert_true(json_is_array(json_get(root, "a")));
	assert_true(json_is_object(json_get(root, "o")));
	assert_int_equal(json_count(json_get(root, "a")), 2);
	assert_int_equal(json_count(root), 7);
}

static void absence_needs_no_checks(void **state)
{
	(void)state;
	AUTO(json) struct json *root = parse("{\"s\":\"x\"}");
	const struct json *none = json_get(json_get(json_get(root, "a"), "b"), "c");
	assert_null(none);
	assert_null(json_get(json_get(root, "s"), "b"));
	assert_string_equal(json_string(none, "fallback"), "fallback");
	assert_int_equal(json_int(json_get(root, "s"), 3), 3);
	assert_true(json_bool(none, true));
	assert_null(json_first(none));
	assert_null(json_first(json_get(root, "s")));
	assert_null(json_next(none));
	assert_null(json_key(none));
	assert_int_equal(json_count(none), 0);
	assert_false(json_is_string(none));
}

static void integers_are_whole_and_in_range(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t number;
	} cases[] = {
	        {"60000000000", INT64_C(60000000000)},
	        {"9007199254740992", INT64_C(9007199254740992)},
	        {"-9007199254740992", -INT64_C(9007199254740992)},
	        {"1e3", 1000},
	        {"1.5", -1},
	        {"1e30", -1},
	        {"-1e30", -1},
	        {"9223372036854775808", -1},
	        {"1e999", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(json) struct json *root = parse(cases[i].text);
		assert_int_equal(json_int(root, -1), cases[i].number);
	}
}

static void last_duplicate_wins(void **state)
{
	(void)state;
	AUTO(json)
	struct json *root = parse("{\"Key\":1,\"key\":2,\"KEY\":3,\"key\":4,\"kEY\":null}");
	assert_int_equal(json_int(json_get(root, "Key"), 0), 1);
	assert_int_equal(json_int(json_get(root, "key"), 0), 4);
	assert_int_equal(json_int(json_get_ci(root, "kEy"), 0), 4);
	assert_null(json_get_ci(root, "other"));
}

static void children_come_in_order(void **state)
{
	(void)state;
	AUTO(json) struct json *root = parse("{\"b\":1,\"a\":[true,\"x\"]}");
	const struct json *child = json_first(root);
	assert_string_equal(json_key(child), "b");
	child = json_next(child);
	assert_string_equal(json_key(child), "a");
	assert_null(json_next(child));
	const struct json *item = json_first(child);
	assert_null(json_key(item));
	assert_true(json_is_bool(item));
	assert_string_equal(json_string(json_next(item), ""), "x");
}

static void malformed_texts_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
	        "",      "   ",         "{",         "{\"a\":}",      "[1,]",
	        "tru",   "\"open",      "{\"a\" 1}", "{a:1}",         "\"\\u12\"",
	        "1 2",   "{} x",        "\"\\x\"",   "\"a\\u0000b\"", "{\"\\u0000\":1}",
	        "[1,2}", "\"\\ud800\"",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_null(json_parse(view_of_string(cases[i]), true, &err));
		assert_int_equal(err.class, ERROR_DROP);
		assert_non_null(strstr(err.text, "invalid JSON"));
	}
	assert_null(json_parse((struct view){NULL, 0}, true, NULL));
}

static void text_behind_the_value_may_be_ignored(void **state)
{
	(void)state;
	static const char *const cases[] = {"{\"a\":1} trailing", "{\"a\":1}{\"b\":\"\\u0000\"}",
	                                    "{\"a\":1}]]"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(json) struct json *root = json_parse(view_of_string(cases[i]), false, NULL);
		assert_int_equal(json_int(json_get(root, "a"), 0), 1);
		assert_null(json_parse(view_of_string(cases[i]), true, NULL));
	}
}

static void views_need_no_terminator(void **state)
{
	(void)state;
	AUTO(json) struct json *root = json_parse(view_of("[12345", 4), true, NULL);
	assert_null(root);
	AUTO(json) struct json *number = json_parse(view_of("12345", 2), true, NULL);
	assert_int_equal(json_int(number, 0), 12);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	char text[2 * (JSON_DEPTH_MAX + 1)];
	size_t size = 0;
	struct error err = {0};
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	size = sizeof(text);
	assert_null(json_parse(view_of(text, size), true, &err));
	assert_non_null(strstr(err.text, "nested deeper than 64"));
	AUTO(json) struct json *root = json_parse(view_of(text + 1, size - 2), true, &err);
	assert_non_null(root);
}

static void invalid_utf8_is_replaced(void **state)
{
	(void)state;
	AUTO(json) struct json *root = parse("{\"k\xFF\":\"a\xC3(\"}");
	const struct json *child = json_first(root);
	assert_string_equal(json_key(child), "k\xEF\xBF\xBD");
	assert_string_equal(json_string(child, ""), "a\xEF\xBF\xBD(");
}

static void escapes_are_decoded(void **state)
{
	(void)state;
	AUTO(json) struct json *root = parse("\"\\u00e9\\ud83e\\uddb7\\n\\\"\\/\\\\u0000\"");
	assert_string_equal(json_string(root, ""), "\xC3\xA9\xF0\x9F\xA6\xB7\n\"/\\u0000");
}

static void text_is_compact_and_reads_back(void **state)
{
	(void)state;
	AUTO(json)
	struct json *root = parse("{ \"a\" : [ 1, 2.5, \"x<\\n\" , null, true, {} ], "
	                          "\"n\": 60000000000 }");
	AUTO(free) char *text = json_to_text(root);
	assert_string_equal(text, "{\"a\":[1,2.5,\"x\\u003c\\n\",null,true,{}],\"n\":60000000000}");
	AUTO(json) struct json *again = parse(text);
	AUTO(free) char *text_again = json_to_text(again);
	assert_string_equal(text_again, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values_are_read),
	        cmocka_unit_test(absence_needs_no_checks),
	        cmocka_unit_test(integers_are_whole_and_in_range),
	        cmocka_unit_test(last_duplicate_wins),
	        cmocka_unit_test(children_come_in_order),
	        cmocka_unit_test(malformed_texts_are_refused),
	        cmocka_unit_test(text_behind_the_value_may_be_ignored),
	        cmocka_unit_test(views_need_no_terminator),
	        cmocka_unit_test(nesting_is_bounded),
	        cmocka_unit_test(invalid_utf8_is_replaced),
	        cmocka_unit_test(escapes_are_decoded),
	        cmocka_unit_test(text_is_compact_and_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
