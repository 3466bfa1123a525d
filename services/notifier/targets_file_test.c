// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "targets_file.h"
#include "verdicts.h"

#define ENTRY "\"name\":\"a\",\"url\":\"https://h.example/\",\"template\":\"generic\""

static void reads_both_forms(void **state)
{
	static const char *const cases[] = {
	        "[{" ENTRY ",\"headers\":{\"b\":\"2\",\"a\":\"1\"},\"min_severity\":\"high\","
	        "\"secret_env\":\"S\",\"enabled\":false}]",
	        "{\"notifiers\":[{" ENTRY ",\"headers\":{\"b\":\"2\",\"a\":\"1\"},"
	        "\"min_severity\":\"high\",\"secret_env\":\"S\",\"enabled\":false}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct targets targets;
		struct error err = {0};
		struct arena arena;
		arena_init(&arena);
		assert_int_equal(
		        targets_read("f", view_of_string(cases[i]), &arena, &targets, &err), 0);
		assert_int_equal(targets.count, 1);
		assert_string_equal(targets.items[0].name, "a");
		assert_string_equal(targets.items[0].url, "https://h.example/");
		assert_string_equal(targets.items[0].template, "generic");
		assert_string_equal(targets.items[0].secret_env, "S");
		assert_string_equal(targets.items[0].headers, "{\"a\":\"1\",\"b\":\"2\"}");
		assert_string_equal(targets.items[0].min_severity, "high");
		assert_false(targets.items[0].enabled);
		arena_release(&arena);
	}
}

static void fills_in_defaults(void **state)
{
	struct targets targets;
	struct error err = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(targets_read("f",
	                              view_of_string("[{" ENTRY ",\"headers\":null},{" ENTRY
	                                             ",\"headers\":{}}]"),
	                              &arena, &targets, &err),
	                 0);
	assert_int_equal(targets.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(targets.items[i].enabled);
		assert_string_equal(targets.items[i].headers, "");
		assert_string_equal(targets.items[i].secret_env, "");
		assert_string_equal(targets.items[i].min_severity, "");
	}
	assert_int_equal(targets_read("f", view_of_string("[]"), &arena, &targets, &err), 0);
	assert_int_equal(targets.count, 0);
	arena_release(&arena);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	        {"", "file.json: the file is empty"},
	        {" \n", "file.json: the file is empty"},
	        {"nonsense", "file.json: "},
	        {"[{" ENTRY "}", "file.json: "},
	        {"7", "file.json: must be a list"},
	        {"{\"notifier\":[]}", "file.json: must be a list"},
	        {"[1]", "file.json entry 1: is not an object"},
	        {"[{" ENTRY "},{\"name\":\"b\"}]",
	         "file.json entry 2: name/url/template are required"},
	        {"[{" ENTRY ",\"name\":7}]", "entry 1: "},
	        {"[{\"name\":\"a\",\"url\":\"https://h\",\"template\":\"teams\"}]",
	         "entry 1: unknown template 'teams'"},
	        {"[{\"name\":\"a\",\"url\":\"http://h\",\"template\":\"slack\"}]",
	         "entry 1: plain http"},
	        {"[{" ENTRY ",\"min_severity\":\"awful\"}]", "unknown min_severity 'awful'"},
	        {"[{" ENTRY ",\"enabled\":\"yes\"}]", "'enabled' must be true or false"},
	        {"[{" ENTRY ",\"headers\":{\"a\":1}}]", "entry 1: header 'a' is not a string"},
	        {"[{" ENTRY ",\"headers\":\"a: b\"}]", "entry 1: headers are not a JSON object"},
	        {"[{" ENTRY ",\"secretenv\":\"S\"}]", "entry 1: unknown key 'secretenv'"},
	        {"[{" ENTRY ",\"secret_env\":7}]", "'secret_env' must be a string"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct targets targets;
		struct error err = {0};
		struct arena arena;
		arena_init(&arena);
		assert_true(targets_read("file.json", view_of_string(cases[i].text), &arena,
		                         &targets, &err) < 0);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' instead of '%s'", err.text, cases[i].says);
		assert_int_equal(err.class, ERROR_FATAL);
		arena_release(&arena);
	}
}

static void maps_severity_words(void **state)
{
	static const struct {
		const char *min, *max;
		bool wanted;
	} cases[] = {
	        {"", "info", true},          {"", "", true},
	        {"info", "info", true},      {"low", "info", true},
	        {"warn", "info", false},     {"medium", "info", false},
	        {"medium", "warn", true},    {"high", "warn", false},
	        {"high", "crit", true},      {"critical", "crit", true},
	        {"critical", "warn", false}, {"low", "", false},
	        {"nonsense", "info", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(severity_wanted(cases[i].min, cases[i].max), cases[i].wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_both_forms),
	        cmocka_unit_test(fills_in_defaults),
	        cmocka_unit_test(says_what_is_wrong),
	        cmocka_unit_test(maps_severity_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
