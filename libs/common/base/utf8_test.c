// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static void well_formed_text_is_kept(void **state)
{
	(void)state;
	static const char *const cases[] = {
	        "",
	        "plain",
	        "\xC2\x80",
	        "\xDF\xBF",
	        "\xE0\xA0\x80",
	        "\xED\x9F\xBF",
	        "\xEE\x80\x80",
	        "\xEF\xBF\xBD",
	        "\xF0\x90\x80\x80",
	        "\xF4\x8F\xBF\xBF",
	        "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\xA6\xB7",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf buf;
		buf_init(&buf, 100);
		assert_true(utf8_is_valid(view_of_string(cases[i])));
		utf8_append_valid(&buf, view_of_string(cases[i]));
		assert_string_equal(buf.data, cases[i]);
	}
}

#define R UTF8_REPLACEMENT

static void malformed_bytes_are_replaced(void **state)
{
	(void)state;
	static const struct {
		const char *text, *valid;
	} cases[] = {
	        {"a\x80z", "a" R "z"},
	        {"\xC0\xAF", R R},             /* overlong '/' */
	        {"\xC3", R},                   /* cut */
	        {"\xE0\x80\x80", R R R},       /* overlong */
	        {"\xED\xA0\x80", R R R},       /* surrogate */
	        {"\xF4\x90\x80\x80", R R R R}, /* above U+10FFFF */
	        {"\xF0\x9F\xA6", R R R},       /* cut */
	        {"\xFF\xC3\xA9", R "\xC3\xA9"},
	        {"\xC3(", R "("},
	        {"\xE2\x82(", R R "("},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf buf;
		buf_init(&buf, 100);
		assert_false(utf8_is_valid(view_of_string(cases[i].text)));
		utf8_append_valid(&buf, view_of_string(cases[i].text));
		assert_string_equal(buf.data, cases[i].valid);
	}
}

static void prefixes_end_between_characters(void **state)
{
	(void)state;
	struct view text = VIEW_LITERAL("a\xE2\x82\xAC\xE2\x82\xAC");
	static const size_t sizes[] = {0, 1, 1, 1, 4, 4, 4, 7, 7};
	for (size_t max = 0; max < sizeof(sizes) / sizeof(sizes[0]); max++)
		assert_int_equal(utf8_prefix(text, max).size, sizes[max]);
}

static void bad_bytes_are_found_anywhere(void **state)
{
	(void)state;
	enum { SIZE = 40 };
	char text[SIZE];
	for (size_t size = 1; size <= SIZE; size++) {
		memset(text, 'a', sizeof(text));
		assert_true(utf8_is_valid(view_of(text, size)));
		for (size_t at = 0; at < size; at++) {
			text[at] = '\x80';
			assert_false(utf8_is_valid(view_of(text, size)));
			text[at] = '\xC3';
			assert_false(utf8_is_valid(view_of(text, size)));
			text[at] = 'a';
		}
		for (size_t at = 0; at + 2 <= size; at++) {
			text[at] = '\xC3';
			text[at + 1] = '\xA4';
			assert_true(utf8_is_valid(view_of(text, size)));
			memset(text + at, 'a', 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(well_formed_text_is_kept),
	        cmocka_unit_test(malformed_bytes_are_replaced),
	        cmocka_unit_test(prefixes_end_between_characters),
	        cmocka_unit_test(bad_bytes_are_found_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
