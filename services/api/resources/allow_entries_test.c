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
	        {ENTRY("dns", "*.Example.test"), NULL},
	        {ENTRY("dns", "a b"), "value must be the name of a host"},
	        {ENTRY("exec", "/bin/ls"), NULL},
	        {ENTRY("exec", ""), "value must be the path of a program"},
	        {ENTRY("path_read", "/opt/"), NULL},
	        {ENTRY("path_write", "opt/"), "value must be a path"},
	        {ENTRY("color", "red"), "kind must be cidr, path"},
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

static void entries_cover_deviations(void **state)
{
	static const struct {
		const char *kind, *entry, *category, *value;
		bool covers;
	} cases[] = {
	        {"cidr", "192.0.2.0/24", "net_new_destination", "192.0.2.7:443", true},
	        {"cidr", "192.0.2.8/29", "net_new_destination", "192.0.2.7:443", false},
	        {"cidr", "192.0.2.7/32", "net_new_destination", "192.0.2.7:443", true},
	        {"cidr", "0.0.0.0/0", "net_new_destination", "192.0.2.7:443", true},
	        {"cidr", "2001:db8::/32", "net_new_destination", "2001:db8::1:443", true},
	        {"cidr", "2001:db8::/32", "net_new_destination", "192.0.2.7:443", false},
	        {"cidr", "192.0.2.0/24", "net_new_dns", "192.0.2.7:443", false},
	        {"dns", "a.test", "net_new_destination", "a.test:443", true},
	        {"dns", "a.test", "net_new_dns", "a.test", true},
	        {"dns", ".test", "net_new_dns", "a.test", true},
	        {"dns", ".a.test", "net_new_dns", "a.test", false},
	        {"sni", ".a.test", "net_new_https_host", "b.a.test", true},
	        {"sni", "a.test", "net_new_dns", "a.test", false},
	        {"path", "/opt/", "fs_new_path_write", "/opt/x", true},
	        {"path_read", "/opt/", "fs_new_path_write", "/opt/x", false},
	        {"path_write", "/opt/", "fs_new_path_write", "/opt/x", true},
	        {"path_write", "/opt/y", "fs_new_path_write", "/opt/x", false},
	        {"exec", "/bin/", "proc_new_exec", "/bin/ls", true},
	        {"exec", "/bin", "proc_new_exec", "/bin/ls", false},
	        {"exec", "/bin/ls", "proc_new_exec", "/bin/ls", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct allow_entry entry = {.kind = cases[i].kind, .value = cases[i].entry};
		if (allow_entry_covers(&entry, cases[i].category, cases[i].value) !=
		    cases[i].covers)
			fail_msg("%s %s: %s", cases[i].kind, cases[i].entry, cases[i].value);
	}
}

static void an_entry_of_a_deviation_covers_it(void **state)
{
	static const struct {
		const char *category, *value, *kind, *entry;
	} cases[] = {
	        {"net_new_destination", "192.0.2.7:443", "cidr", "192.0.2.7/32"},
	        {"net_new_destination", "2001:db8::1:443", "cidr", "2001:db8::1/128"},
	        {"net_new_destination", "a.test:443", "dns", "a.test"},
	        {"net_new_dns", "a.test", "dns", "a.test"},
	        {"net_new_https_host", "a.test", "sni", "a.test"},
	        {"fs_new_path_read", "/etc/x", "path_read", "/etc/x"},
	        {"fs_new_path_write", "<a>/x", "path_write", "<a>/x"},
	        {"proc_new_exec", "/bin/ls", "exec", "/bin/ls"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct allow_entry entry = {0};
		struct error err = {0};
		allow_entry_of_deviation(cases[i].category, cases[i].value, &arena, &entry);
		assert_string_equal(entry.kind, cases[i].kind);
		assert_string_equal(entry.value, cases[i].entry);
		assert_int_equal(allow_entry_check(&entry, &arena, &err), 0);
		assert_true(allow_entry_covers(&entry, cases[i].category, cases[i].value));
	}
	arena_release(&arena);
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
	        cmocka_unit_test(entries_cover_deviations),
	        cmocka_unit_test(an_entry_of_a_deviation_covers_it),
	        cmocka_unit_test(hosts_are_compared_in_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
