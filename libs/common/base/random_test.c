// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/random.h"

static void random_ids_differ(void **state)
{
	(void)state;
	char a[201];
	char b[201];
	random_hex(a, 100);
	random_hex(b, 100);
	assert_int_equal(strlen(a), 200);
	assert_string_not_equal(a, b);
	for (int i = 0; i < 1000; i++)
		assert_true(random_below(3) < 3);
	assert_int_equal(random_below(1), 0);
}

static void backoff_doubles_up_to_a_limit(void **state)
{
	(void)state;
	static const struct {
		unsigned failures;
		int64_t nominal;
	} cases[] = {{0, 200}, {1, 200}, {2, 400}, {3, 800}, {10, 5000}, {4000000000U, 5000}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int round = 0; round < 100; round++) {
			int64_t delay = backoff_ms(cases[i].failures, 200, 5000);
			assert_in_range(delay, cases[i].nominal * 3 / 4, cases[i].nominal * 5 / 4);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(random_ids_differ),
	        cmocka_unit_test(backoff_doubles_up_to_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
