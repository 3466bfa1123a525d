// SPDX-License-Identifier: Apache-2.0
/* Runs whose runner is not heard of any more or hands them back, against a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "dispatch_fixture.h"
#include "model/event_codec.h"

static void an_expired_lease_is_placed_again_elsewhere(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "first", 1);
	dispatch_add_run(f, 1, "");
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(dispatch_expire(f), 0);

	DISPATCH_NUMBER(f, "UPDATE runs SET lease_expires_at = now() - interval '1 second'");
	assert_int_equal(dispatch_expire(f), 1);
	assert_int_equal(
	        DISPATCH_NUMBER(f,
	                        "SELECT count(*) FROM runs WHERE phase = 'queued' AND attempt = 2"
	                        " AND runner_id = '' AND lease_expires_at IS NULL"
	                        " AND not_before > now()"),
	        1);
	assert_int_equal(
	        DISPATCH_NUMBER(f, "SELECT count(*) FROM run_attempts WHERE outcome = 'expired'"
	                           " AND ended_at IS NOT NULL"),
	        1);
	assert_int_equal(dispatch_place(f), 0); /* the back-off is not over */

	DISPATCH_NUMBER(f, "UPDATE runs SET not_before = now()");
	dispatch_add_runner(f, "second", 1);
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM run_attempts WHERE attempt = 2"
	                                    " AND runner_id = 'second' AND wire_id <> run_id"),
	                 1);
}

static void the_only_runner_gets_a_run_again(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "only", 1);
	dispatch_add_run(f, 1, "");
	assert_int_equal(dispatch_place(f), 1);
	DISPATCH_NUMBER(f, "UPDATE runs SET lease_expires_at = now() - interval '1 second'");
	assert_int_equal(dispatch_expire(f), 1);
	DISPATCH_NUMBER(f, "UPDATE runs SET not_before = now()");
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT attempt FROM runs"), 2);
}

static void a_job_that_was_fetched_and_not_begun_is_taken_back(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "r", 2);
	dispatch_add_run(f, 1, "");
	dispatch_add_run(f, 2, "");
	assert_int_equal(dispatch_place(f), 2);
	DISPATCH_NUMBER(f, "UPDATE run_attempts SET offered_at = now() - interval '46 seconds'");
	DISPATCH_NUMBER(f, "UPDATE run_attempts SET confirmed_at = now() WHERE run_id LIKE '%%2'");
	DISPATCH_NUMBER(f, "UPDATE runs SET phase = 'running' WHERE id LIKE '%%2'");
	assert_int_equal(dispatch_expire(f), 1);
	assert_int_equal(
	        DISPATCH_NUMBER(f, "SELECT right(id, 1)::integer FROM runs WHERE phase = 'queued'"),
	        1);
}

/* The result that the differ will judge is on its way in the same transaction. */
static void check_failed_result(struct db_fixture *f, unsigned attempt, const char *reason)
{
	static const struct db_statement outbox = {
	        "test_outbox", "SELECT encode(value, 'hex') FROM outbox WHERE topic = 'events'"};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);
	AUTO(pgresult) PGresult *result = db_query(conn, &outbox, NULL, 0, &err);
	uint8_t bytes[1024];
	struct events_header header;
	struct events_reader reader;
	struct run_result run_result;

	assert_int_equal(PQntuples(result), 1);
	struct view hex = view_of_string(db_cell(result, 0, 0));
	assert_true(hex.size / 2 <= sizeof(bytes));
	assert_true(hex_decode(hex, bytes, hex.size / 2));
	assert_int_equal(events_read_header(view_of(bytes, hex.size / 2), &header, &reader, &err),
	                 0);
	assert_int_equal(header.kind, EVENTS_RESULT);
	assert_int_equal(header.attempt, attempt);
	assert_int_equal(events_read_result(&reader, &run_result, &err), 0);
	assert_int_equal(run_result.status, RUN_STATUS_FAILED);
	if (!memmem(run_result.reason.data, run_result.reason.size, reason, strlen(reason)))
		fail_msg("%.*s", VIEW_ARG(run_result.reason));
}

static void the_last_attempt_fails_the_run(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "r", 1);
	dispatch_add_run(f, 1, "");
	DISPATCH_NUMBER(f, "UPDATE runs SET attempt = 3");
	assert_int_equal(dispatch_place(f), 1);
	DISPATCH_NUMBER(f, "UPDATE runs SET phase = 'running', lease_expires_at = now()");
	assert_int_equal(dispatch_expire(f), 1);
	assert_int_equal(dispatch_expire(f), 0);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"
	                                    " AND attempt = 3 AND state = 'pending'"),
	                 1);
	check_failed_result(f, 3, "runner 'r' gave no sign of life for 90 s (attempt 3 of 3)");
}

/* As the gateway notes it. */
static void hand_back(struct db_fixture *f)
{
	DISPATCH_NUMBER(f, "UPDATE runs SET phase = 'running', lease_expires_at = now()");
	DISPATCH_NUMBER(f, "UPDATE run_attempts SET outcome = 'handed_back', ended_at = now()"
	                   " WHERE ended_at IS NULL");
}

static void what_is_handed_back_is_placed_at_once_and_does_not_count(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "r", 1);
	dispatch_add_run(f, 1, "");
	for (int attempt = 1; attempt <= dispatch_config.attempts + 1; attempt++) {
		assert_int_equal(dispatch_place(f), 1);
		hand_back(f);
		assert_int_equal(dispatch_expire(f), 1);
		assert_int_equal(DISPATCH_NUMBER(f,
		                                 "SELECT count(*) FROM runs WHERE phase = 'queued'"
		                                 " AND not_before <= now() AND attempt = %d",
		                                 attempt + 1),
		                 1);
	}
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM run_attempts"
	                                    " WHERE outcome = 'handed_back'"),
	                 dispatch_config.attempts + 1);
	/* Those that do count are all still there, and the first back-off is the shortest. */
	for (int failure = 1; failure <= dispatch_config.attempts; failure++) {
		assert_int_equal(dispatch_place(f), 1);
		DISPATCH_NUMBER(f, "UPDATE runs SET lease_expires_at = now()");
		assert_int_equal(dispatch_expire(f), 1);
		if (failure == 1)
			assert_int_equal(
			        DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE not_before"
			                           " BETWEEN now() AND now() + interval '10 s'"),
			        1);
		DISPATCH_NUMBER(f, "UPDATE runs SET not_before = now()");
	}
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"),
	                 1);
	check_failed_result(f, 7, "runner 'r' gave no sign of life for 90 s (attempt 3 of 3)");
}

static void a_run_without_a_lease_is_left_alone(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_run(f, 1, "");
	DISPATCH_NUMBER(f,
	                "UPDATE runs SET phase = 'running', queued_at = now() - interval '1 day'");
	assert_int_equal(dispatch_expire(f), 0);
	assert_int_equal(dispatch_place(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_set_up, dispatch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(an_expired_lease_is_placed_again_elsewhere),
	        TEST(the_only_runner_gets_a_run_again),
	        TEST(what_is_handed_back_is_placed_at_once_and_does_not_count),
	        TEST(a_job_that_was_fetched_and_not_begun_is_taken_back),
	        TEST(the_last_attempt_fails_the_run),
	        TEST(a_run_without_a_lease_is_left_alone),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
