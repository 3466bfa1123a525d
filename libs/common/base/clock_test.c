// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void times_survive_a_round_trip(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t wall_ns;
	} cases[] = {
	        {"1970-01-01T00:00:00Z", 0},
	        {"1969-12-31T23:59:59.999999999Z", -1},
	        {"2026-11-22T20:18:54.819653388Z", INT64_C(1795378734819653388)},
	        {"2026-11-22T20:18:54.5Z", INT64_C(1795378734500000000)},
	        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000000)},
	        {"1678-01-01T00:00:00Z", INT64_C(-9214560000000000000)},
	        {"2261-12-31T23:59:59Z", INT64_C(9214646399000000000)},
	        {"0001-01-01T00:00:00Z", INT64_MIN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall_ns = 1;
		char text[CLOCK_TEXT_MAX];
		assert_true(clock_parse_rfc3339(view_of_string(cases[i].text), &wall_ns));
		assert_int_equal(wall_ns, cases[i].wall_ns);
		clock_format_rfc3339(wall_ns, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void offsets_and_spellings_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
	        {"1970-01-01T01:00:00+01:00", 0},
	        {"1969-12-31T18:30:00-05:30", 0},
	        {"1970-01-01t00:00:07z", 7},
	        {"1970-01-01T00:00:07.000000000Z", 7},
	        {"2016-12-31T23:59:60Z", 1483228800},
	        {"1970-01-01T00:00:00-00:00", 0},
	        {"2000-02-29T12:00:00+00:00", 951825600},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall_ns = -1;
		assert_true(clock_parse_rfc3339(view_of_string(cases[i].text), &wall_ns));
		assert_int_equal(wall_ns, cases[i].seconds * NS_PER_S);
	}
}

static void malformed_times_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
	        "",
	        "2026",
	        "2026-11-22",
	        "2026-11-22T20:18:54",
	        "2026-11-22 20:18:54Z",
	        "2026-11-22T20:18:54.Z",
	        "2026-11-22T20:18:54.1234567890Z",
	        "2026-11-22T20:18:54Zx",
	        "2026-13-22T20:18:54Z",
	        "2026-00-22T20:18:54Z",
	        "2026-11-31T20:18:54Z",
	        "2026-11-00T20:18:54Z",
	        "2026-02-29T20:18:54Z",
	        "1900-02-29T20:18:54Z",
	        "2026-11-22T24:18:54Z",
	        "2026-11-22T20:60:54Z",
	        "2026-11-22T20:18:61Z",
	        "2026-11-22T20:18:54+24:00",
	        "2026-11-22T20:18:54+1:00",
	        "1677-12-31T00:00:00Z",
	        "2262-01-01T00:00:00Z",
	        "0001-01-01T00:00:01Z",
	        "-026-11-22T20:18:54Z",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall_ns = 42;
		assert_false(clock_parse_rfc3339(view_of_string(cases[i]), &wall_ns));
		assert_int_equal(wall_ns, 42);
	}
	assert_false(clock_parse_rfc3339((struct view){NULL, 0}, &(int64_t){0}));
}

static int64_t fixed_source(bool wall)
{
	return wall ? 5 * NS_PER_S : NS_PER_S / 8;
}

static void source_can_be_replaced(void **state)
{
	(void)state;
	clock_set_source(fixed_source);
	assert_int_equal(clock_wall_ns(), 5 * NS_PER_S);
	assert_int_equal(clock_monotonic_ms(), 125);
	clock_set_source(NULL);
	int64_t before = clock_monotonic_ns();
	assert_true(clock_monotonic_ns() >= before);
	assert_true(clock_wall_ns() > INT64_C(1700000000) * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(times_survive_a_round_trip),
	        cmocka_unit_test(offsets_and_spellings_are_read),
	        cmocka_unit_test(malformed_times_are_refused),
	        cmocka_unit_test(source_can_be_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
