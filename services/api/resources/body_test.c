// SPDX-License-Identifier: Apache-2.0
#include "resources/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct body_member members[] = {
        {"name", BODY_TEXT, .required = true, .max = 4},
        {"note", BODY_TEXT, .max = 8},
        {"enabled", BODY_BOOL, .required = false},
        {"headers", BODY_TEXT_MAP, .required = false},
};

static void bodies_are_checked(void **state)
{
	static const struct {
		const char *body, *text; /* NULL: accepted */
	} cases[] = {
	        {"{\"name\":\"a\"}", NULL},
	        {" {\"name\":\"abcd\",\"enabled\":false,\"headers\":{\"A\":\"b\"}} ", NULL},
	        {"{}", "name is missing"},
	        {"[]", "not an object"},
	        {"null", "not an object"},
	        {"", "decode body"},
	        {"{\"name\":\"a\"} x", "decode body"},
	        {"{\"name\":\"a\\u0000\"}", "decode body"},
	        {"{\"name\":\"\xff\"}", "not UTF-8"},
	        {"{\"name\":1}", "name must be a string"},
	        {"{\"name\":null}", "name must be a string"},
	        {"{\"name\":\"abcde\"}", "name has more than 4 characters"},
	        {"{\"name\":\"a\",\"nmae\":1}", "unknown member 'nmae'"},
	        {"{\"Name\":\"a\"}", "unknown member 'Name'"},
	        {"{\"name\":\"a\",\"enabled\":\"true\"}", "enabled must be true or false"},
	        {"{\"name\":\"a\",\"headers\":{\"A\":1}}", "headers must be an object"},
	        {"{\"name\":\"a\",\"headers\":[]}", "headers must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		AUTO(json)
		struct json *body = body_parse(view_of_string(cases[i].body), members,
		                               BODY_COUNT(members), &err);

		assert_int_equal(body != NULL, cases[i].text == NULL);
		if (body)
			continue;
		assert_int_equal(err.class, ERROR_DROP);
		if (cases[i].text && !strstr(err.text, cases[i].text))
			fail_msg("%s: %s", cases[i].body, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bodies_are_checked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
