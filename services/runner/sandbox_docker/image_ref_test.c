// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/image_ref.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void names_are_cut_at_the_right_places(void **state)
{
	static const struct {
		const char *name, *repository, *tag, *digest;
	} cases[] = {
	        {"node", "node", "latest", ""},
	        {"node:20-slim", "node", "20-slim", ""},
	        {"team/app", "team/app", "latest", ""},
	        {"localhost:5000/team/app", "localhost:5000/team/app", "latest", ""},
	        {"localhost:5000/team/app:1.0", "localhost:5000/team/app", "1.0", ""},
	        {"node@sha256:ab", "node", "", "sha256:ab"},
	        {"node:20@sha256:ab", "node", "", "sha256:ab"},
	        {"h:5000/node@sha256:ab", "h:5000/node", "", "sha256:ab"},
	        {"node:", "node", "latest", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image_ref ref = image_ref_parse(view_of_string(cases[i].name));
		assert_true(view_is(ref.repository, cases[i].repository));
		assert_true(view_is(ref.tag, cases[i].tag));
		assert_true(view_is(ref.digest, cases[i].digest));
	}
}

static void digests_belong_to_their_repository(void **state)
{
	static const struct {
		const char *name, *digest;
		bool matches;
	} cases[] = {
	        {"node:20", "node@sha256:1", true},
	        {"docker.io/library/node", "node@sha256:1", true},
	        {"node", "docker.io/library/node@sha256:1", true},
	        {"node", "nodes@sha256:1", false},
	        {"node", "mirror.test/node@sha256:1", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image_ref ref = image_ref_parse(view_of_string(cases[i].name));
		assert_int_equal(image_ref_matches(&ref, view_of_string(cases[i].digest)),
		                 cases[i].matches);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_cut_at_the_right_places),
	        cmocka_unit_test(digests_belong_to_their_repository),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
