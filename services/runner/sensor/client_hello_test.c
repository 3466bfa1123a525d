// SPDX-License-Identifier: Apache-2.0
#include "client_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hello_fixture.h"

enum { KEY_SHARE = 1700, SMALL_RECORD = 50, RECORD_HEADER = 5, VERSION_AT = 1, TYPE_AT = 5 };

static void test_shapes(void **state)
{
	static const struct {
		const char *name;
		size_t padding, record;
		enum client_hello_status status;
	} rows[] = {
	        {"evil.test", 0, 0, CLIENT_HELLO_NAME},
	        {"evil.test", KEY_SHARE, 0, CLIENT_HELLO_NAME},
	        {"evil.test", KEY_SHARE, SMALL_RECORD, CLIENT_HELLO_NAME},
	        {"evil.test", 0, 1, CLIENT_HELLO_NAME},
	        {NULL, 0, 0, CLIENT_HELLO_NO_NAME},
	        {NULL, KEY_SHARE, SMALL_RECORD, CLIENT_HELLO_NO_NAME},
	};
	uint8_t bytes[HELLO_FIXTURE_MAX];
	struct client_hello hello;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t size = hello_make(bytes, rows[i].name, rows[i].padding, rows[i].record);

		assert_int_equal(client_hello_parse(view_of(bytes, size), &hello), rows[i].status);
		assert_string_equal(hello.name, rows[i].name ? rows[i].name : "");
	}
}

static void test_every_cut_asks_for_more(void **state)
{
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "evil.test", 100, SMALL_RECORD);
	struct client_hello hello;

	(void)state;
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(client_hello_parse(view_of(bytes, cut), &hello),
		                 CLIENT_HELLO_MORE);
}

static void test_malformed(void **state)
{
	static const struct {
		size_t at; /* byte to change in a good hello */
		uint8_t value;
	} rows[] = {
	        {0, 0x17},    {VERSION_AT, 0x02},
	        {TYPE_AT, 2}, {TYPE_AT + 1, 1}, /* longer than any hello */
	        {43, 33},                       /* session id too long */
	};
	uint8_t bytes[HELLO_FIXTURE_MAX];
	struct client_hello hello;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t size = hello_make(bytes, "evil.test", 0, 0);

		bytes[rows[i].at] = rows[i].value;
		if (client_hello_parse(view_of(bytes, size), &hello) != CLIENT_HELLO_BAD)
			fail_msg("byte %zu", rows[i].at);
	}
}

static void test_empty_record_is_bad(void **state)
{
	struct client_hello hello;

	(void)state;
	assert_int_equal(client_hello_parse(view_of("\x16\x03\x01\x00\x00\x01", 6), &hello),
	                 CLIENT_HELLO_BAD);
}

static void test_encrypted_hello_is_noted(void **state)
{
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "front.test", 8, 0);
	uint8_t *padding = memmem(bytes, size, "\x00\x15\x00\x08", 4);
	struct client_hello hello;

	(void)state;
	assert_non_null(padding);
	memcpy(padding, "\xfe\x0d", 2);
	assert_int_equal(client_hello_parse(view_of(bytes, size), &hello), CLIENT_HELLO_NAME);
	assert_true(hello.encrypted);
}

/* The padding stands before the name; behind it there is room for another extension. */
static void test_encrypted_hello_behind_the_name(void **state)
{
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "front.test", 0, 0);
	uint8_t *extensions = memmem(bytes, size, "\x00\x00\x00\x0f", 4) - 2;
	static const uint8_t encrypted[] = {0xfe, 0x0d, 0, 2, 'h', 'i'};
	struct client_hello hello;

	(void)state;
	memcpy(bytes + size, encrypted, sizeof(encrypted));
	bytes[4] += 6;
	bytes[8] += 6;
	extensions[1] += 6;
	assert_int_equal(client_hello_parse(view_of(bytes, size + 2), &hello), CLIENT_HELLO_MORE);
	assert_string_equal(hello.name, "front.test");
	assert_int_equal(client_hello_parse(view_of(bytes, size + 6), &hello), CLIENT_HELLO_NAME);
	assert_string_equal(hello.name, "front.test");
	assert_true(hello.encrypted);
	assert_int_equal(client_hello_parse_bare(view_of(bytes + RECORD_HEADER, size + 1), &hello),
	                 CLIENT_HELLO_NAME);
	assert_string_equal(hello.name, "front.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_shapes),
	        cmocka_unit_test(test_every_cut_asks_for_more),
	        cmocka_unit_test(test_malformed),
	        cmocka_unit_test(test_empty_record_is_bad),
	        cmocka_unit_test(test_encrypted_hello_is_noted),
	        cmocka_unit_test(test_encrypted_hello_behind_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
