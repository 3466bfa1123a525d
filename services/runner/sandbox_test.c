// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_harmless_specs_pass(void **state)
{
	static const struct {
		struct sandbox_spec spec;
		const char *complaint; /* NULL: passes */
	} cases[] = {
	        {{.image = "node:20-slim"}, NULL},
	        {{.image = "localhost:5000/team/app@sha256:0123"}, NULL},
	        {{.image = "node", .network_mode = "none", .pull_policy = "never"}, NULL},
	        {{.image = ""}, "image is required"},
	        {{.image = "../containers/x"}, "no image name"},
	        {{.image = "/etc"}, "no image name"},
	        {{.image = "a b"}, "no image name"},
	        {{.image = "a?b=c"}, "no image name"},
	        {{.image = "node", .network_mode = "host"}, "refused"},
	        {{.image = "node", .network_mode = "HOST"}, "refused"},
	        {{.image = "node", .network_mode = "container:abc"}, "refused"},
	        {{.image = "node", .pull_policy = "sometimes"}, "pull_policy 'sometimes'"},
	        {{.image = "node", .memory_bytes = -1}, "memory_bytes is negative"},
	        {{.image = "node", .pids_limit = -1}, "pids_limit is negative"},
	        {{.image = "node", .grace_period_ns = -1}, "grace_period is negative"},
	        {{.image = "node", .grace_period_ns = INT64_MAX}, "longer than 24 hours"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int r = sandbox_spec_check(&cases[i].spec, &err);
		if (!cases[i].complaint) {
			assert_int_equal(r, 0);
			continue;
		}
		assert_true(r < 0);
		assert_int_equal(err.class, ERROR_DROP);
		assert_non_null(strstr(err.text, cases[i].complaint));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_harmless_specs_pass)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
