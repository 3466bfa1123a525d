// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/run_id.h"

static int64_t fixed_clock(bool wall)
{
	return wall ? INT64_C(0x18ea7701069de90c) : 0;
}

static void ids_begin_with_the_time(void **state)
{
	(void)state;
	char text[RUN_ID_TEXT_SIZE];
	clock_set_source(fixed_clock);
	struct run_id a = run_id_new();
	struct run_id b = run_id_new();
	clock_set_source(NULL);
	run_id_format(&a, text);
	assert_true(view_starts_with(view_of_string(text), VIEW_LITERAL("18ea7701069de90c")));
	assert_false(run_id_equal(&a, &b));
	assert_false(run_id_is_zero(&a));
}

static void text_goes_both_ways(void **state)
{
	(void)state;
	static const char id_text[] = "18ea77784152790c00000000000000ff";
	struct run_id id = {{0}};
	char text[RUN_ID_TEXT_SIZE];
	assert_true(run_id_is_zero(&id));
	assert_true(run_id_parse(view_of_string(id_text), &id));
	assert_int_equal(id.bytes[15], 0xFF);
	run_id_format(&id, text);
	assert_string_equal(text, id_text);
}

static void other_text_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "",
	        "18ea77784152790c",
	        "18ea77784152790c00000000000000f",
	        "18ea77784152790c00000000000000ff0",
	        "18ea77784152790c00000000000000fg",
	};
	struct run_id id = {{1}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(run_id_parse(view_of_string(texts[i]), &id));
	assert_int_equal(id.bytes[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(ids_begin_with_the_time),
	        cmocka_unit_test(text_goes_both_ways),
	        cmocka_unit_test(other_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
