// SPDX-License-Identifier: Apache-2.0
#include "dns_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEADER(questions) "\x12\x34\x01\x00\x00" questions "\x00\x00\x00\x00\x00\x00"

static struct view bytes_of(const char *bytes, size_t size)
{
	return view_of(bytes, size);
}

#define BYTES(s) bytes_of(s, sizeof(s) - 1)

static void test_one_question(void **state)
{
	struct dns_question question;
	struct dns_reader reader;

	(void)state;
	assert_true(
	        dns_reader_init(&reader, BYTES(HEADER("\x01") "\x04"
	                                                      "evil\x04test\x00\x00\x1c\x00\x01")));
	assert_int_equal(dns_reader_next(&reader, &question), 1);
	assert_string_equal(question.name, "evil.test");
	assert_int_equal(question.type, 28);
	assert_int_equal(dns_reader_next(&reader, &question), 0);
}

static void test_several_questions_and_any_byte(void **state)
{
	struct dns_question question;
	struct dns_reader reader;

	(void)state;
	assert_true(dns_reader_init(&reader, BYTES(HEADER("\x02") "\x01"
	                                                          "a\x00\x00\x01\x00\x01"
	                                                          "\x03.\x00\xff\x00\x00\x10\x00"
	                                                          "\x01")));
	assert_int_equal(dns_reader_next(&reader, &question), 1);
	assert_string_equal(question.name, "a");
	assert_int_equal(dns_reader_next(&reader, &question), 1);
	assert_int_equal(question.name_size, 3);
	assert_memory_equal(question.name, ".\x00\xff", 3);
	assert_int_equal(question.type, 16);
}

static void test_root_has_the_empty_name(void **state)
{
	struct dns_question question;
	struct dns_reader reader;

	(void)state;
	assert_true(dns_reader_init(&reader, BYTES(HEADER("\x01") "\x00\x00\x02\x00\x01")));
	assert_int_equal(dns_reader_next(&reader, &question), 1);
	assert_int_equal(question.name_size, 0);
}

static void test_longest_name(void **state)
{
	static const uint8_t tail[] = {0, 0, 1, 0, 1};
	char packet[DNS_HEADER_SIZE + 300];
	struct dns_question question;
	struct dns_reader reader;
	size_t size = DNS_HEADER_SIZE;

	(void)state;
	memcpy(packet, HEADER("\x01"), DNS_HEADER_SIZE);
	for (int i = 0; i < 4; i++) { /* 3 labels of 63 and one of 61: 253 characters */
		size_t label = i < 3 ? 63 : 61;

		packet[size++] = (char)label;
		memset(packet + size, 'x', label);
		size += label;
	}
	memcpy(packet + size, tail, sizeof(tail));
	assert_true(dns_reader_init(&reader, view_of(packet, size + sizeof(tail))));
	assert_int_equal(dns_reader_next(&reader, &question), 1);
	assert_int_equal(question.name_size, 253);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t size;
	} rows[] = {
#define ROW(what, bytes) {what, bytes, sizeof(bytes) - 1}
	        ROW("no labels", HEADER("\x01")),
	        ROW("label cut", HEADER("\x01") "\x05"
	                                        "ab"),
	        ROW("label too long", HEADER("\x01") "\x40"
	                                             "ab\x00\x00\x01\x00\x01"),
	        ROW("pointer", HEADER("\x01") "\xc0\x0c\x00\x01\x00\x01"),
	        ROW("no end", HEADER("\x01") "\x01"
	                                     "a"),
	        ROW("no type", HEADER("\x01") "\x01"
	                                      "a\x00\x00"),
	        ROW("too many", HEADER("\xff") "\x01"
	                                       "a\x00\x00\x01\x00\x01"),
	};
	struct dns_question question;
	struct dns_reader reader;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(dns_reader_init(&reader, bytes_of(rows[i].bytes, rows[i].size)));
		if (dns_reader_next(&reader, &question) != -1)
			fail_msg("%s was accepted", rows[i].what);
	}
}

static void test_no_query(void **state)
{
	struct dns_reader reader;

	(void)state;
	assert_false(dns_reader_init(&reader, BYTES("\x12\x34\x01\x00\x00\x01")));
	assert_false(dns_reader_init(&reader, BYTES("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00"
	                                            "\x00\x00\x00\x01\x00\x01")));
	assert_false(dns_reader_init(&reader, BYTES(HEADER("\x00"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_one_question),
	        cmocka_unit_test(test_several_questions_and_any_byte),
	        cmocka_unit_test(test_root_has_the_empty_name),
	        cmocka_unit_test(test_longest_name),
	        cmocka_unit_test(test_malformed),
	        cmocka_unit_test(test_no_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
