// SPDX-License-Identifier: Apache-2.0
#include "access/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void tells_own_pages_from_others(void **state)
{
	static const struct {
		const char *origin, *host, *fetch_site;
		bool same;
	} cases[] = {
	        /* Programs say nothing. */
	        {NULL, "127.0.0.1:8443", NULL, true},
	        {NULL, NULL, NULL, true},
	        /* The dashboard. */
	        {"http://127.0.0.1:8443", "127.0.0.1:8443", "same-origin", true},
	        {"https://fangs.example", "fangs.example", NULL, true},
	        {"http://LOCALHOST:8443", "localhost:8443", NULL, true},
	        {NULL, "127.0.0.1:8443", "none", true},
	        /* Others. */
	        {"http://evil.example", "127.0.0.1:8443", NULL, false},
	        {"http://evil.example", "127.0.0.1:8443", "cross-site", false},
	        {NULL, "127.0.0.1:8443", "cross-site", false},
	        {NULL, "127.0.0.1:8443", "same-site", false},
	        {"http://127.0.0.1:8444", "127.0.0.1:8443", NULL, false},
	        {"http://127.0.0.1:8443.evil.example", "127.0.0.1:8443", NULL, false},
	        {"null", "127.0.0.1:8443", NULL, false},
	        {"null", "null", NULL, false},
	        {"", "127.0.0.1:8443", NULL, false},
	        {"http://x", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		        guard_same_site(cases[i].origin, cases[i].host, cases[i].fetch_site),
		        cases[i].same);
}

static void knows_its_own_names(void **state)
{
	char *names[] = {"fangs.example"};
	const struct config_list hosts = {names, 1};
	static const struct {
		const char *host;
		bool known;
	} cases[] = {
	        {"localhost:8443", true},
	        {"LocalHost", true},
	        {"127.0.0.1:8443", true},
	        {"[::1]:8443", true},
	        {"fangs.example", true},
	        {"FANGS.example:443", true},
	        {"rebound.example:8443", false},
	        {"127.0.0.1.example", false},
	        {"localhost.example", false},
	        {"", false},
	        {NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(guard_known_host(cases[i].host, &hosts), cases[i].known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tells_own_pages_from_others),
	        cmocka_unit_test(knows_its_own_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
