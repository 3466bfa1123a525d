// SPDX-License-Identifier: Apache-2.0
#include "differ_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"

int differ_fixture_set_up(void **state)
{
	struct differ_fixture *f = differ_fixture_create();
	differ_fixture_start(f);
	*state = f;
	return 0;
}

int differ_fixture_tear_down(void **state)
{
	differ_fixture_destroy(*state);
	return 0;
}

void differ_expect_text(struct differ_fixture *f, const char *sql, const char *expected)
{
	AUTO(free) char *text = differ_fixture_text(f, sql);
	assert_string_equal(text, expected);
}

void differ_expect_number(struct differ_fixture *f, const char *sql, int64_t expected)
{
	assert_int_equal(db_fixture_number(f->db, sql), expected);
}

void differ_expect_run(struct differ_fixture *f, const struct run_id *run_id, const char *expected)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(run_id, id);
	AUTO(free)
	char *sql = xasprintf("SELECT concat_ws('|', state, phase, verdict, complete, is_baseline, "
	                      "incomplete_reason) FROM runs WHERE id = '%s'",
	                      id);
	differ_expect_text(f, sql, expected);
}
