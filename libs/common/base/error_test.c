// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void class_follows_from_the_code(void **state)
{
	(void)state;
	static const struct {
		int code;
		enum error_class class;
	} cases[] = {
	        {EINVAL, ERROR_DROP},     {EPROTO, ERROR_DROP},        {ENOENT, ERROR_DROP},
	        {ENOMEM, ERROR_FATAL},    {EPERM, ERROR_FATAL},        {ENOSYS, ERROR_FATAL},
	        {EAGAIN, ERROR_RETRY},    {ECONNREFUSED, ERROR_RETRY}, {EIO, ERROR_RETRY},
	        {ETIMEDOUT, ERROR_RETRY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_int_equal(error_set(&err, cases[i].code, "x"), -cases[i].code);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.class, cases[i].class);
	}
}

static void class_can_be_given(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(error_set_class(&err, ERROR_FATAL, EAGAIN, "no %s", "way"), -EAGAIN);
	assert_int_equal(err.class, ERROR_FATAL);
	assert_string_equal(err.text, "no way");
}

static void sentences_gain_reason_and_context(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(error_set_errno(&err, ENOENT, "cannot open '%s'", "f"), -ENOENT);
	assert_string_equal(err.text, "cannot open 'f': No such file or directory");
	assert_int_equal(error_wrap(&err, "reading %d", 7), -ENOENT);
	assert_string_equal(err.text, "reading 7: cannot open 'f': No such file or directory");
	assert_int_equal(err.class, ERROR_DROP);
	error_clear(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.text, "");
}

static void long_sentences_are_cut(void **state)
{
	(void)state;
	char text[2 * ERROR_TEXT_MAX];
	struct error err = {0};
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)error_set_errno(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	(void)error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void nobody_has_to_listen(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, EINVAL, "x"), -EINVAL);
	assert_int_equal(error_set_class(NULL, ERROR_DROP, EIO, "x"), -EIO);
	assert_int_equal(error_set_errno(NULL, EIO, "x"), -EIO);
	assert_int_equal(error_wrap(NULL, "x"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(class_follows_from_the_code),
	        cmocka_unit_test(class_can_be_given),
	        cmocka_unit_test(sentences_gain_reason_and_context),
	        cmocka_unit_test(long_sentences_are_cut),
	        cmocka_unit_test(nobody_has_to_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
