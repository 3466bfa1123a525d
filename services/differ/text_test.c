// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "text.h"

enum { OUT_MAX = 1024 };

static void clean_replaces_what_cannot_be_stored(void **state)
{
	static const struct {
		struct view input;
		const char *output;
	} cases[] = {
	        {VIEW_LITERAL("plain"), "plain"},
	        {VIEW_LITERAL(""), ""},
	        {VIEW_LITERAL("a\0b"), "a\xE2\x90\x80"
	                               "b"},
	        {VIEW_LITERAL("\xC3\xA9"), "\xC3\xA9"},
	        {VIEW_LITERAL("x\xFFy"), "x\xEF\xBF\xBDy"},
	        {VIEW_LITERAL("\xC3"), "\xEF\xBF\xBD"},
	        {VIEW_LITERAL("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, OUT_MAX);
		struct view v = text_clean(cases[i].input, &out);
		if (!view_is(v, cases[i].output))
			fail_msg("case %zu gave '%.*s'", i, VIEW_ARG(v));
	}
}

static void trim_knows_unicode_space(void **state)
{
	static const struct {
		const char *input, *output;
	} cases[] = {
	        {" a b\t\n", "a b"},
	        {"\xC2\xA0x\xE3\x80\x80", "x"},     /* U+00A0, U+3000 */
	        {"\xC2\x85x\xE2\x80\xA8", "x"},     /* U+0085, U+2028 */
	        {"\xE2\x80\x8Bx", "\xE2\x80\x8Bx"}, /* U+200B is no white space */
	        {" \t ", ""},
	        {"", ""},
	        {"\xC3\xA9", "\xC3\xA9"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view v = text_trim(view_of_string(cases[i].input));
		if (!view_is(v, cases[i].output))
			fail_msg("case %zu gave '%.*s'", i, VIEW_ARG(v));
	}
}

static void lower_maps_one_to_one(void **state)
{
	static const struct {
		const char *input, *output;
	} cases[] = {
	        {"example.test", "example.test"},
	        {"EXAMPLE.Test", "example.test"},
	        {"\xC3\x89", "\xC3\xA9"},                 /* É */
	        {"\xC4\xB0", "i"},                        /* İ */
	        {"\xE1\xBA\x9E", "\xC3\x9F"},             /* ẞ */
	        {"\xCE\xA3", "\xCF\x83"},                 /* Σ */
	        {"\xF0\x90\x90\x80", "\xF0\x90\x90\xA8"}, /* U+10400 */
	        {"\xE4\xB8\xAD", "\xE4\xB8\xAD"},
	        {"", ""},
	};
	struct error err = {0};
	locale_t locale = text_locale(&err);
	(void)state;
	assert_true(locale != (locale_t)0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, OUT_MAX);
		struct view v = text_lower(locale, view_of_string(cases[i].input), &out);
		if (!view_is(v, cases[i].output))
			fail_msg("case %zu gave '%.*s'", i, VIEW_ARG(v));
	}
	freelocale(locale);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(clean_replaces_what_cannot_be_stored),
	        cmocka_unit_test(trim_knows_unicode_space),
	        cmocka_unit_test(lower_maps_one_to_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
