// SPDX-License-Identifier: Apache-2.0
#include "resources/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const char *got, const char *wanted)
{
	if (wanted)
		assert_string_equal(got, wanted);
	else
		assert_null(got);
}

static void reads_limits(void **state)
{
	static const struct {
		const char *limit;
		int64_t want; /* 0: refused */
	} cases[] = {
	        {NULL, PAGE_LIMIT_DEFAULT},
	        {"7", 7},
	        {"500", 500},
	        {"501", 0},
	        {"0", 0},
	        {"-1", 0},
	        {"x", 0},
	        {"", 0},
	        {"9999999999999999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct arena arena;
		struct page page;

		arena_init(&arena);
		int rc = page_read(cases[i].limit, NULL, PAGE_BY_TEXT, &arena, &page, &err);
		assert_int_equal(rc == 0, cases[i].want != 0);
		if (rc == 0)
			assert_int_equal(page.limit, cases[i].want);
		else
			assert_int_equal(err.class, ERROR_DROP);
		arena_release(&arena);
	}
}

/* What page_cursor() wrapped, page_read() takes, if it is of the list's kind. */
static void cursors_are_checked(void **state)
{
	static const struct {
		const char *key;
		enum page_order order;
		bool good;
		const char *first, *second;
	} cases[] = {
	        {"2026-11-22T20:18:54.123456Z~abc", PAGE_BY_TIME_AND_TEXT, true,
	         "2026-11-22T20:18:54.123456Z", "abc"},
	        {"infinity~abc", PAGE_BY_TIME_AND_TEXT, false, NULL, NULL},
	        {"12~a", PAGE_BY_NUMBER_AND_TEXT, true, "12", "a"},
	        {"99999999999999999999~a", PAGE_BY_NUMBER_AND_TEXT, false, NULL, NULL},
	        {"12~13", PAGE_BY_NUMBERS, true, "12", "13"},
	        {"12~x", PAGE_BY_NUMBERS, false, NULL, NULL},
	        {"~@scope/name", PAGE_BY_TEXT, true, NULL, "@scope/name"},
	        {"a~b", PAGE_BY_TEXT, false, NULL, NULL},
	        /* What is behind the first '~' belongs to the second half. */
	        {"a~b~\xc3\xa9", PAGE_BY_TEXTS, true, "a", "b~\xc3\xa9"},
	        {"~b", PAGE_BY_TEXTS, false, NULL, NULL},
	        {"no tilde", PAGE_BY_TEXTS, false, NULL, NULL},
	        {"a~\xff", PAGE_BY_TEXTS, false, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct arena arena;
		struct page page;

		arena_init(&arena);
		const char *cursor = page_cursor(view_of_string(cases[i].key), &arena);
		int rc = page_read(NULL, cursor, cases[i].order, &arena, &page, &err);
		assert_int_equal(rc == 0, cases[i].good);
		if (rc == 0) {
			assert_text(page.after_first, cases[i].first);
			assert_text(page.after_second, cases[i].second);
		} else {
			assert_int_equal(err.class, ERROR_DROP);
		}
		arena_release(&arena);
	}
}

static void made_up_cursors_are_refused(void **state)
{
	static const char *const cursors[] = {"!",   "a",    "YX5i~", "YX5iA",
	                                      "YX5", "AH4A", " ",     "YX5i="};

	(void)state;
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct error err = {0};
		struct arena arena;
		struct page page;

		arena_init(&arena);
		assert_true(page_read(NULL, cursors[i], PAGE_BY_TEXTS, &arena, &page, &err) < 0);
		assert_non_null(strstr(err.text, "cursor"));
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_limits),
	        cmocka_unit_test(cursors_are_checked),
	        cmocka_unit_test(made_up_cursors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
