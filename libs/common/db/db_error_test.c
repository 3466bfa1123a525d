// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/db_internal.h"

static void sqlstates_have_classes(void **state)
{
	(void)state;
	static const struct {
		const char *sqlstate;
		int code;
		enum error_class class;
	} cases[] = {
	        {NULL, ENOTCONN, ERROR_RETRY},    {"", ENOTCONN, ERROR_RETRY},
	        {"08006", ENOTCONN, ERROR_RETRY}, {"57P01", ENOTCONN, ERROR_RETRY},
	        {"57P03", ENOTCONN, ERROR_RETRY}, {"57014", ETIMEDOUT, ERROR_RETRY},
	        {"25P03", ENOTCONN, ERROR_RETRY}, {"25006", ENOTCONN, ERROR_RETRY},
	        {"53300", EBUSY, ERROR_RETRY},    {"40001", EAGAIN, ERROR_RETRY},
	        {"40P01", EAGAIN, ERROR_RETRY},   {"23505", EEXIST, ERROR_DROP},
	        {"23503", ENOENT, ERROR_DROP},    {"23502", EINVAL, ERROR_DROP},
	        {"22P02", EINVAL, ERROR_DROP},    {"42P01", EIO, ERROR_FATAL},
	        {"25P02", EIO, ERROR_FATAL},      {"XX000", EIO, ERROR_FATAL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct db_failure failure = db_failure_of(cases[i].sqlstate);
		assert_int_equal(failure.code, cases[i].code);
		assert_int_equal(failure.class, cases[i].class);
	}
}

static void urls_are_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "not a url", "postgresql://u:secret@h:port:x/y?z"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};
		struct db_config config = {.url = (char *)(uintptr_t)bad[i], .pool_size = 2};
		assert_null(db_open(&config, "test", &err));
		assert_int_equal(err.code, EINVAL);
		assert_null(strstr(err.text, "secret"));
	}
}

static void absent_server_is_worth_a_retry(void **state)
{
	(void)state;
	struct error err = {0};
	char url[] = "postgresql://nobody@127.0.0.1:1/none";
	struct db_config config = {.url = url, .pool_size = 2};
	struct db *db = db_open(&config, "test", &err);
	assert_non_null(db);
	assert_null(db_acquire(db, &err));
	assert_int_equal(err.class, ERROR_RETRY);
	assert_int_equal(err.code, ENOTCONN);
	assert_null(strchr(err.text, '\n'));
	assert_non_null(strstr(err.text, "cannot connect"));
	db_close(db);
}

static void arrays_are_quoted(void **state)
{
	(void)state;
	static const char *const items[] = {"plain", "with \"quotes\" and \\", "", NULL, "a,b{}"};
	AUTO(free) char *text = db_text_array(items, 5);
	assert_string_equal(text,
	                    "{\"plain\",\"with \\\"quotes\\\" and \\\\\",\"\",NULL,\"a,b{}\"}");
	AUTO(free) char *none = db_text_array(NULL, 0);
	assert_string_equal(none, "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sqlstates_have_classes),
	        cmocka_unit_test(urls_are_checked),
	        cmocka_unit_test(absent_server_is_worth_a_retry),
	        cmocka_unit_test(arrays_are_quoted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
