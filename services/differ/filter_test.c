// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "filter.h"
#include "text.h"

struct fixture {
	locale_t locale;
	struct filter *filter;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct error err = {0};
	fixture.locale = text_locale(&err);
	fixture.filter = filter_create();
	*state = &fixture;
	return fixture.locale == (locale_t)0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	filter_destroy(f->filter);
	freelocale(f->locale);
	return 0;
}

static void add(struct fixture *f, const char *package, const char *kind, const char *value)
{
	struct error err = {0};
	const struct filter_entry entry = {value, package, kind, value};
	assert_int_equal(filter_add(f->filter, f->locale, &entry, &err), 0);
}

static bool hides(struct fixture *f, const char *package, const char *address)
{
	struct ip ip;
	if (!ip_parse(view_of_string(address), &ip))
		return false;
	const struct filter_rules *own = package ? filter_package(f->filter, package) : NULL;
	return filter_is_content_network(f->filter, &ip) ||
	       filter_hides_address(f->filter, own, &ip);
}

static bool hides_text(struct fixture *f, const struct filter_rules *own, enum category category,
                       const char *value)
{
	return filter_hides_text(f->filter, own, category, view_of_string(value));
}

static void builtin_ranges_hide_addresses(void **state)
{
	static const struct {
		const char *address;
		bool hidden;
	} cases[] =
	        {
	                {"104.16.0.1", true},       {"104.23.255.255", true},
	                {"104.28.0.0", false},      {"::ffff:104.16.0.1", true},
	                {"104.016.0.1", false},     /* leading zero: no address for Go */
	                {"fe80::1%eth0", false},    /* zone: no address for Go */
	                {"2606:4700::1111", false}, /* no IPv6 ranges */
	                {"1.1.1.1", false},         /* resolvers are left out on purpose */
	                {"192.0.2.10", false},      {"13.33.255.255", true},
	                {"204.246.167.255", true},  {"204.246.168.0", false},
	        };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (hides(f, NULL, cases[i].address) != cases[i].hidden)
			fail_msg("%s", cases[i].address);
	}
}

/* The existing system's list, and nothing but it. */
static void builtin_ranges_are_complete(void **state)
{
	static const char *const ranges[] = {
	        "103.21.244.0/22", "103.22.200.0/22",  "103.31.4.0/22",   "104.16.0.0/13",
	        "104.24.0.0/14",   "108.162.192.0/18", "131.0.72.0/22",   "141.101.64.0/18",
	        "162.158.0.0/15",  "172.64.0.0/13",    "173.245.48.0/20", "188.114.96.0/20",
	        "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17", "140.82.112.0/20",
	        "143.55.64.0/20",  "185.199.108.0/22", "192.30.252.0/22", "142.250.0.0/15",
	        "172.217.0.0/16",  "216.58.192.0/19",  "172.253.0.0/16",  "74.125.0.0/16",
	        "151.101.0.0/16",  "199.232.0.0/16",   "13.32.0.0/15",    "13.224.0.0/14",
	        "52.84.0.0/15",    "54.182.0.0/16",    "54.192.0.0/16",   "54.230.0.0/16",
	        "99.86.0.0/16",    "204.246.164.0/22",
	};
	enum { STEP = 4, SLASH24S = 1 << 24 }; /* none is smaller than a /22 */
	struct fixture *f = *state;
	struct cidr cidrs[sizeof(ranges) / sizeof(ranges[0])];
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_true(cidr_parse(view_of_string(ranges[i]), &cidrs[i]));
	for (uint32_t n = 0; n < SLASH24S; n += STEP) {
		const uint8_t bytes[16] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
		struct ip ip;
		bool listed = false;
		assert_true(ip_of_event(AF_INET, bytes, &ip));
		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && !listed; i++)
			listed = cidr_contains(&cidrs[i], &ip);
		if (filter_is_content_network(f->filter, &ip) != listed)
			fail_msg("%u.%u.%u.0", bytes[0], bytes[1], bytes[2]);
	}
}

static void ranges_parse_as_in_go(void **state)
{
	static const struct {
		const char *range, *inside, *outside; /* inside NULL: refused */
	} cases[] = {
	        {"10.0.0.5/8", "10.255.0.1", "11.0.0.0"}, /* host bits are masked */
	        {"192.0.2.7/32", "192.0.2.7", "192.0.2.8"},
	        {"0.0.0.0/0", "255.255.255.255", "::1"},
	        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
	        {"::ffff:192.0.2.0/120", "192.0.2.255", "192.0.3.0"},
	        {"::/0", "2001:db8::1", "192.0.2.1"},
	        {"10.0.0.0/08", "10.1.1.1", "11.0.0.0"},
	        {"10.0.0.0", NULL, NULL},
	        {"10.0.0.0/33", NULL, NULL},
	        {"10.0.0.0/", NULL, NULL},
	        {"10.0.0.0/-1", NULL, NULL},
	        {"10.0.0.0/8 ", NULL, NULL},
	        {"010.0.0.0/8", NULL, NULL},
	        {"fe80::1%eth0/64", NULL, NULL},
	        {"2001:db8::/129", NULL, NULL},
	        {"", NULL, NULL},
	        {"/", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cidr cidr;
		bool parsed = cidr_parse(view_of_string(cases[i].range), &cidr);
		if (parsed != (cases[i].inside != NULL))
			fail_msg("'%s' was %s", cases[i].range, parsed ? "accepted" : "refused");
		if (!parsed)
			continue;
		struct ip inside, outside;
		assert_true(ip_parse(view_of_string(cases[i].inside), &inside));
		assert_true(ip_parse(view_of_string(cases[i].outside), &outside));
		if (!cidr_contains(&cidr, &inside) || cidr_contains(&cidr, &outside))
			fail_msg("'%s' contains the wrong addresses", cases[i].range);
	}
}

static void rows_hold_for_all_or_for_one_package(void **state)
{
	struct fixture *f = *state;
	add(f, NULL, "path", "/usr/lib");
	add(f, "left-pad", "path", "/opt/");
	add(f, "left-pad", "cidr", "192.0.2.0/24");
	add(f, NULL, "sni", " Example.TEST ");
	add(f, "left-pad", "sni", "own.test");

	const struct filter_rules *own = filter_package(f->filter, "left-pad");
	const struct filter_rules *other = filter_package(f->filter, "other");
	assert_non_null(own);
	assert_null(other);
	/* a plain prefix, not a folder */
	assert_true(hides_text(f, other, CATEGORY_PATH_READ, "/usr/libexec/x"));
	assert_false(hides_text(f, other, CATEGORY_PATH_READ, "/usr/li"));
	assert_true(hides_text(f, own, CATEGORY_PATH_READ, "/opt/x"));
	assert_false(hides_text(f, other, CATEGORY_PATH_READ, "/opt/x"));
	assert_true(hides(f, "left-pad", "192.0.2.9"));
	assert_false(hides(f, "other", "192.0.2.9"));
	assert_true(hides_text(f, other, CATEGORY_HTTPS_HOST, "example.test"));
	assert_false(hides_text(f, other, CATEGORY_HTTPS_HOST, "a.example.test"));
	assert_true(hides_text(f, own, CATEGORY_HTTPS_HOST, "own.test"));
	assert_false(hides_text(f, other, CATEGORY_HTTPS_HOST, "own.test"));
}

static void kinds_hold_for_their_categories(void **state)
{
	static const struct {
		const char *kind, *entry, *value;
		enum category category;
		bool hidden;
	} cases[] = {
	        {"path", "/opt/", "/opt/x", CATEGORY_PATH_READ, true},
	        {"path", "/opt/", "/opt/x", CATEGORY_PATH_WRITE, true},
	        {"path", "/opt/", "/opt/x", CATEGORY_EXEC, false},
	        {"path_read", "/opt/", "/opt/x", CATEGORY_PATH_READ, true},
	        {"path_read", "/opt/", "/opt/x", CATEGORY_PATH_WRITE, false},
	        {"path_write", "/opt/", "/opt/x", CATEGORY_PATH_WRITE, true},
	        {"path_write", "/opt/", "/opt/x", CATEGORY_PATH_READ, false},
	        {"dns", "A.test", "a.test", CATEGORY_DNS, true},
	        {"dns", "a.test", "b.a.test", CATEGORY_DNS, false},
	        {"dns", ".a.test", "b.a.test", CATEGORY_DNS, true},
	        {"dns", ".a.test", "ba.test", CATEGORY_DNS, false},
	        {"dns", ".a.test", "a.test", CATEGORY_DNS, false},
	        {"dns", "a.test", "a.test", CATEGORY_HTTPS_HOST, false},
	        {"dns", "a.test", "a.test:443", CATEGORY_DESTINATION, true},
	        {"dns", ".a.test", "b.a.test:443", CATEGORY_DESTINATION, true},
	        {"dns", "a.test", "b.test:443", CATEGORY_DESTINATION, false},
	        {"sni", ".a.test", "b.a.test", CATEGORY_HTTPS_HOST, true},
	        {"sni", "a.test", "a.test", CATEGORY_DNS, false},
	        {"exec", "/bin/ls", "/bin/ls", CATEGORY_EXEC, true},
	        {"exec", "/bin/ls", "/bin/lsof", CATEGORY_EXEC, false},
	        {"exec", "/opt/", "/opt/x", CATEGORY_EXEC, true},
	        {"exec", "/opt/", "/opt/x", CATEGORY_PATH_READ, false},
	        {"cidr", "192.0.2.0/24", "192.0.2.7:443", CATEGORY_DESTINATION, true},
	        {"cidr", "2001:db8::/32", "2001:db8::1:443", CATEGORY_DESTINATION, true},
	        {"cidr", "192.0.2.0/24", "198.51.100.7:443", CATEGORY_DESTINATION, false},
	        {"cidr", "192.0.2.0/24", "192.0.2.7", CATEGORY_DNS, false},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		filter_destroy(f->filter);
		f->filter = filter_create();
		add(f, NULL, cases[i].kind, cases[i].entry);
		struct view value = view_of_string(cases[i].value);
		const char *id = filter_entry_of(f->filter, NULL, cases[i].category, value);
		if ((id != NULL) != cases[i].hidden)
			fail_msg("%s %s: %s", cases[i].kind, cases[i].entry, cases[i].value);
		if (cases[i].category != CATEGORY_DESTINATION)
			assert_int_equal(hides_text(f, NULL, cases[i].category, cases[i].value),
			                 cases[i].hidden);
	}
}

static void built_in_ranges_are_no_entries(void **state)
{
	struct fixture *f = *state;
	struct view value = VIEW_LITERAL("104.16.0.1:443");
	assert_null(filter_entry_of(f->filter, NULL, CATEGORY_DESTINATION, value));
	add(f, "left-pad", "cidr", "104.16.0.0/16");
	const struct filter_rules *own = filter_package(f->filter, "left-pad");
	assert_string_equal(filter_entry_of(f->filter, own, CATEGORY_DESTINATION, value),
	                    "104.16.0.0/16");
}

static void bad_rows_are_refused(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	assert_true(filter_add(f->filter, f->locale,
	                       &(struct filter_entry){"x", NULL, "cidr", "nonsense"}, &err) < 0);
	assert_int_equal(err.class, ERROR_DROP);
	assert_true(filter_add(f->filter, f->locale, &(struct filter_entry){"x", NULL, "path", ""},
	                       &err) < 0);
	assert_true(filter_add(f->filter, f->locale,
	                       &(struct filter_entry){"x", NULL, "color", "red"}, &err) < 0);
	assert_false(hides_text(f, NULL, CATEGORY_PATH_READ, "/etc/passwd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(builtin_ranges_hide_addresses, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(builtin_ranges_are_complete, set_up, tear_down),
	        cmocka_unit_test(ranges_parse_as_in_go),
	        cmocka_unit_test_setup_teardown(rows_hold_for_all_or_for_one_package, set_up,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(kinds_hold_for_their_categories, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(built_in_ranges_are_no_entries, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bad_rows_are_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
