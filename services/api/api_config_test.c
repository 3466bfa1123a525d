// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static struct api_config sane(void)
{
	return (struct api_config){
	        .listen = "127.0.0.1:8443",
	        .ops_listen = "",
	        .auth = "none",
	        .tls_cert = "",
	        .tls_key = "",
	        .tls_client_ca = "",
	};
}

static void open_addresses_need_a_word(void **state)
{
	static const struct {
		char *listen;
		bool loopback;
	} cases[] = {
	        {"127.0.0.1:8443", true},
	        {"127.1.2.3:8443", true},
	        {"localhost:8443", true},
	        {"[::1]:8443", true},
	        {"0.0.0.0:8443", false},
	        {"[::]:8443", false},
	        {":8443", false},
	        {"192.0.2.1:8443", false},
	        {"fangs.example:8443", false},
	        {"127.evil.example:8443", false},
	        {"localhost.evil.example:8443", false},
	        {"nonsense", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct api_config config = sane();
		struct error err = {0};

		config.listen = cases[i].listen;
		assert_int_equal(api_config_check(&config, &err) == 0, cases[i].loopback);
		assert_int_equal(api_config_is_loopback(&config), cases[i].loopback);
		config.insecure = true;
		assert_int_equal(api_config_check(&config, &err), 0);
		config = sane();
		config.ops_listen = cases[i].listen;
		config.listen = "127.0.0.1:9999";
		assert_int_equal(api_config_check(&config, &err) == 0, cases[i].loopback);
	}
}

static void what_contradicts_itself_is_refused(void **state)
{
	static char *names[] = {"alice"};
	static const struct {
		char *auth, *listen, *ops_listen, *cert, *key, *client_ca;
		struct config_list operators;
		const char *error; /* NULL: good */
	} cases[] = {
	        {"token", "127.0.0.1:1", "", "", "", "", {0}, NULL},
	        {"token", "0.0.0.0:1", "", "", "", "", {0}, "in the clear"},
	        {"token", "0.0.0.0:1", "", "c", "k", "", {0}, NULL},
	        {"token", "127.0.0.1:1", "0.0.0.0:1", "", "", "", {0}, "api.ops_listen"},
	        {"token", "127.0.0.1:1", "127.0.0.1:1", "", "", "", {0}, "same address"},
	        {"none", "0.0.0.0:1", "", "c", "k", "", {0}, "identify"},
	        {"none", "0.0.0.0:1", "", "c", "k", "ca", {0}, NULL},
	        {"mtls", "127.0.0.1:1", "", "", "", "", {0}, "client_ca"},
	        {"mtls", "127.0.0.1:1", "", "c", "k", "", {0}, "client_ca"},
	        {"mtls", "0.0.0.0:1", "", "c", "k", "ca", {names, 1}, NULL},
	        {"token", "127.0.0.1:1", "", "", "", "", {names, 1}, "for api.auth mtls"},
	        {"none", "127.0.0.1:1", "", "c", "", "", {0}, "go together"},
	        {"none", "127.0.0.1:1", "", "", "", "ca", {0}, "needs api.tls.cert"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct api_config config = {
		        .listen = cases[i].listen,
		        .ops_listen = cases[i].ops_listen,
		        .auth = cases[i].auth,
		        .tls_cert = cases[i].cert,
		        .tls_key = cases[i].key,
		        .tls_client_ca = cases[i].client_ca,
		        .tls_operators = cases[i].operators,
		};
		struct error err = {0};
		int rc = api_config_check(&config, &err);

		if (!cases[i].error && rc < 0)
			fail_msg("%zu: %s", i, err.text);
		if (cases[i].error && (rc == 0 || !strstr(err.text, cases[i].error)))
			fail_msg("%zu: %s", i, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(open_addresses_need_a_word),
	        cmocka_unit_test(what_contradicts_itself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
