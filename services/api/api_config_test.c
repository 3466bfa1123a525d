// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void open_addresses_need_a_word(void **state)
{
	static const struct {
		char *listen, *client_ca;
		bool insecure, good;
	} cases[] = {
	        {"127.0.0.1:8443", "", false, true},
	        {"127.1.2.3:8443", "", false, true},
	        {"localhost:8443", "", false, true},
	        {"[::1]:8443", "", false, true},
	        {"0.0.0.0:8443", "", false, false},
	        {"[::]:8443", "", false, false},
	        {":8443", "", false, false},
	        {"192.0.2.1:8443", "", false, false},
	        {"fangs.example:8443", "", false, false},
	        {"127.evil.example:8443", "", false, false},
	        {"localhost.evil.example:8443", "", false, false},
	        {"nonsense", "", false, false},
	        {"0.0.0.0:8443", "", true, true},
	        {"0.0.0.0:8443", "/etc/ca.pem", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct api_config config = {.listen = cases[i].listen,
		                                  .tls_client_ca = cases[i].client_ca,
		                                  .insecure = cases[i].insecure};
		struct error err = {0};

		assert_int_equal(api_config_check(&config, &err) == 0, cases[i].good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(open_addresses_need_a_word)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
