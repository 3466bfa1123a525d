// SPDX-License-Identifier: Apache-2.0
/* The runner protocol's statements on a real server. */
#include "queries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>

#include <cmocka.h>

#include "db/db_fixture.h"

#define RUN_A "0000000000000000000000000000000a"
#define RUN_B "0000000000000000000000000000000b"
#define RETRY_A "00000000000000000000000000000a02"

enum { LEASE_MS = 90000, OFFER_TIMEOUT_MS = 40000, PARTITIONS = 2 };

struct test {
	struct db_fixture *fixture;
	struct db_conn *conn;
	struct arena arena;
};

static int setup(void **state)
{
	static struct test test;

	test.fixture = db_fixture_create(true);
	test.conn = db_acquire(test.fixture->db, NULL);
	assert_non_null(test.conn);
	arena_init(&test.arena);
	*state = &test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	db_release(test->conn);
	arena_release(&test->arena);
	db_fixture_destroy(test->fixture);
	return 0;
}

static int64_t number(struct test *test, const char *sql)
{
	return db_fixture_number(test->fixture, sql);
}

static void script(struct test *test, const char *sql)
{
	struct error err = {0};

	if (db_script(test->conn, sql, &err) < 0)
		fail_msg("%s", err.text);
}

static int32_t register_runner(struct test *test, const char *id, const char *transport,
                               const char *boot_id, struct error *err)
{
	const struct registration registration = {
	        .runner_id = id,
	        .hostname = "host",
	        .kernel_version = "6.1",
	        .transport = transport,
	        .boot_id = boot_id,
	        .version = "1",
	        .sensor_tier = "",
	        .slots = 1,
	        .native = true,
	};
	int32_t partition = -1;
	int rc = query_register(test->fixture->db, &registration, PARTITIONS, &partition, err);

	return rc < 0 ? rc : partition;
}

static void queue_run(struct test *test, const char *id)
{
	const struct scan scan = {.run_id = id,
	                          .package = "p",
	                          .version = "1.0.0",
	                          .target_runner = "",
	                          .image = "",
	                          .job_json = "{\"kind\":\"sensor_only\"}"};

	assert_int_equal(query_queue_scan(test->conn, &scan, NULL), 1);
}

/* What the dispatcher does. */
static void place_run(struct test *test, const char *id, int attempt, const char *wire_id,
                      const char *runner)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
	               "UPDATE runs SET phase = 'leased', runner_id = '%s', attempt = %d,"
	               " lease_expires_at = now() + interval '10 s' WHERE id = '%s';"
	               "INSERT INTO run_attempts (run_id, attempt, wire_id, runner_id)"
	               " VALUES ('%s', %d, '%s', '%s')",
	               runner, attempt, id, id, attempt, wire_id, runner);
	script(test, sql);
}

static void scans(void **state)
{
	struct test *test = *state;
	struct scan scan = {.run_id = RUN_A,
	                    .package = "p",
	                    .version = "1.0.0",
	                    .target_runner = "nobody",
	                    .image = "i",
	                    .job_json = "{}"};
	struct error err = {0};

	assert_int_equal(query_queue_scan(test->conn, &scan, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs"), 0);
	assert_int_equal(register_runner(test, "r", "http", "", NULL), -1);
	scan.target_runner = "r";
	assert_int_equal(query_queue_scan(test->conn, &scan, NULL), 1);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'queued'"
	                              " AND state = 'pending' AND target_runner = 'r'"
	                              " AND started_at IS NOT NULL AND trigger = 'scan'"),
	                 1);
	assert_int_equal(query_queue_scan(test->conn, &scan, &err), -EEXIST);
}

static void jobs_are_offered_once(void **state)
{
	struct test *test = *state;
	struct offered_job job;
	struct error err = {0};

	queue_run(test, RUN_A);
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, &err),
	        -ENOENT);
	register_runner(test, "r", "http", "boot1", NULL);
	register_runner(test, "other", "http", "boot1", NULL);
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 0);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(
	        query_offer_job(test->conn, "other", OFFER_TIMEOUT_MS, &test->arena, &job, NULL),
	        0);
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 1);
	assert_string_equal(job.wire_id, RUN_A);
	assert_string_equal(job.job_json, "{\"kind\": \"sensor_only\"}");
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 0);
	/* Whoever fetched it was never heard of. */
	script(test, "UPDATE run_attempts SET offered_at = now() - interval '1 minute'");
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 1);
	/* Once it has begun, time changes nothing. */
	struct gate_pass pass;
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	script(test, "UPDATE run_attempts SET offered_at = now() - interval '1 minute'");
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 0);
}

static void count_found(void *ctx, const char *runner_id)
{
	assert_string_equal(runner_id, "r");
	++*(int *)ctx;
}

static void runners_with_jobs_are_found(void **state)
{
	struct test *test = *state;
	struct offered_job job;
	int found = 0;

	register_runner(test, "r", "http", "boot1", NULL);
	queue_run(test, RUN_A);
	queue_run(test, RUN_B);
	place_run(test, RUN_A, 1, RUN_A, "r");
	place_run(test, RUN_B, 1, RUN_B, "r");
	assert_int_equal(
	        query_waiting_runners(test->conn, OFFER_TIMEOUT_MS, count_found, &found, NULL), 0);
	assert_int_equal(found, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena,
		                                 &job, NULL),
		                 1);
	assert_int_equal(
	        query_waiting_runners(test->conn, OFFER_TIMEOUT_MS, count_found, &found, NULL), 0);
	assert_int_equal(found, 1);
}

static void posts_of_an_overtaken_attempt_are_refused(void **state)
{
	struct test *test = *state;
	struct error err = {0};
	struct gate_pass pass;

	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, &err),
	                 -ENOENT);
	queue_run(test, RUN_A);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	assert_string_equal(pass.run_id, RUN_A);
	assert_string_equal(pass.runner_id, "r");
	assert_int_equal(pass.attempt, 1);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'running'"
	                              " AND lease_expires_at > now() + interval '60 s'"),
	                 1);
	place_run(test, RUN_A, 2, RETRY_A, "s");
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, &err),
	                 -ESTALE);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'leased'"), 1);
	assert_int_equal(query_sign_of_life(test->conn, RETRY_A, NULL, LEASE_MS, &pass, NULL), 0);
	assert_string_equal(pass.run_id, RUN_A);
	assert_int_equal(pass.attempt, 2);
	/* Given up by the dispatcher: the attempt is the last one, and over. */
	script(test, "UPDATE run_attempts SET outcome = 'expired', ended_at = now()"
	             " WHERE attempt = 2; UPDATE runs SET phase = 'finished'");
	assert_int_equal(query_sign_of_life(test->conn, RETRY_A, NULL, LEASE_MS, &pass, &err),
	                 -ESTALE);
}

static void a_run_that_was_never_placed_begins_without_a_lease(void **state)
{
	struct test *test = *state;
	struct gate_pass pass;

	queue_run(test, RUN_A);
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	assert_string_equal(pass.runner_id, "");
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'running'"
	                              " AND lease_expires_at IS NULL"),
	                 1);
	const char *ids[] = {RUN_A};
	assert_int_equal(query_finish_runs(test->conn, &(struct id_list){ids, 1}, NULL, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'finished'"), 1);
	/* A late batch does not begin it again. */
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'finished'"), 1);
}

static void heartbeats_tell_what_to_drop(void **state)
{
	struct test *test = *state;
	const char *named[] = {RUN_A, RUN_B, "ffffffffffffffffffffffffffffffff"};
	struct id_list cancel;

	queue_run(test, RUN_A);
	queue_run(test, RUN_B);
	place_run(test, RUN_A, 1, RUN_A, "r");
	place_run(test, RUN_B, 1, RUN_B, "r");
	place_run(test, RUN_B, 2, RETRY_A, "s");
	assert_int_equal(query_confirm_runs(test->conn, "r", &(struct id_list){named, 3}, LEASE_MS,
	                                    &test->arena, &cancel, NULL),
	                 0);
	assert_int_equal(cancel.count, 2);
	for (size_t i = 0; i < cancel.count; i++)
		assert_string_not_equal(cancel.items[i], RUN_A);
	assert_int_equal(number(test, "SELECT count(*) FROM run_attempts"
	                              " WHERE confirmed_at IS NOT NULL"),
	                 1);
	/* A run whose result came is not dropped while its runner still says goodbye to it. */
	assert_int_equal(query_finish_runs(test->conn, &(struct id_list){named, 1}, "r", NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM run_attempts WHERE outcome = 'result'"
	                              " AND run_id = '" RUN_A "'"),
	                 1);
	assert_int_equal(query_confirm_runs(test->conn, "r", &(struct id_list){named, 1}, LEASE_MS,
	                                    &test->arena, &cancel, NULL),
	                 0);
	assert_int_equal(cancel.count, 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE id = '" RUN_A
	                              "' AND phase = 'finished'"),
	                 1);
}

static void heartbeats_know_their_runner(void **state)
{
	struct test *test = *state;

	assert_int_equal(query_heartbeat(test->conn, "r", "", "", "", NULL), 0);
	register_runner(test, "r", "http", "boot1", NULL);
	assert_int_equal(query_heartbeat(test->conn, "r", RUN_A, "running", "", NULL), 1);
	assert_int_equal(query_heartbeat(test->conn, "r", "", "", "boot1", NULL), 1);
	assert_int_equal(number(test, "SELECT count(*) FROM runners WHERE status = 'running'"
	                              " AND active_run_id = ''"),
	                 1);
	assert_int_equal(query_heartbeat(test->conn, "r", "", "", "boot2", NULL), 0);
}

static void polls_are_signs_of_a_runner(void **state)
{
	struct test *test = *state;
	struct offered_job job;

	register_runner(test, "r", "http", "boot1", NULL);
	script(test, "UPDATE runners SET last_seen_at = now() - interval '1 minute'");
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runners"
	                              " WHERE last_seen_at > now() - interval '10 seconds'"),
	                 1);
	int64_t written = number(test, "SELECT fangs_ns(last_seen_at) FROM runners");
	assert_int_equal(
	        query_offer_job(test->conn, "r", OFFER_TIMEOUT_MS, &test->arena, &job, NULL), 0);
	assert_int_equal(number(test, "SELECT fangs_ns(last_seen_at) FROM runners"), written);
}

static void others_runs_are_not_touched(void **state)
{
	struct test *test = *state;
	const char *ids[] = {RUN_A};
	struct gate_pass pass;

	queue_run(test, RUN_A);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, "other", LEASE_MS, &pass, NULL), 0);
	assert_string_equal(pass.runner_id, "r");
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'leased'"), 1);
	assert_int_equal(number(test, "SELECT count(confirmed_at) FROM run_attempts"), 0);
	assert_int_equal(query_finish_runs(test->conn, &(struct id_list){ids, 1}, "other", NULL),
	                 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'leased'"), 1);
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, "r", LEASE_MS, &pass, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE phase = 'running'"), 1);
}

static void a_new_boot_gives_up_its_leases(void **state)
{
	struct test *test = *state;
	struct error err = {0};
	struct gate_pass pass;

	register_runner(test, "r", "http", "boot1", NULL);
	queue_run(test, RUN_A);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	/* The same boot registers again: nothing is lost. */
	register_runner(test, "r", "http", "boot1", NULL);
	assert_int_equal(number(test, "SELECT count(*) FROM run_attempts WHERE outcome = ''"), 1);
	register_runner(test, "r", "http", "boot2", NULL);
	assert_int_equal(number(test, "SELECT count(*) FROM run_attempts WHERE outcome = 'lost'"),
	                 1);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE lease_expires_at <= now()"),
	                 1);
	/* Its ghost must not renew the lease. */
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, &err),
	                 -ESTALE);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE lease_expires_at <= now()"),
	                 1);
}

static void a_runner_hands_back_what_it_holds(void **state)
{
	static const struct {
		const char *runner_id, *boot_id, *wire_id;
	} cases[] = {
	        {"other", "boot1", RUN_A}, {"r", "boot0", RUN_A},      {"r", "", RUN_A},
	        {"r", "boot1", RETRY_A},   {"r", "boot1", "nonsense"},
	};
	struct test *test = *state;
	struct error err = {0};
	struct gate_pass pass;

	register_runner(test, "r", "http", "boot1", NULL);
	register_runner(test, "other", "http", "boot1", NULL);
	queue_run(test, RUN_A);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct id_list ids = {(const char *[]){cases[i].wire_id}, 1};

		assert_int_equal(query_hand_back_runs(test->conn, cases[i].runner_id,
		                                      cases[i].boot_id, &ids, NULL),
		                 0);
		assert_int_equal(number(test, "SELECT count(*) FROM runs r JOIN run_attempts a"
		                              " ON a.run_id = r.id WHERE a.outcome = ''"
		                              " AND r.lease_expires_at > now()"),
		                 1);
	}
	struct id_list ids = {(const char *[]){RUN_A, RETRY_A}, 2};
	assert_int_equal(query_hand_back_runs(test->conn, "r", "boot1", &ids, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs r JOIN run_attempts a"
	                              " ON a.run_id = r.id WHERE a.outcome = 'handed_back'"
	                              " AND a.ended_at IS NOT NULL AND r.lease_expires_at <= now()"
	                              " AND r.phase = 'running'"),
	                 1);
	/* What it still sends is refused, as is a heartbeat on its way that renews the lease. */
	assert_int_equal(query_sign_of_life(test->conn, RUN_A, NULL, LEASE_MS, &pass, &err),
	                 -ESTALE);
	struct id_list cancel;
	assert_int_equal(
	        query_confirm_runs(test->conn, "r", &ids, LEASE_MS, &test->arena, &cancel, NULL),
	        0);
	assert_int_equal(cancel.count, 2);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE lease_expires_at <= now()"),
	                 1);
	/* Told twice, it does not take the next attempt away. */
	place_run(test, RUN_A, 2, RETRY_A, "other");
	ids.count = 1;
	assert_int_equal(query_hand_back_runs(test->conn, "r", "boot1", &ids, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM runs WHERE lease_expires_at > now()"),
	                 1);
}

/* The result came in time: there is nothing to hand back. */
static void a_finished_run_is_not_handed_back(void **state)
{
	struct test *test = *state;
	struct id_list ids = {(const char *[]){RUN_A}, 1};

	register_runner(test, "r", "http", "boot1", NULL);
	queue_run(test, RUN_A);
	place_run(test, RUN_A, 1, RUN_A, "r");
	assert_int_equal(query_finish_runs(test->conn, &ids, NULL, NULL), 0);
	assert_int_equal(query_hand_back_runs(test->conn, "r", "boot1", &ids, NULL), 0);
	assert_int_equal(number(test, "SELECT count(*) FROM run_attempts a JOIN runs r"
	                              " ON r.id = a.run_id WHERE a.outcome = 'result'"
	                              " AND r.phase = 'finished' AND r.lease_expires_at IS NULL"),
	                 1);
}

static void kafka_runners_get_partitions(void **state)
{
	struct test *test = *state;
	struct error err = {0};

	assert_int_equal(register_runner(test, "a", "kafka", "1", NULL), 0);
	assert_int_equal(register_runner(test, "b", "kafka", "1", NULL), 1);
	assert_int_equal(register_runner(test, "a", "kafka", "2", NULL), 0);
	assert_int_equal(register_runner(test, "c", "kafka", "1", &err), -ENOSPC);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_int_equal(number(test, "SELECT count(*) FROM runners"), 2);
	/* A runner that was silent for long loses its partition, and must register again. */
	script(test, "UPDATE runners SET last_seen_at = now() - interval '2 hours' WHERE id = 'a'");
	assert_int_equal(register_runner(test, "c", "kafka", "1", NULL), 0);
	assert_int_equal(query_heartbeat(test->conn, "a", "", "", "", NULL), 0);
	/* Without Kafka it needs none. */
	assert_int_equal(register_runner(test, "b", "http", "2", NULL), -1);
	assert_int_equal(register_runner(test, "a", "kafka", "3", NULL), 1);
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        QUERY_TEST(scans),
	        QUERY_TEST(jobs_are_offered_once),
	        QUERY_TEST(runners_with_jobs_are_found),
	        QUERY_TEST(posts_of_an_overtaken_attempt_are_refused),
	        QUERY_TEST(a_run_that_was_never_placed_begins_without_a_lease),
	        QUERY_TEST(heartbeats_tell_what_to_drop),
	        QUERY_TEST(heartbeats_know_their_runner),
	        QUERY_TEST(polls_are_signs_of_a_runner),
	        QUERY_TEST(others_runs_are_not_touched),
	        QUERY_TEST(a_new_boot_gives_up_its_leases),
	        QUERY_TEST(a_runner_hands_back_what_it_holds),
	        QUERY_TEST(a_finished_run_is_not_handed_back),
	        QUERY_TEST(kafka_runners_get_partitions),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
