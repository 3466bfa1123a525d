// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/version_line.h"

static void versions_of_a_line_are_equal(void **state)
{
	(void)state;
	assert_int_equal(version_line("4.17.20"), version_line("4.17.21"));
	assert_int_equal(version_line("4.0.0-beta.1"), version_line("4.9.0"));
	assert_int_equal(version_line("0.2.1"), version_line("0.2.9"));
}

static void lines_are_ordered(void **state)
{
	(void)state;
	static const char *const versions[] = {"0.0.1", "0.1.0",  "0.20.0",       "1.0.0",
	                                       "2.0.0", "10.4.4", "999999999.0.0"};
	for (size_t i = 1; i < sizeof(versions) / sizeof(versions[0]); i++)
		assert_true(version_line(versions[i - 1]) < version_line(versions[i]));
}

static void what_is_no_version_has_every_line_below_it(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "", "latest", "1", "1.2", "v1.2.3", "1..2", "99999999999999999999.0.0"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(version_line(texts[i]) == VERSION_LINE_ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(versions_of_a_line_are_equal),
	        cmocka_unit_test(lines_are_ordered),
	        cmocka_unit_test(what_is_no_version_has_every_line_below_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
