// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "poll.h"
#include "registry.h"

static void builds_urls(void **state)
{
	static const struct {
		const char *base, *package, *url;
	} cases[] = {
	        {"https://r", "left-pad", "https://r/left-pad"},
	        {"https://r/", "left-pad", "https://r/left-pad"},
	        {"https://r/npm//", "JSONStream", "https://r/npm/JSONStream"},
	        {"http://127.0.0.1:4873", "@scope/name", "http://127.0.0.1:4873/@scope%2fname"},
	        {"https://r", "a?b#c d", "https://r/a%3fb%23c%20d"},
	        {"https://r", "\xc3\xa9", "https://r/%c3%a9"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(registry_package_url(cases[i].base, cases[i].package, &arena),
		                    cases[i].url);
	arena_release(&arena);
}

static void classifies_answers(void **state)
{
	static const struct {
		long status;
		int64_t retry_after_ms;
		enum registry_outcome outcome;
	} cases[] = {
	        {200, 0, REGISTRY_CHANGED},   {304, 0, REGISTRY_UNCHANGED},
	        {404, 0, REGISTRY_NOT_FOUND}, {429, 0, REGISTRY_THROTTLED},
	        {429, 5, REGISTRY_THROTTLED}, {503, 0, REGISTRY_FAILED},
	        {503, 5, REGISTRY_THROTTLED}, {500, 5, REGISTRY_FAILED},
	        {204, 0, REGISTRY_FAILED},    {301, 0, REGISTRY_FAILED},
	        {401, 0, REGISTRY_FAILED},    {451, 0, REGISTRY_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(registry_classify(cases[i].status, cases[i].retry_after_ms),
		                 cases[i].outcome);
}

static void reads_retry_after(void **state)
{
	static const int64_t now_ns = INT64_C(1795378734) * 1000000000; /* 2026-11-22T20:18:54Z */
	static const struct {
		const char *header;
		int64_t ms;
	} cases[] = {
	        {NULL, 0},
	        {"", 0},
	        {"0", 0},
	        {"120", 120000},
	        {" 7 ", 7000},
	        {"-5", 0},
	        {"soon", 0},
	        {"99999999999999999999", 0},
	        {"9999999999", INT64_C(7) * 24 * 3600 * 1000},
	        {"Sun, 22 Nov 2026 20:19:54 GMT", 60000},
	        {"Sun, 22 Nov 2026 20:17:54 GMT", 0},
	        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(7) * 24 * 3600 * 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(registry_retry_after_ms(cases[i].header, now_ns), cases[i].ms);
}

static void refuses_other_urls(void **state)
{
	static const char *const urls[] = {"", "registry.npmjs.org", "file:///etc/passwd",
	                                   "ftp://r"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct registry_options options = {.url = urls[i], .token = ""};
		struct error err = {0};
		assert_null(registry_open(&options, &err));
		assert_int_equal(err.class, ERROR_FATAL);
	}
}

static void spaces_polls(void **state)
{
	static const struct poll_options options = {.interval_ms = 300000,
	                                            .backoff_max_ms = 3600000};
	static const struct {
		int64_t failures, retry_after_ms, min_ms, max_ms;
	} cases[] = {
	        {0, 0, 270000, 330000},
	        {1, 0, 225000, 375000},
	        {3, 0, 900000, 1500000},
	        {30, 0, 2700000, 4500000},
	        {1, 1200000, 1200000, 1200000}, /* as the registry asked */
	        {1, INT64_C(86400000), 3600000, 3600000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int round = 0; round < 100; round++)
			assert_in_range(
			        poll_delay_ms(&options, cases[i].failures, cases[i].retry_after_ms),
			        cases[i].min_ms, cases[i].max_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(builds_urls),       cmocka_unit_test(classifies_answers),
	        cmocka_unit_test(reads_retry_after), cmocka_unit_test(refuses_other_urls),
	        cmocka_unit_test(spaces_polls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
