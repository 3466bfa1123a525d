// SPDX-License-Identifier: Apache-2.0
#include "resources/allow_entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ENTRY(kind, value) "{\"kind\":\"" kind "\",\"value\":\"" value "\"}"

static void entries_are_checked(void **state)
{
	static const struct {
		const char *body, *text; /* NULL: accepted */
	} cases[] = {
	        {ENTRY("cidr", "10.0.0.0/8"), NULL},
	        {ENTRY("cidr", "10.1.2.3/0"), NULL},
	        {ENTRY("cidr", "2001:db8::/32"), NULL},
	        {ENTRY("cidr", "::/128"), NULL},
	        {ENTRY("cidr", "10.0.0.0"), "value must be an address range"},
	        {ENTRY("cidr", "10.0.0.0/33"), "value must be an address range"},
	        {ENTRY("cidr", "10.0.0.0/-1"), "value must be an address range"},
	        {ENTRY("cidr", "10.0.0.0/+1"), "value must be an address range"},
	        {ENTRY("cidr", "10.0.0.0/"), "value must be an address range"},
	        {ENTRY("cidr", "::/129"), "value must be an address range"},
	        {ENTRY("cidr", "10.0.0/8"), "value must be an address range"},
	        {ENTRY("path", "/usr/lib/"), NULL},
	        {ENTRY("path", "usr/lib/"), "value must be a path"},
	        {ENTRY("path", ""), "value must be a path"},
	        {ENTRY("sni", "Registry.npmjs.org"), NULL},
	        {ENTRY("sni", ""), "value must be the name of a host"},
	        {ENTRY("sni", "a b"), "value must be the name of a host"},
	        {ENTRY("dns", "x"), "kind must be cidr, path or sni"},
	        {"{\"kind\":\"path\"}", "value is missing"},
	        {"{\"kind\":\"path\",\"value\":\"/x\",\"package\":\"@s/n\",\"note\":\"n\"}", NULL},
	        {"{\"kind\":\"path\",\"value\":\"/x\",\"package\":\"\"}", "package is not"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct allow_entry entry;
		struct error err = {0};
		struct arena arena;

		arena_init(&arena);
		int rc = allow_entry_read(view_of_string(cases[i].body), &arena, &entry, &err);
		if ((rc == 0) != (cases[i].text == NULL) ||
		    (rc < 0 && !strstr(err.text, cases[i].text)))
			fail_msg("%s: %s", cases[i].body, err.text);
		arena_release(&arena);
	}
}

static void hosts_are_compared_in_lower_case(void **state)
{
	struct allow_entry entry;
	struct error err = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(allow_entry_read(view_of_string(ENTRY("sni", "Registry.npmjs.ORG")),
	                                  &arena, &entry, &err),
	                 0);
	assert_string_equal(entry.value, "registry.npmjs.org");
	assert_null(entry.package);
	assert_string_equal(entry.note, "");
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(entries_are_checked),
	        cmocka_unit_test(hosts_are_compared_in_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
