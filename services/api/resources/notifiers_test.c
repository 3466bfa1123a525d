// SPDX-License-Identifier: Apache-2.0
#include "resources/notifiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void notifiers_are_checked(void **state)
{
	static const struct {
		const char *body, *text; /* NULL: accepted */
	} cases[] = {
	        {"{\"url\":\"https://hooks.example/x\"}", NULL},
	        {"{\"url\":\"https://hooks.example/x\",\"template\":\"slack\","
	         "\"min_severity\":\"high\",\"enabled\":false,\"secret_env\":\"S\"}",
	         NULL},
	        {"{\"url\":\"http://127.0.0.1:9/x\",\"template\":\"generic\"}", NULL},
	        {"{\"url\":\"http://localhost/x\",\"headers\":{\"A\":\"b\"}}", NULL},
	        {"{\"url\":\"http://[::1]:9/\"}", NULL},
	        {"{}", "url is missing"},
	        {"{\"url\":\"http://hooks.example/x\"}", "url must"},
	        {"{\"url\":\"http://127.0.0.1.evil.example/\"}", "url must"},
	        {"{\"url\":\"http://localhost@evil.example/\"}", "url must"},
	        {"{\"url\":\"https://\"}", "url must"},
	        {"{\"url\":\"https://a b/\"}", "url must"},
	        {"{\"url\":\"ftp://x\"}", "url must"},
	        {"{\"url\":\"https://x\",\"template\":\"email\"}", "template must"},
	        {"{\"url\":\"https://x\",\"min_severity\":\"bad\"}", "min_severity must"},
	        {"{\"url\":\"https://x\",\"headers\":[]}", "headers must"},
	        {"{\"url\":\"https://x\",\"headers\":{\"A\":1}}", "headers must"},
	        {"{\"url\":", "decode body"},
	        {"", "decode body"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct notifier notifier;
		struct error err = {0};
		struct arena arena;

		arena_init(&arena);
		int rc = notifier_read(view_of_string(cases[i].body), "hook", &arena, &notifier,
		                       &err);
		if (cases[i].text) {
			assert_true(rc < 0);
			assert_int_equal(err.class, ERROR_DROP);
			assert_ptr_equal(strstr(err.text, cases[i].text), err.text);
		} else {
			assert_int_equal(rc, 0);
		}
		arena_release(&arena);
	}
}

static void notifier_defaults(void **state)
{
	struct notifier notifier;
	struct error err = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(notifier_read(VIEW_LITERAL("{\"url\":\"https://x\","
	                                            "\"headers\":{\"A\":\"b\"}}"),
	                               "hook", &arena, &notifier, &err),
	                 0);
	assert_string_equal(notifier.name, "hook");
	assert_string_equal(notifier.template, "generic");
	assert_string_equal(notifier.headers, "{\"A\":\"b\"}");
	assert_string_equal(notifier.min_severity, "");
	assert_true(notifier.enabled);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(notifiers_are_checked),
	        cmocka_unit_test(notifier_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
