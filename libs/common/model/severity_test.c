// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/severity.h"

static void severities_have_one_vocabulary(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		enum severity severity;
	} cases[] = {
	        {"info", SEVERITY_INFO},     {"low", SEVERITY_INFO},  {"warn", SEVERITY_WARN},
	        {"medium", SEVERITY_WARN},   {"crit", SEVERITY_CRIT}, {"high", SEVERITY_CRIT},
	        {"critical", SEVERITY_CRIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum severity severity = SEVERITY_INFO;
		assert_true(severity_parse(cases[i].word, &severity));
		assert_int_equal(severity, cases[i].severity);
		assert_true(severity_parse(severity_name(severity), &severity));
	}
	enum severity severity = SEVERITY_INFO;
	assert_false(severity_parse("Warn", &severity));
	assert_false(severity_parse("", &severity));
}

static void categories_go_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
		enum category category = CATEGORY_COUNT;
		assert_true(category_parse(category_name((enum category)i), &category));
		assert_int_equal(category, i);
	}
	enum category category = CATEGORY_COUNT;
	assert_false(category_parse("syscall_rare_category", &category));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(severities_have_one_vocabulary),
	        cmocka_unit_test(categories_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
