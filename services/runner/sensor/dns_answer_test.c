// SPDX-License-Identifier: Apache-2.0
#include "dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADER(flags, questions, answers)                                                          \
	"\x12\x34" flags "\x00" questions "\x00" answers "\0\0\0\0"
#define QUESTION "\3www\4evil\4test\0\0\1\0\1"
#define POINTER "\xc0\x0c" /* the question's name */
#define A POINTER "\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
#define CNAME                                                                                      \
	POINTER "\0\5\0\1\0\0\0\x3c\0\6\3"                                                         \
	        "cdn\xc0\x10"
#define AAAA_OF_CDN                                                                                \
	"\3"                                                                                       \
	"CDN\xc0\x10\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define A_OF_OTHER "\5other\0\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\7"
#define TXT POINTER "\0\x10\0\1\0\0\0\0\0\3\2hi"

static void test_answers(void **state)
{
	static const struct {
		struct view packet;
		const char *text;
		size_t addresses;
	} rows[] = {
	        {VIEW_LITERAL(HEADER("\x81\x80", "\1", "\1") QUESTION A), "192.0.2.1", 1},
	        {VIEW_LITERAL(HEADER("\x81\x80", "\1", "\3") QUESTION CNAME AAAA_OF_CDN TXT),
	         "cdn.evil.test 2001:db8::1 TYPE16", 1},
	        /* Nobody asked for it. */
	        {VIEW_LITERAL(HEADER("\x81\x80", "\1", "\1") QUESTION A_OF_OTHER), "198.51.100.7",
	         0},
	        {VIEW_LITERAL(HEADER("\x81\x83", "\1", "\0") QUESTION), "", 0}, /* no such name */
	        {VIEW_LITERAL(HEADER("\x83\x80", "\1", "\2") QUESTION A), "192.0.2.1", 1}, /* cut */
	};
	static struct dns_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(dns_answer_read(rows[i].packet, &answer));
		assert_int_equal(answer.id, 0x1234);
		assert_string_equal(answer.question.name, "www.evil.test");
		assert_true(view_is(view_of(answer.text, answer.text_size), rows[i].text));
		assert_int_equal(answer.address_count, rows[i].addresses);
	}
}

static void test_malformed(void **state)
{
	static const struct view rows[] = {
	        VIEW_LITERAL(""),
	        VIEW_LITERAL(HEADER("\x01\x00", "\1", "\0") QUESTION), /* a query */
	        VIEW_LITERAL(HEADER("\x81\x80", "\2", "\0") QUESTION QUESTION),
	        VIEW_LITERAL(HEADER("\x81\x80", "\1", "\1") QUESTION),   /* less than it says */
	        VIEW_LITERAL(HEADER("\x81\x80", "\1", "\0") "\xc0\x0c"), /* points to itself */
	        VIEW_LITERAL(HEADER("\x81\x80", "\1", "\0") "\x80x\0\0\1\0\1"),
	        VIEW_LITERAL(HEADER("\x81\x80", "\1", "\1") QUESTION POINTER
	                     "\0\1\0\1\0\0\0\0\0\3abc"), /* no address */
	};
	static struct dns_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (dns_answer_read(rows[i], &answer))
			fail_msg("row %zu", i);
}

static void test_every_cut_is_refused(void **state)
{
	struct view packet =
	        VIEW_LITERAL(HEADER("\x81\x80", "\1", "\2") QUESTION CNAME AAAA_OF_CDN);
	static struct dns_answer answer;

	(void)state;
	for (size_t size = 0; size < packet.size; size++)
		assert_false(dns_answer_read(view_of(packet.data, size), &answer));
	assert_true(dns_answer_read(packet, &answer));
}

static void test_names_are_plain_text(void **state)
{
	static struct dns_answer answer;
	struct view packet = VIEW_LITERAL(HEADER("\x81\x80", "\1", "\1") QUESTION POINTER
	                                  "\0\5\0\1\0\0\0\0\0\6\4a \\\xff\0");

	(void)state;
	assert_true(dns_answer_read(packet, &answer));
	assert_true(view_is(view_of(answer.text, answer.text_size), "a\\032\\092\\255"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_answers),
	        cmocka_unit_test(test_malformed),
	        cmocka_unit_test(test_every_cut_is_refused),
	        cmocka_unit_test(test_names_are_plain_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
