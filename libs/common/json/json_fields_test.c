// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json_fields.h"

struct inner {
	uint8_t bytes[4];
};

struct target {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int32_t i32;
	int64_t i64;
	bool flag, truth, seen;
	struct view text, raw;
	const char *string;
	int64_t time_ns;
	struct inner inner;
};

static int read_seen(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	(void)arena;
	((struct target *)target)->seen = true;
	return json_pull_skip(pull, err);
}

static const struct json_field inner_rows[] = {
        JSON_FIELD("Bytes", BYTES, struct target, inner.bytes),
};
static const struct json_fields inner_fields = JSON_FIELDS(inner_rows);

static const struct json_field rows[] = {
        JSON_FIELD("U8", U8, struct target, u8),
        JSON_FIELD("U16", U16, struct target, u16),
        JSON_FIELD("U32", U32, struct target, u32),
        JSON_FIELD("U64", U64, struct target, u64),
        JSON_FIELD("I32", I32, struct target, i32),
        JSON_FIELD("I64", I64, struct target, i64),
        JSON_FIELD("Flag", FLAG, struct target, flag),
        JSON_FIELD("Truth", BOOL, struct target, truth),
        JSON_FIELD("Text", TEXT, struct target, text),
        JSON_FIELD("Raw", RAW, struct target, raw),
        JSON_FIELD("String", STRING, struct target, string),
        JSON_FIELD("Time", TIME, struct target, time_ns),
        JSON_FIELD_NESTED("Inner", inner_fields),
        JSON_FIELD_IGNORED("Ignored"),
        JSON_FIELD_BY("Seen", read_seen),
};
static const struct json_fields fields = JSON_FIELDS(rows);

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

static int read_into(struct target *target, const char *json, struct error *err)
{
	return json_read_document(view_of_string(json), &fields, target, &arena, err);
}

static void every_kind_is_read(void **state)
{
	(void)state;
	struct target target = {0};
	struct error err = {0};
	assert_int_equal(read_into(&target,
	                           "{\"U8\":255,\"U16\":65535,\"U32\":4294967295,"
	                           "\"U64\":18446744073709551615,\"I32\":-2147483648,"
	                           "\"I64\":-9223372036854775808,\"Flag\":2,\"Truth\":true,"
	                           "\"Text\":\"a\\u0000b\",\"Raw\":[1, 2],\"String\":\"s\","
	                           "\"Time\":\"1970-01-01T00:00:01Z\",\"Inner\":{\"Bytes\":[1,2]},"
	                           "\"Ignored\":{\"x\":[]},\"Seen\":{}} tail",
	                           &err),
	                 0);
	assert_int_equal(target.u8, 255);
	assert_int_equal(target.u16, 65535);
	assert_true(target.u32 == UINT32_MAX);
	assert_true(target.u64 == UINT64_MAX);
	assert_true(target.i32 == INT32_MIN);
	assert_true(target.i64 == INT64_MIN);
	assert_true(target.flag && target.truth && target.seen);
	assert_true(view_equal(target.text, view_of("a\0b", 3)));
	assert_true(view_is(target.raw, "[1, 2]"));
	assert_string_equal(target.string, "s");
	assert_true(target.time_ns == 1000000000);
	assert_memory_equal(target.inner.bytes, "\x01\x02\x00\x00", 4);
}

static void keys_match_as_in_go(void **state)
{
	(void)state;
	struct target target = {.u16 = 7, .seen = false};
	assert_int_equal(
	        read_into(&target,
	                  "{\"u8\":1,\"unknown\":[{}],\"U16\":null,\"seen\":null,\"U32\":1,"
	                  "\"u32\":2,\"i\\u00332\":3}",
	                  NULL),
	        0);
	assert_int_equal(target.u8, 1);
	assert_int_equal(target.u16, 7);
	assert_false(target.seen);
	assert_int_equal(target.u32, 2);
	assert_int_equal(target.i32, 3);
	assert_int_equal(read_into(&target, "null", NULL), 0);
}

static void wrong_values_name_the_field(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} cases[] = {
	        {"{\"u8\":256}", "U8: number out of range at offset 6"},
	        {"{\"U16\":\"1\"}", "U16: expected a number at offset 7"},
	        {"{\"Truth\":1}", "Truth: expected true or false at offset 9"},
	        {"{\"Text\":1}", "Text: expected a string at offset 8"},
	        {"{\"Time\":\"yesterday\"}", "Time: expected an RFC 3339 time at offset 8"},
	        {"{\"Inner\":{\"bytes\":[256]}}", "Inner: Bytes: number out of range at offset 19"},
	        {"{\"Inner\":[]}", "Inner: expected an object at offset 9"},
	        {"[]", "expected an object at offset 0"},
	        {"", "unexpected end at offset 0"},
	        {"{\"U8\":1", "unexpected end at offset 7"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target target = {0};
		struct error err = {0};
		assert_true(read_into(&target, cases[i].json, &err) < 0);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_kind_is_read),
	        cmocka_unit_test(keys_match_as_in_go),
	        cmocka_unit_test(wrong_values_name_the_field),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
