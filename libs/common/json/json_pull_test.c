// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include "json/json_pull.h"

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

static struct json_pull pull_on(const char *text)
{
	struct json_pull pull;
	json_pull_init(&pull, view_of_string(text));
	return pull;
}

/* Whether the text is one JSON value and nothing else. */
static bool skips(struct view text)
{
	struct json_pull pull;
	json_pull_init(&pull, text);
	return json_pull_skip(&pull, NULL) == 0 && json_pull_peek(&pull) == JSON_PULL_END;
}

static void valid_values_are_passed_over(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "{}",
	        " [ ] ",
	        "null",
	        "true",
	        "-0",
	        "0.5e+10",
	        "1E5",
	        "\"\\u0000\\n\\\"\"",
	        "{\"a\":[1,{\"b\":null}],\"c\":\"\xFF\"}",
	        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
	        "[0,0,0,0,0,0,0,0]",
	        "[0,0,0,0,0,0,0,0, 12,255,1000,-1,1.5,\"x\"]",
	        "[0,0,0,0,0,0,0,0,\n\"x\"]",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!skips(view_of_string(texts[i])))
			fail_msg("refused: %s", texts[i]);
	}
}

static void invalid_values_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "",
	        "{",
	        "[",
	        "[1,]",
	        "[,1]",
	        "[1 2]",
	        "[01]",
	        "[0,00]",
	        "[0,0,0,0,0,0,0,0,]",
	        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,]",
	        "[0,0,0,0,0,0,0,0,,0]",
	        "[0,0,0,0,0,0,0,0",
	        "[0,0,0,0,0,0,0,0,",
	        "{\"a\"}",
	        "{\"a\":}",
	        "{\"a\":1,}",
	        "{\"a\":1 \"b\":2}",
	        "{,}",
	        "{1:2}",
	        "nul",
	        "truE",
	        "+1",
	        "1.",
	        "1e",
	        "-",
	        ".5",
	        "\"",
	        "\"\\x\"",
	        "\"\\u12g4\"",
	        "\"\\u12\"",
	        "\"\n\"",
	        "}",
	        "[}",
	        "{]",
	        "1 2",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (skips(view_of_string(texts[i])))
			fail_msg("accepted: %s", texts[i]);
	}
}

/* Every proper prefix of a document is refused, without reading behind it (for ASan to see). */
static void prefixes_are_refused(void **state)
{
	(void)state;
	static const char text[] =
	        "{\"key\":[0,0,0,0,0,0,0,0,0,0,12,true],\"\\u00e9\":{\"x\":-1.5e3},\"s\":\"text\"}";
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct view copy = arena_copy(&arena, view_of(text, size));
		assert_false(skips(copy));
	}
	assert_true(skips(view_of_string(text)));
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	char text[2 * JSON_DEPTH_MAX + 2];
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_true(skips(view_of(text, (size_t)2 * JSON_DEPTH_MAX)));
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_false(skips(view_of(text, (size_t)2 * JSON_DEPTH_MAX + 2)));
}

static void strings_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		struct view text;
	} cases[] = {
	        {"\"\"", {"", 0}},
	        {"\"plain text, longer than a word\"", {"plain text, longer than a word", 30}},
	        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", {"a\"\\/\b\f\n\r\tz", 10}},
	        {"\"\\u0041\\u00e9\\u20AC\"", {"A\xC3\xA9\xE2\x82\xAC", 6}},
	        {"\"\\ud83d\\ude00\"", {"\xF0\x9F\x98\x80", 4}},
	        {"\"a\\u0000b\"", {"a\0b", 3}},
	        {"\"\\ud83dx\"", {"\xEF\xBF\xBDx", 4}},
	        {"\"\\ude00\\ud83d\"", {"\xEF\xBF\xBD\xEF\xBF\xBD", 6}},
	        {"\"\\ud83d\\ud83d\\ude00\"", {"\xEF\xBF\xBD\xF0\x9F\x98\x80", 7}},
	        {"\"\xC3\xA9\"", {"\xC3\xA9", 2}},
	        {"\"x\xFF\xC0\x80y\"", {"x\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDy", 11}},
	        {"\"\xED\xA0\x80\"", {"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 9}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_pull pull = pull_on(cases[i].json);
		struct view text;
		assert_int_equal(json_pull_string(&pull, &arena, &text, NULL), 0);
		if (!view_equal(text, cases[i].text))
			fail_msg("%s", cases[i].json);
	}
}

static void plain_strings_are_borrowed(void **state)
{
	(void)state;
	struct json_pull pull = pull_on("\"borrowed\"");
	struct view text;
	assert_int_equal(json_pull_string(&pull, NULL, &text, NULL), 0);
	assert_ptr_equal(text.data, pull.start + 1);
}

static void integers_are_exact(void **state)
{
	(void)state;
	uint64_t u = 0;
	int64_t i = 0;
	struct json_pull pull = pull_on("18446744073709551615");
	assert_int_equal(json_pull_u64(&pull, UINT64_MAX, &u, NULL), 0);
	assert_true(u == UINT64_MAX);
	pull = pull_on("9007199254740993");
	assert_int_equal(json_pull_u64(&pull, UINT64_MAX, &u, NULL), 0);
	assert_true(u == UINT64_C(9007199254740993));
	pull = pull_on("-9223372036854775808");
	assert_int_equal(json_pull_i64(&pull, INT64_MIN, INT64_MAX, &i, NULL), 0);
	assert_true(i == INT64_MIN);
	pull = pull_on("-0");
	assert_int_equal(json_pull_u64(&pull, UINT8_MAX, &u, NULL), 0);
	assert_true(u == 0);
}

static void integers_out_of_range_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "256",
	        "-1",
	        "18446744073709551616",
	        "99999999999999999999999",
	        "1.0",
	        "1e2",
	        "\"1\"",
	        "01",
	        "-",
	        "",
	        "true",
	        "[1]",
	};
	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
		uint64_t u = 7;
		struct json_pull pull = pull_on(texts[n]);
		struct error err = {0};
		assert_true(json_pull_u64(&pull, UINT8_MAX, &u, &err) < 0);
		assert_int_equal(err.class, ERROR_DROP);
		assert_true(u == 7);
	}
	int64_t i = 7;
	struct json_pull pull = pull_on("9223372036854775808");
	assert_true(json_pull_i64(&pull, INT64_MIN, INT64_MAX, &i, NULL) < 0);
	pull = pull_on("-101");
	assert_true(json_pull_i64(&pull, -100, 100, &i, NULL) < 0);
	assert_true(i == 7);
}

static void byte_arrays_are_padded_and_cut(void **state)
{
	(void)state;
	uint8_t bytes[4] = {9, 9, 9, 9};
	struct json_pull pull = pull_on("[1, null, 255]");
	assert_int_equal(json_pull_bytes(&pull, bytes, sizeof(bytes), NULL), 0);
	assert_memory_equal(bytes, "\x01\x00\xFF\x00", 4);
	pull = pull_on("[1,2,3,4,5,6]");
	assert_int_equal(json_pull_bytes(&pull, bytes, sizeof(bytes), NULL), 0);
	assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
	static const char *const bad[] = {"[256]", "[1,2,3,4,256]", "[\"1\"]", "[-1]", "\"AAAA\""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pull = pull_on(bad[i]);
		assert_true(json_pull_bytes(&pull, bytes, sizeof(bytes), NULL) < 0);
	}
}

static void raw_values_keep_their_text(void **state)
{
	(void)state;
	struct json_pull pull = pull_on(" {\"a\": [1, 2]} tail");
	struct view raw;
	assert_int_equal(json_pull_raw(&pull, &raw, NULL), 0);
	assert_true(view_is(raw, "{\"a\": [1, 2]}"));
	assert_int_equal(json_pull_offset(&pull), 14);
}

static void members_come_in_order(void **state)
{
	(void)state;
	struct json_pull pull =
	        pull_on("{ \"a\" : 1 , \"\\u0062\" : [ true , false ] , \"c\":{} }");
	struct view key;
	uint64_t number = 0;
	bool flag = false;
	assert_int_equal(json_pull_object(&pull, NULL), 0);
	assert_int_equal(json_pull_key(&pull, &arena, &key, NULL), 1);
	assert_true(view_is(key, "a"));
	assert_int_equal(json_pull_u64(&pull, 9, &number, NULL), 0);
	assert_int_equal(json_pull_key(&pull, &arena, &key, NULL), 1);
	assert_true(view_is(key, "b"));
	assert_int_equal(json_pull_array(&pull, NULL), 0);
	assert_int_equal(json_pull_item(&pull, NULL), 1);
	assert_int_equal(json_pull_bool(&pull, &flag, NULL), 0);
	assert_true(flag);
	assert_int_equal(json_pull_item(&pull, NULL), 1);
	assert_false(json_pull_null(&pull));
	assert_int_equal(json_pull_bool(&pull, &flag, NULL), 0);
	assert_int_equal(json_pull_item(&pull, NULL), 0);
	assert_int_equal(json_pull_key(&pull, &arena, &key, NULL), 1);
	assert_int_equal(json_pull_skip(&pull, NULL), 0);
	assert_int_equal(json_pull_key(&pull, &arena, &key, NULL), 0);
	assert_int_equal(json_pull_peek(&pull), JSON_PULL_END);
}

static void errors_say_where(void **state)
{
	(void)state;
	struct error err = {0};
	struct json_pull pull = pull_on("[1,x]");
	assert_true(json_pull_skip(&pull, &err) < 0);
	assert_string_equal(err.text, "expected a value at offset 3");
	pull = pull_on("[1,");
	assert_true(json_pull_skip(&pull, &err) < 0);
	assert_string_equal(err.text, "unexpected end at offset 3");
}

static void c_strings_hold_no_nul(void **state)
{
	(void)state;
	const char *text = NULL;
	struct json_pull pull = pull_on("\"a\\u0000\"");
	assert_true(json_pull_cstring(&pull, &arena, &text, NULL) < 0);
	pull = pull_on("\"ab\"");
	assert_int_equal(json_pull_cstring(&pull, &arena, &text, NULL), 0);
	assert_string_equal(text, "ab");
	pull = pull_on("null");
	assert_int_equal(json_pull_cstring(&pull, &arena, &text, NULL), 0);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(valid_values_are_passed_over),
	        cmocka_unit_test(invalid_values_are_refused),
	        cmocka_unit_test(prefixes_are_refused),
	        cmocka_unit_test(nesting_is_bounded),
	        cmocka_unit_test(strings_are_decoded),
	        cmocka_unit_test(plain_strings_are_borrowed),
	        cmocka_unit_test(integers_are_exact),
	        cmocka_unit_test(integers_out_of_range_are_refused),
	        cmocka_unit_test(byte_arrays_are_padded_and_cut),
	        cmocka_unit_test(raw_values_keep_their_text),
	        cmocka_unit_test(members_come_in_order),
	        cmocka_unit_test(errors_say_where),
	        cmocka_unit_test(c_strings_hold_no_nul),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
