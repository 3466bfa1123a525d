// SPDX-License-Identifier: Apache-2.0
#include "json/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *text;
	size_t size; /* of the value; 0: it has no end in the text */
} cases[] = {
        {"{}", 2},
        {"[1,2] ", 5},
        {"{\"a\":[{\"b\":1}]},", 15},
        {"\"a\\\"b\"]", 6},
        {"[\"]\",\"\\\\\"],", 10},
        {"null,", 4},
        {"12]", 2},
        {"-1.5e3 ", 6},
        {"1", 0},
        {"null", 0},
        {"[[]", 0},
        {"{\"}", 0},
        {"\"\\\"", 0},
        {"x}", 1},
};

static void values_end_wherever_they_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view text = view_of_string(cases[i].text);
		for (size_t split = 0; split <= text.size; split++) {
			struct json_scan scan;
			size_t first, second = 0;
			json_scan_init(&scan);
			bool ended = json_scan_feed(&scan, view_of(text.data, split), &first);
			if (!ended) {
				assert_int_equal(first, split);
				ended = json_scan_feed(
				        &scan, view_of(text.data + split, text.size - split),
				        &second);
			}
			assert_int_equal(ended, cases[i].size != 0);
			assert_int_equal(first + second, ended ? cases[i].size : text.size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values_end_wherever_they_are_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
