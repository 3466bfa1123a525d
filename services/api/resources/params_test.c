// SPDX-License-Identifier: Apache-2.0
#include "resources/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct param params[] = {
        {"package", PARAM_TEXT, NULL}, {"state", PARAM_WORD, "pending|done"},
        {"alive", PARAM_BOOL, NULL},   {"pid", PARAM_NUMBER, NULL},
        {"since", PARAM_TIME, NULL},   {"run", PARAM_ID_PREFIX, NULL},
};
enum { PARAM_COUNT = sizeof(params) / sizeof(params[0]) };

static void good_ones_are_taken(void **state)
{
	static const struct {
		const char *query;
		const char *want[PARAM_COUNT];
	} cases[] = {
	        {"", {NULL}},
	        {"&&", {NULL}},
	        {"package=%40a%2Fb&state=done", {"@a/b", "done"}},
	        {"package=", {NULL}},
	        {"package", {NULL}},
	        {"package=a+b&alive=false", {"a b", NULL, "false"}},
	        {"pid=0&since=2026-11-22T20%3A18%3A54Z&run=0af",
	         {NULL, NULL, NULL, "0", "2026-11-22T20:18:54Z", "0af"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *values[PARAM_COUNT];
		struct error err = {0};
		struct arena arena;

		arena_init(&arena);
		if (params_parse(view_of_string(cases[i].query), params, PARAM_COUNT, &arena,
		                 values, &err) < 0)
			fail_msg("%s: %s", cases[i].query, err.text);
		for (size_t at = 0; at < PARAM_COUNT; at++) {
			if (cases[i].want[at])
				assert_string_equal(values[at], cases[i].want[at]);
			else
				assert_null(values[at]);
		}
		arena_release(&arena);
	}
}

static void bad_ones_are_named(void **state)
{
	static const struct {
		const char *query, *text;
	} cases[] = {
	        {"packages=a", "unknown query parameter 'packages': there are package, state"},
	        {"=x", "unknown query parameter ''"},
	        {"%ff=x", "badly encoded"},
	        {"package=%00", "package is badly encoded"},
	        {"package=%zz", "package is badly encoded"},
	        {"package=%ff", "package is badly encoded"},
	        {"package=a&package=b", "package is given twice"},
	        {"package=&package=b", "package is given twice"},
	        {"state=Done", "state must be one of pending|done"},
	        {"state=", "state must be one of"},
	        {"state=pending%7Cdone", "state must be one of"},
	        {"alive=1", "alive must be true or false"},
	        {"pid=-1", "pid must be a number"},
	        {"pid=4294967296", "pid must be a number"},
	        {"since=yesterday", "since must be a time"},
	        {"run=xyz", "run must be the beginning of an id"},
	        {"run=0123456789012345678901234567890123", "run must be the beginning of an id"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *values[PARAM_COUNT];
		struct error err = {0};
		struct arena arena;

		arena_init(&arena);
		assert_true(params_parse(view_of_string(cases[i].query), params, PARAM_COUNT,
		                         &arena, values, &err) < 0);
		assert_int_equal(err.class, ERROR_DROP);
		if (!strstr(err.text, cases[i].text))
			fail_msg("%s: %s", cases[i].query, err.text);
		arena_release(&arena);
	}
}

static void long_values_are_refused(void **state)
{
	char query[PARAM_TEXT_MAX + 16] = "package=";
	const char *values[PARAM_COUNT];
	struct error err = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	memset(query + strlen("package="), 'a', PARAM_TEXT_MAX);
	assert_int_equal(
	        params_parse(view_of_string(query), params, PARAM_COUNT, &arena, values, &err), 0);
	query[strlen("package=") + PARAM_TEXT_MAX] = 'a';
	assert_true(params_parse(view_of_string(query), params, PARAM_COUNT, &arena, values, &err) <
	            0);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(good_ones_are_taken),
	        cmocka_unit_test(bad_ones_are_named),
	        cmocka_unit_test(long_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
