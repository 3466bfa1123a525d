// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with cmocka, beside differ_fixture.h: the fixture as what surrounds a test, and what
 * the database must hold. Failures fail the test.
 */
#ifndef FANGS_DIFFER_DIFFER_EXPECT_H
#define FANGS_DIFFER_DIFFER_EXPECT_H

#include "differ_fixture.h"

/* A fixture of its own for each test, with a differ that has started. */
int differ_fixture_set_up(void **state);
int differ_fixture_tear_down(void **state);
#define DIFFER_CASE(name)                                                                          \
	cmocka_unit_test_setup_teardown(name, differ_fixture_set_up, differ_fixture_tear_down)

/* The first cell of the first row. */
void differ_expect_text(struct differ_fixture *f, const char *sql, const char *expected);
void differ_expect_number(struct differ_fixture *f, const char *sql, int64_t expected);

/* "state|phase|verdict|complete|is_baseline|reason" of the run. */
void differ_expect_run(struct differ_fixture *f, const struct run_id *run_id, const char *expected);

#endif
