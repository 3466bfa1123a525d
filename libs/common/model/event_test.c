// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "model/event.h"

static void names_are_those_of_the_wire(void **state)
{
	(void)state;
	assert_string_equal(event_type_name(EVENT_FILE), "file_access");
	assert_string_equal(event_type_name(EVENT_EXEC), "exec");
	assert_string_equal(event_type_name(EVENT_CONNECT), "net_connect");
	assert_string_equal(event_type_name(EVENT_DNS), "dns_query");
	assert_string_equal(event_type_name(EVENT_TLS), "tls_sni");
	assert_string_equal(event_type_name(EVENT_UNKNOWN), "unknown");
	assert_string_equal(event_type_name((enum event_type)200), "unknown");
	const struct event odd = {.type = EVENT_UNKNOWN, .wire_type = EVENT_DNS};
	assert_string_equal(event_row_type(&odd), "dns_query");
	const struct event newer = {.type = EVENT_UNKNOWN, .wire_type = 77};
	assert_string_equal(event_row_type(&newer), "unknown");
	enum actor actor = ACTOR_UNKNOWN;
	assert_true(actor_parse(view_of_string(actor_name(ACTOR_PACKAGE)), &actor));
	assert_int_equal(actor, ACTOR_PACKAGE);
	assert_false(actor_parse(VIEW_LITERAL("Package"), &actor));
}

static void addresses_look_as_on_the_wire(void **state)
{
	(void)state;
	static const struct {
		const char *from, *text;
	} cases[] = {
	        {"1.2.3.4", "1.2.3.4"},
	        {"255.255.255.255", "255.255.255.255"},
	        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
	        {"::", "::"},
	        {"::1", "::1"},
	        {"1::", "1::"},
	        {"::102:304", "::102:304"},
	        {"::ffff:1.2.3.4", "1.2.3.4"},
	        {"::fffe:1.2.3.4", "::fffe:102:304"},
	        {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
	        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	        {"fe80:0:0:0:1:2:3:0", "fe80::1:2:3:0"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t address[16] = {0};
		char text[EVENT_IP_TEXT_MAX];
		uint8_t family =
		        inet_pton(AF_INET6, cases[i].from, address) == 1 ? AF_INET6 : AF_INET;
		if (family == AF_INET)
			assert_int_equal(inet_pton(AF_INET, cases[i].from, address), 1);
		event_format_ip(family, address, text);
		assert_string_equal(text, cases[i].text);
		uint8_t back[16] = {0};
		uint8_t parsed_family = family;
		assert_true(event_parse_ip(view_of_string(text), &parsed_family, back));
		assert_int_equal(parsed_family, family);
		assert_memory_equal(back, address, sizeof(back));
	}
}

static void other_families_have_no_address(void **state)
{
	(void)state;
	const uint8_t address[16] = {1, 2, 3, 4};
	char text[EVENT_IP_TEXT_MAX] = "x";
	event_format_ip(AF_UNIX, address, text);
	assert_string_equal(text, "");
	uint8_t family = AF_UNIX;
	uint8_t back[16] = {9};
	assert_false(event_parse_ip(VIEW_LITERAL(""), &family, back));
	assert_false(event_parse_ip(VIEW_LITERAL("104.016.0.1"), &family, back));
	assert_false(event_parse_ip(VIEW_LITERAL("fe80::1%eth0"), &family, back));
	assert_false(event_parse_ip(VIEW_LITERAL("1.2.3.4\0"), &family, back));
	assert_int_equal(family, AF_UNIX);
	assert_int_equal(back[0], 9);
	assert_true(event_parse_ip(VIEW_LITERAL("1.2.3.4"), &family, back));
	assert_int_equal(family, AF_INET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_those_of_the_wire),
	        cmocka_unit_test(addresses_look_as_on_the_wire),
	        cmocka_unit_test(other_families_have_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
