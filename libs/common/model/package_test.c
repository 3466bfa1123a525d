// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/package.h"

static void names_of_the_registry_are_valid(void **state)
{
	(void)state;
	static const char *const names[] = {
	        "left-pad",    "a",    "JSONStream", "lodash.merge", "3d-view",
	        "@types/node", "@a/b", "@scope/_x",  "@scope/-x",    "x_y",
	        "a.b",         "A",    "@a.b/c.d",   "node_module",  "favicon.icon",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!package_name_valid(names[i]))
			fail_msg("refused: %s", names[i]);
	}
}

static void what_a_shell_could_read_is_no_name(void **state)
{
	(void)state;
	static const char *const names[] = {
	        "",       ".a",           "_a",          "-a",       "--registry", "a b",
	        "a;b",    "a$(b)",        "a`b`",        "a|b",      "a&b",        "a>b",
	        "a'b",    "a\"b",         "a\\b",        "a\nb",     "a*",         "a~b",
	        "a!b",    "a(b)",         "a/b",         "@a",       "@/a",        "@a/",
	        "@a/b/c", "@-a/b",        "@_a/b",       "@.a/b",    "@a/.b",      "a@1",
	        "a%2Fb",  "node_modules", "favicon.ico", "\xC3\xA9", "a:b",        "git+ssh",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (package_name_valid(names[i]))
			fail_msg("accepted: %s", names[i]);
	}
	char long_name[PACKAGE_NAME_MAX + 2];
	memset(long_name, 'a', sizeof(long_name));
	long_name[PACKAGE_NAME_MAX] = '\0';
	assert_true(package_name_valid(long_name));
	long_name[PACKAGE_NAME_MAX] = 'a';
	long_name[PACKAGE_NAME_MAX + 1] = '\0';
	assert_false(package_name_valid(long_name));
}

static void semantic_versions_are_valid(void **state)
{
	(void)state;
	static const char *const versions[] = {
	        "0.0.0",          "1.2.3",
	        "10.20.30",       "1.2.3-0",
	        "1.2.3-rc.1",     "1.2.3-a-b",
	        "1.2.3+build.01", "1.2.3-rc.1+sha.5114f85",
	        "1.2.3--",        "1.2.3+-",
	        "1.2.3-1a",       "1.2.3-0a",
	        "1.2.3+a-b.c",    "9007199254740991.0.0",
	};
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (!package_version_valid(versions[i]))
			fail_msg("refused: %s", versions[i]);
	}
}

static void other_versions_are_refused(void **state)
{
	(void)state;
	static const char *const versions[] = {
	        "",
	        "1",
	        "1.2",
	        "1.2.3.4",
	        "01.2.3",
	        "1.02.3",
	        "1.2.03",
	        "1.2.3-",
	        "1.2.3+",
	        "1.2.3-01",
	        "1.2.3-a.",
	        "1.2.3-.a",
	        "1.2.3-a..b",
	        "1.2.3+a+b",
	        "v1.2.3",
	        "latest",
	        "^1.2.3",
	        "1.2.3 ",
	        "1.2.3;id",
	        "1.2.3-$(x)",
	        "-1.2.3",
	        "1..3",
	        "1.2.x",
	        "9007199254740992.0.0",
	        "99999999999999999999999.0.0",
	};
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (package_version_valid(versions[i]))
			fail_msg("accepted: %s", versions[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_of_the_registry_are_valid),
	        cmocka_unit_test(what_a_shell_could_read_is_no_name),
	        cmocka_unit_test(semantic_versions_are_valid),
	        cmocka_unit_test(other_versions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
