// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/proto.h"

enum { BUF_MAX = 1024 * 1024 };

struct target {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	int32_t s32, optional;
	bool flag;
	struct view bytes, text;
	uint8_t array[4];
};

static const struct proto_field rows[] = {
        PROTO_FIELD(1, U8, struct target, u8),
        PROTO_FIELD(2, U16, struct target, u16),
        PROTO_FIELD(3, U32, struct target, u32),
        PROTO_FIELD(4, U64, struct target, u64),
        PROTO_FIELD(5, I64, struct target, i64),
        PROTO_FIELD(6, S32, struct target, s32),
        PROTO_FIELD(7, S32_OPTIONAL, struct target, optional),
        PROTO_FIELD(8, BOOL, struct target, flag),
        PROTO_LIMITED(9, BYTES, struct target, bytes, 8),
        PROTO_LIMITED(10, TEXT, struct target, text, 8),
        PROTO_LIMITED(100, ARRAY, struct target, array, 4),
};
static const struct proto_fields fields = PROTO_FIELDS(rows);

static struct target empty(void)
{
	return (struct target){.optional = INT32_MIN};
}

static void assert_bytes(const struct buf *out, const char *expected, size_t size)
{
	assert_int_equal(out->size, size);
	assert_memory_equal(out->data, expected, size);
}

static void defaults_are_left_out(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, BUF_MAX);
	struct target target = empty();
	proto_write(&out, &fields, &target);
	assert_int_equal(out.size, 0);
	target.optional = 0; /* there, and zero */
	proto_write(&out, &fields, &target);
	assert_bytes(&out, "\x38\x00", 2);
}

static void known_encodings(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, BUF_MAX);
	struct target target = empty();
	target.u8 = 255;
	target.u64 = 300;
	target.i64 = -1;
	target.s32 = -100;
	target.flag = true;
	target.bytes = VIEW_LITERAL("ab");
	target.array[3] = 1;
	proto_write(&out, &fields, &target);
	static const char expected[] = "\x08\xFF\x01" /* 255 */
	                               "\x20\xAC\x02" /* 300 */
	                               "\x28\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
	                               "\x30\xC7\x01" /* zigzag 199 */
	                               "\x40\x01"
	                               "\x4A\x02"
	                               "ab"
	                               "\xA2\x06\x04\x00\x00\x00\x01";
	assert_bytes(&out, expected, sizeof(expected) - 1);
}

static void extremes_go_both_ways(void **state)
{
	(void)state;
	struct target target = {
	        .u8 = UINT8_MAX,
	        .u16 = UINT16_MAX,
	        .u32 = UINT32_MAX,
	        .u64 = UINT64_MAX,
	        .i64 = INT64_MIN,
	        .s32 = INT32_MIN,
	        .optional = INT32_MAX,
	        .flag = true,
	        .bytes = VIEW_LITERAL("\0\xFF"),
	        .text = VIEW_LITERAL("\xC3\xA9"),
	        .array = {1, 2, 3, 4},
	};
	AUTO(buf) struct buf out;
	buf_init(&out, BUF_MAX);
	proto_write(&out, &fields, &target);
	struct target copy = empty();
	assert_int_equal(proto_read(buf_view(&out), &fields, &copy, NULL), 0);
	assert_true(copy.u8 == target.u8 && copy.u16 == target.u16 && copy.u32 == target.u32 &&
	            copy.u64 == target.u64 && copy.i64 == target.i64 && copy.s32 == target.s32 &&
	            copy.optional == target.optional && copy.flag);
	assert_true(view_equal(copy.bytes, target.bytes));
	assert_true(view_equal(copy.text, target.text));
	assert_memory_equal(copy.array, target.array, 4);
	for (size_t size = 1; size < out.size; size++) { /* cut: an error, or fewer fields */
		AUTO(free) char *cut = view_dup(view_of(out.data, size));
		copy = empty();
		(void)proto_read(view_of(cut, size), &fields, &copy, NULL);
	}
}

static void unknown_fields_are_skipped(void **state)
{
	(void)state;
	static const char message[] = "\x78\x05"                             /* 15: varint */
	                              "\x79\x01\x02\x03\x04\x05\x06\x07\x08" /* 15: fixed64 */
	                              "\x7D\x01\x02\x03\x04"                 /* 15: fixed32 */
	                              "\x7A\x01x"                            /* 15: bytes */
	                              "\x0A\x01x"                            /* 1 as bytes */
	                              "\x48\x01"                             /* 9 as varint */
	                              "\x10\x07\x08\x01\x08\x02";            /* any order */
	struct target target = empty();
	assert_int_equal(proto_read(VIEW_LITERAL(message), &fields, &target, NULL), 0);
	assert_int_equal(target.u8, 2);
	assert_int_equal(target.u16, 7);
	assert_int_equal(target.bytes.size, 0);
}

static void malformed_messages_are_dropped(void **state)
{
	(void)state;
	static const struct view messages[] = {
	        {"\x08", 1},                                              /* no value */
	        {"\x08\x80", 2},                                          /* cut varint */
	        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11},     /* 65 bits */
	        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12}, /* too long */
	        {"\x4A\x05\x61", 3},                                      /* past the end */
	        {"\x4A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11},     /* far past the end */
	        {"\x00\x00", 2},                                          /* field 0 */
	        {"\x0B\x0C", 2},                                          /* group */
	        {"\x0E\x00", 2},                                          /* wire type 6 */
	        {"\x79\x01", 2},                                          /* cut fixed64 */
	        {"\x08\x80\x02", 3},                                      /* 256 for a u8 */
	        {"\x10\x80\x80\x04", 4},                                  /* 65536 for a u16 */
	        {"\x18\x80\x80\x80\x80\x10", 6},                          /* 2^32 for a u32 */
	        {"\x30\x80\x80\x80\x80\x10", 6},                          /* 2^32 for a sint32 */
	        {"\x52\x01\xFF", 3},                                      /* text, not UTF-8 */
	        {"\x52\x01\x00", 3},                                      /* text with a NUL */
	        {"\x52\x09xxxxxxxxx", 11},                                /* text, too long */
	        {"\xA2\x06\x05\x01\x01\x01\x01\x01", 8},                  /* array, too long */
	};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct target target = empty();
		struct error err = {0};
		if (proto_read(messages[i], &fields, &target, &err) >= 0)
			fail_msg("accepted: %zu", i);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

static void long_bytes_are_cut_and_text_is_made_storable(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, BUF_MAX);
	struct target target = empty();
	target.bytes = VIEW_LITERAL("1234567\xC3\xA9");
	target.text = VIEW_LITERAL("a\0\xFF");
	proto_write(&out, &fields, &target);
	struct target copy = empty();
	assert_int_equal(proto_read(buf_view(&out), &fields, &copy, NULL), 0);
	assert_true(view_is(copy.bytes, "1234567"));
	assert_true(view_is(copy.text, "a\xE2\x90\x80\xEF\xBF\xBD"));
	assert_int_equal(proto_read(VIEW_LITERAL("\x4A\x09"
	                                         "123456789"),
	                            &fields, &copy, NULL),
	                 0);
	assert_int_equal(copy.bytes.size, 8);
}

static void nested_sizes_are_shortest(void **state)
{
	(void)state;
	static const struct {
		size_t content, head;
	} cases[] = {{0, 2}, {127, 2}, {128, 3}, {16383, 3}, {16384, 4}, {300000, 4}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, BUF_MAX);
		size_t mark = proto_begin(&out, 1);
		for (size_t n = 0; n < cases[i].content; n++)
			buf_append_char(&out, (char)n);
		proto_end(&out, mark);
		assert_int_equal(out.size, cases[i].head + cases[i].content);
		struct view rest = buf_view(&out);
		struct proto_value value;
		assert_int_equal(proto_next(&rest, &value, NULL), 1);
		assert_int_equal(value.bytes.size, cases[i].content);
		assert_int_equal(rest.size, 0);
		if (value.bytes.size)
			assert_int_equal(value.bytes.data[value.bytes.size - 1],
			                 (char)(value.bytes.size - 1));
	}
}

static void overflow_shows(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, 129); /* one byte less than the size needs */
	size_t mark = proto_begin(&out, 1);
	for (size_t n = 0; n < 127; n++)
		buf_append_char(&out, 'x');
	assert_false(out.overflowed);
	buf_append_char(&out, 'x');
	proto_end(&out, mark);
	assert_true(out.overflowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(defaults_are_left_out),
	        cmocka_unit_test(known_encodings),
	        cmocka_unit_test(extremes_go_both_ways),
	        cmocka_unit_test(unknown_fields_are_skipped),
	        cmocka_unit_test(malformed_messages_are_dropped),
	        cmocka_unit_test(long_bytes_are_cut_and_text_is_made_storable),
	        cmocka_unit_test(nested_sizes_are_shortest),
	        cmocka_unit_test(overflow_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
