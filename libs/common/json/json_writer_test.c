// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/cleanup.h"
#include "json/json_writer.h"

static void containers_and_commas(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 1000);
	struct json_writer w = json_writer_on(&buf);
	json_object(&w);
	json_member_string(&w, "id", "x");
	json_member(&w, "tags");
	json_array(&w);
	json_put_int(&w, 1);
	json_array(&w);
	json_end_array(&w);
	json_object(&w);
	json_end_object(&w);
	json_put_null(&w);
	json_end_array(&w);
	json_member_bool(&w, "ok", true);
	json_member_string(&w, "none", NULL);
	json_member_raw(&w, "raw", VIEW_LITERAL("[1]"));
	json_end_object(&w);
	assert_string_equal(
	        buf.data,
	        "{\"id\":\"x\",\"tags\":[1,[],{},null],\"ok\":true,\"none\":null,\"raw\":[1]}");
}

static void text_is_escaped_as_go_does(void **state)
{
	(void)state;
	static const struct {
		const char *text, *json;
	} cases[] = {
	        {"plain", "\"plain\""},
	        {"", "\"\""},
	        {"\"\\/", "\"\\\"\\\\/\""},
	        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
	        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
	        {"<a>&", "\"\\u003ca\\u003e\\u0026\""},
	        {"\xC3\xA9\xF0\x9F\xA6\xB7", "\"\xC3\xA9\xF0\x9F\xA6\xB7\""},
	        {"\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\"\\u2028\\u2029\xE2\x80\xAA\""},
	        {"a\xFF\xC3", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf buf;
		buf_init(&buf, 1000);
		struct json_writer w = json_writer_on(&buf);
		json_put_string(&w, cases[i].text);
		assert_string_equal(buf.data, cases[i].json);
	}
}

static void nul_bytes_and_keys_are_escaped(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 1000);
	struct json_writer w = json_writer_on(&buf);
	json_object(&w);
	json_member_view(&w, "k\"", view_of("a\0b", 3));
	json_end_object(&w);
	assert_string_equal(buf.data, "{\"k\\\"\":\"a\\u0000b\"}");
}

static void integers_keep_all_digits(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 1000);
	struct json_writer w = json_writer_on(&buf);
	json_array(&w);
	json_put_int(&w, INT64_MIN);
	json_put_int(&w, INT64_MAX);
	json_put_uint(&w, UINT64_MAX);
	json_end_array(&w);
	assert_string_equal(buf.data,
	                    "[-9223372036854775808,9223372036854775807,18446744073709551615]");
}

static void doubles_are_short_and_exact(void **state)
{
	(void)state;
	static const struct {
		double number;
		const char *json;
	} cases[] = {
	        {0, "0"},
	        {1, "1"},
	        {-0.25, "-0.25"},
	        {0.1, "0.1"},
	        {1.0 / 3, "0.3333333333333333"},
	        {0.1 + 0.2, "0.30000000000000004"},
	        {1e20, "100000000000000000000"},
	        {1e21, "1e+21"},
	        {5e-324, "4.94065645841247e-324"},
	        {NAN, "null"},
	        {-INFINITY, "null"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf buf;
		buf_init(&buf, 100);
		struct json_writer w = json_writer_on(&buf);
		json_put_double(&w, cases[i].number);
		assert_string_equal(buf.data, cases[i].json);
	}
}

static void overflow_shows_in_the_buffer(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, 10);
	struct json_writer w = json_writer_on(&buf);
	json_array(&w);
	json_put_string(&w, "longer than ten bytes");
	json_end_array(&w);
	assert_true(buf.overflowed);
	assert_true(buf.size <= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(containers_and_commas),
	        cmocka_unit_test(text_is_escaped_as_go_does),
	        cmocka_unit_test(nul_bytes_and_keys_are_escaped),
	        cmocka_unit_test(integers_keep_all_digits),
	        cmocka_unit_test(doubles_are_short_and_exact),
	        cmocka_unit_test(overflow_shows_in_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
