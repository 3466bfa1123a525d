// SPDX-License-Identifier: Apache-2.0
#include "resources/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_text(const char *got, const char *wanted)
{
	if (wanted)
		assert_string_equal(got, wanted);
	else
		assert_null(got);
}

static void reads_limit_and_cursor(void **state)
{
	static const struct {
		const char *limit, *cursor;
		int64_t want_limit; /* 0: refused */
		const char *first, *second;
	} cases[] = {
	        {NULL, NULL, PAGE_LIMIT_DEFAULT, NULL, NULL},
	        {"7", "", 7, NULL, NULL},
	        {"500", NULL, 500, NULL, NULL},
	        {"501", NULL, PAGE_LIMIT_MAX, NULL, NULL},
	        {"0", NULL, 0, NULL, NULL},
	        {"-1", NULL, 0, NULL, NULL},
	        {"x", NULL, 0, NULL, NULL},
	        {"", NULL, 0, NULL, NULL},
	        {"9999999999999999999", NULL, 0, NULL, NULL},
	        {NULL, "a~b", PAGE_LIMIT_DEFAULT, "a", "b"},
	        {NULL, "a", PAGE_LIMIT_DEFAULT, "a", NULL},
	        {NULL, "~b", PAGE_LIMIT_DEFAULT, NULL, "b"},
	        /* What is behind the first '~' belongs to the second half. */
	        {NULL, "a~b~c", PAGE_LIMIT_DEFAULT, "a", "b~c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct arena arena;
		struct page page;

		arena_init(&arena);
		int rc = page_read(cases[i].limit, cases[i].cursor, &arena, &page, &err);
		assert_int_equal(rc == 0, cases[i].want_limit != 0);
		if (rc == 0) {
			assert_int_equal(page.limit, cases[i].want_limit);
			assert_text(page.after_first, cases[i].first);
			assert_text(page.after_second, cases[i].second);
		} else {
			assert_int_equal(err.class, ERROR_DROP);
		}
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_limit_and_cursor)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
