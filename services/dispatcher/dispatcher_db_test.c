// SPDX-License-Identifier: Apache-2.0
/* Placing, leases and releases against a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "again.h"
#include "base/alloc.h"
#include "base/hex.h"
#include "db/db_fixture.h"
#include "leases.h"
#include "model/event_codec.h"
#include "model/job.h"
#include "model/messages.h"
#include "placing.h"
#include "queries.h"
#include "releases.h"

enum { RUNS = 200, RUNNERS = 5, SLOTS = 3, DISPATCHERS = 2, TEXT_MAX = 1 << 16 };

#define NUMBER(f, ...) number((f), xasprintf(__VA_ARGS__))

static const struct dispatcher_config config = {
        .lease_ms = 90000,
        .offer_timeout_ms = 45000,
        .runner_timeout_ms = 90000,
        .attempts = 3,
        .backoff_ms = 5000,
        .backoff_max_ms = 60000,
        .scan_duration_ms = 60000,
        .grace_ms = 2000,
        .image = (char[]){"node:20-slim"},
        .npm_registry = (char[]){"http://registry.test:4873"},
};

/* Takes the statement. */
static int64_t number(struct db_fixture *f, char *sql)
{
	AUTO(free) char *owned = sql;
	return db_fixture_number(f, owned);
}

static int set_up(void **state)
{
	*state = db_fixture_create(true);
	return 0;
}

static int tear_down(void **state)
{
	db_fixture_destroy(*state);
	return 0;
}

static struct dispatcher_metrics metrics(void)
{
	return dispatcher_metrics_create();
}

static void add_runner(struct db_fixture *f, const char *id, int slots)
{
	NUMBER(f, "INSERT INTO runners (id, slots, status) VALUES ('%s', %d, 'idle')", id, slots);
}

/* A queued run with a job as the gateway would store it; its id is `index` in 32 digits. */
static void add_run(struct db_fixture *f, int index, const char *target)
{
	NUMBER(f,
	       "INSERT INTO runs (id, state, phase, target_runner, queued_at, not_before, job)"
	       " VALUES (lpad('%d', 32, '0'), 'pending', 'queued', '%s',"
	       " now() - interval '1 hour' + %d * interval '1 second', now() - interval '1 hour',"
	       " '{\"run_id\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"kind\":\"sandbox_scan\","
	       "\"duration\":1000000000,\"sandbox\":{\"image\":\"busybox\"}}')",
	       index, target, index);
}

static int place(struct db_fixture *f)
{
	struct dispatcher_metrics m = metrics();
	struct error err = {0};
	int placed = place_runs(f->db, &config, &m, &err);

	if (placed < 0)
		fail_msg("%s", err.text);
	return placed;
}

static int expire(struct db_fixture *f)
{
	struct dispatcher_metrics m = metrics();
	struct error err = {0};
	int expired = expire_leases(f->db, &config, &m, &err);

	if (expired < 0)
		fail_msg("%s", err.text);
	return expired;
}

static enum handled handle_release(struct db_fixture *f, const char *json)
{
	struct dispatcher_metrics m = metrics();
	struct releases releases = {&config, &m};
	struct bus_message message = {.topic = BUS_RELEASES, .value = view_of_string(json)};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);

	assert_non_null(conn);
	assert_int_equal(db_begin(conn, &err), 0);
	enum handled handled = releases_handle(&releases, conn, &message, &err);
	assert_int_equal(db_commit(conn, &err), 0);
	return handled;
}

static void a_release_becomes_one_run(void **state)
{
	struct db_fixture *f = *state;
	struct release_message release = {
	        .package = "@scope/pkg",
	        .version = "1.2.3",
	        .tarball_url = "",
	        .shasum = "",
	        .integrity = "",
	        .previous_version = "1.2.2",
	};
	AUTO(buf) struct buf json;

	buf_init(&json, TEXT_MAX);
	release_message_write(&json, &release);
	assert_int_equal(handle_release(f, json.data), HANDLED_DONE);
	assert_int_equal(handle_release(f, json.data), HANDLED_DONE);
	assert_int_equal(NUMBER(f,
	                        "SELECT count(*) FROM runs WHERE package_name = '@scope/pkg'"
	                        " AND version = '1.2.3' AND state = 'pending' AND phase = 'queued'"
	                        " AND trigger = 'release' AND attempt = 1 AND target_runner = ''"
	                        " AND started_at IS NOT NULL AND NOT is_baseline"
	                        " AND job->'sandbox'->>'image' = 'node:20-slim'"
	                        " AND job->'sandbox'->'env'->>'npm_config_registry' ="
	                        " 'http://registry.test:4873'"
	                        " AND (job->>'duration')::bigint = 60000000000"
	                        " AND (job->'sandbox'->>'grace_period')::bigint = 2000000000"),
	                 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs"), 1);
}

static void a_poisoned_release_is_a_dead_letter(void **state)
{
	static const char *const cases[] = {
	        "",
	        "not JSON",
	        "{}",
	        "[]",
	        "{\"package\":\"x; rm -rf /\",\"version\":\"1.0.0\"}",
	        "{\"package\":\"x\",\"version\":\"$(id)\"}",
	};
	struct db_fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(handle_release(f, cases[i]), HANDLED_DEAD_LETTER);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs"), 0);
}

struct race {
	struct db_fixture *f;
	atomic_bool stop;
	atomic_int placed, failed;
};

static void *dispatch(void *arg)
{
	struct race *race = arg;
	struct dispatcher_metrics m = metrics();

	while (!atomic_load(&race->stop)) {
		struct error err = {0};
		int placed = place_runs(race->f->db, &config, &m, &err);
		int expired = expire_leases(race->f->db, &config, &m, &err);
		if (placed < 0 || expired != 0)
			atomic_fetch_add(&race->failed, 1);
		else
			atomic_fetch_add(&race->placed, placed);
	}
	return NULL;
}

/* The runners' part: takes note of what it sees and ends every run in hand. Returns the most runs
 * that one runner had at once. */
static int64_t finish_placed_runs(struct db_fixture *f)
{
	int64_t most = NUMBER(f, "SELECT COALESCE(max(n), 0) FROM (SELECT count(*) AS n FROM runs"
	                         " WHERE phase = 'leased' GROUP BY runner_id) c");
	NUMBER(f, "UPDATE runs SET phase = 'finished' WHERE phase = 'leased'");
	return most;
}

static void racing_dispatchers_place_each_run_once(void **state)
{
	struct race race = {.f = *state};
	pthread_t threads[DISPATCHERS];

	for (int i = 0; i < RUNNERS; i++) {
		AUTO(free) char *id = xasprintf("runner-%d", i);
		add_runner(race.f, id, SLOTS);
	}
	for (int i = 0; i < RUNS; i++)
		add_run(race.f, i, i % 10 == 0 ? "runner-3" : "");
	for (int i = 0; i < DISPATCHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, dispatch, &race), 0);
	/* Ends by itself: every round frees slots, and a deadline is the test runner's. */
	while (NUMBER(race.f, "SELECT count(*) FROM runs WHERE phase <> 'finished'") > 0)
		assert_true(finish_placed_runs(race.f) <= SLOTS);
	atomic_store(&race.stop, true);
	for (int i = 0; i < DISPATCHERS; i++)
		pthread_join(threads[i], NULL);

	assert_int_equal(atomic_load(&race.failed), 0);
	assert_int_equal(atomic_load(&race.placed), RUNS);
	assert_int_equal(NUMBER(race.f, "SELECT count(*) FROM run_attempts WHERE attempt = 1"
	                                " AND wire_id = run_id"),
	                 RUNS);
	assert_int_equal(NUMBER(race.f, "SELECT count(*) FROM run_attempts"), RUNS);
	assert_int_equal(NUMBER(race.f, "SELECT count(DISTINCT runner_id) FROM run_attempts"),
	                 RUNNERS);
	assert_int_equal(NUMBER(race.f, "SELECT count(*) FROM runs r JOIN run_attempts a"
	                                " ON a.run_id = r.id WHERE r.target_runner = 'runner-3'"
	                                " AND a.runner_id <> 'runner-3'"),
	                 0);
}

static void only_live_runners_get_runs(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "silent", 5);
	add_runner(f, "draining", 5);
	add_runner(f, "no-partition", 5);
	NUMBER(f, "UPDATE runners SET last_seen_at = now() - interval '91 seconds'"
	          " WHERE id = 'silent'");
	NUMBER(f, "UPDATE runners SET status = 'draining' WHERE id = 'draining'");
	NUMBER(f, "UPDATE runners SET transport = 'kafka' WHERE id = 'no-partition'");
	add_run(f, 1, "");
	add_run(f, 2, "silent");
	assert_int_equal(place(f), 0);

	add_runner(f, "alive", 5);
	assert_int_equal(place(f), 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'leased'"
	                           " AND runner_id = 'alive' AND lease_expires_at > now()"
	                           " AND target_runner = ''"),
	                 1);
}

static void runs_go_out_in_order_and_not_before_their_time(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "r", 1);
	for (int i = 1; i <= 3; i++)
		add_run(f, i, "");
	NUMBER(f, "UPDATE runs SET not_before = now() + interval '1 hour' WHERE id LIKE '%%1'");
	assert_int_equal(place(f), 1);
	assert_int_equal(NUMBER(f, "SELECT right(id, 1)::integer FROM runs WHERE phase = 'leased'"),
	                 2);
}

static struct free_runners free_runners(struct db_fixture *f, struct arena *arena)
{
	struct free_runners runners = {0};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);

	assert_int_equal(query_free_runners(conn, config.runner_timeout_ms, arena, &runners, &err),
	                 0);
	return runners;
}

/* Each one that is looked at costs a transaction. */
static void of_many_runners_only_a_few_are_looked_at(void **state)
{
	struct db_fixture *f = *state;
	struct arena arena;

	arena_init(&arena);
	NUMBER(f, "INSERT INTO runners (id) SELECT 'r' || n FROM generate_series(1, 100) n");
	assert_int_equal(free_runners(f, &arena).count, 0);

	add_run(f, 1, "r50");
	struct free_runners named = free_runners(f, &arena);
	assert_int_equal(named.count, 1);
	assert_string_equal(named.ids[0], "r50");

	add_run(f, 2, "");
	struct free_runners any = free_runners(f, &arena);
	assert_true(any.count >= 2 && any.count <= 10);
	assert_int_equal(any.total, 100);
	assert_int_equal(place(f), 2);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE runner_id = 'r50'"
	                           " AND target_runner = 'r50'"),
	                 1);
	arena_release(&arena);
}

static void a_kafka_runner_finds_its_job_on_the_bus(void **state)
{
	struct db_fixture *f = *state;

	NUMBER(f, "INSERT INTO runners (id, slots, transport, jobs_partition)"
	          " VALUES ('k', 1, 'kafka', 7)");
	add_run(f, 1, "");
	assert_int_equal(place(f), 1);
	assert_int_equal(
	        NUMBER(f,
	               "SELECT count(*) FROM outbox o, runs r WHERE o.topic = 'jobs'"
	               " AND o.partition = 7"
	               " AND convert_from(o.value, 'UTF8')::jsonb->'fangs'->>'runner_id' = 'k'"
	               " AND (convert_from(o.value, 'UTF8')::jsonb->'fangs'->>'attempt')::int = 1"),
	        1);
}

static void a_run_whose_job_is_unreadable_fails(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "r", 1);
	add_run(f, 1, "");
	add_run(f, 2, "");
	NUMBER(f, "UPDATE runs SET job = '{\"duration\":\"long\"}' WHERE id LIKE '%%1'");
	assert_int_equal(place(f), 2);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"), 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM outbox WHERE topic = 'events'"), 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'leased'"), 1);
}

static void an_expired_lease_is_placed_again_elsewhere(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "first", 1);
	add_run(f, 1, "");
	assert_int_equal(place(f), 1);
	assert_int_equal(expire(f), 0);

	NUMBER(f, "UPDATE runs SET lease_expires_at = now() - interval '1 second'");
	assert_int_equal(expire(f), 1);
	assert_int_equal(NUMBER(f,
	                        "SELECT count(*) FROM runs WHERE phase = 'queued' AND attempt = 2"
	                        " AND runner_id = '' AND lease_expires_at IS NULL"
	                        " AND not_before > now()"),
	                 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM run_attempts WHERE outcome = 'expired'"
	                           " AND ended_at IS NOT NULL"),
	                 1);
	assert_int_equal(place(f), 0); /* the back-off is not over */

	NUMBER(f, "UPDATE runs SET not_before = now()");
	add_runner(f, "second", 1);
	assert_int_equal(place(f), 1);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM run_attempts WHERE attempt = 2"
	                           " AND runner_id = 'second' AND wire_id <> run_id"),
	                 1);
}

static void the_only_runner_gets_a_run_again(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "only", 1);
	add_run(f, 1, "");
	assert_int_equal(place(f), 1);
	NUMBER(f, "UPDATE runs SET lease_expires_at = now() - interval '1 second'");
	assert_int_equal(expire(f), 1);
	NUMBER(f, "UPDATE runs SET not_before = now()");
	assert_int_equal(place(f), 1);
	assert_int_equal(NUMBER(f, "SELECT attempt FROM runs"), 2);
}

static void a_job_that_was_fetched_and_not_begun_is_taken_back(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "r", 2);
	add_run(f, 1, "");
	add_run(f, 2, "");
	assert_int_equal(place(f), 2);
	NUMBER(f, "UPDATE run_attempts SET offered_at = now() - interval '46 seconds'");
	NUMBER(f, "UPDATE run_attempts SET confirmed_at = now() WHERE run_id LIKE '%%2'");
	NUMBER(f, "UPDATE runs SET phase = 'running' WHERE id LIKE '%%2'");
	assert_int_equal(expire(f), 1);
	assert_int_equal(NUMBER(f, "SELECT right(id, 1)::integer FROM runs WHERE phase = 'queued'"),
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

	add_runner(f, "r", 1);
	add_run(f, 1, "");
	NUMBER(f, "UPDATE runs SET attempt = 3");
	assert_int_equal(place(f), 1);
	NUMBER(f, "UPDATE runs SET phase = 'running', lease_expires_at = now()");
	assert_int_equal(expire(f), 1);
	assert_int_equal(expire(f), 0);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"
	                           " AND attempt = 3 AND state = 'pending'"),
	                 1);
	check_failed_result(f, 3, "runner 'r' gave no sign of life for 90 s (attempt 3 of 3)");
}

/* As the gateway notes it. */
static void hand_back(struct db_fixture *f)
{
	NUMBER(f, "UPDATE runs SET phase = 'running', lease_expires_at = now()");
	NUMBER(f, "UPDATE run_attempts SET outcome = 'handed_back', ended_at = now()"
	          " WHERE ended_at IS NULL");
}

static void what_is_handed_back_is_placed_at_once_and_does_not_count(void **state)
{
	struct db_fixture *f = *state;

	add_runner(f, "r", 1);
	add_run(f, 1, "");
	for (int attempt = 1; attempt <= config.attempts + 1; attempt++) {
		assert_int_equal(place(f), 1);
		hand_back(f);
		assert_int_equal(expire(f), 1);
		assert_int_equal(NUMBER(f,
		                        "SELECT count(*) FROM runs WHERE phase = 'queued'"
		                        " AND not_before <= now() AND attempt = %d",
		                        attempt + 1),
		                 1);
	}
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM run_attempts"
	                           " WHERE outcome = 'handed_back'"),
	                 config.attempts + 1);
	/* Those that do count are all still there, and the first back-off is the shortest. */
	for (int failure = 1; failure <= config.attempts; failure++) {
		assert_int_equal(place(f), 1);
		NUMBER(f, "UPDATE runs SET lease_expires_at = now()");
		assert_int_equal(expire(f), 1);
		if (failure == 1)
			assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE not_before"
			                           " BETWEEN now() AND now() + interval '10 s'"),
			                 1);
		NUMBER(f, "UPDATE runs SET not_before = now()");
	}
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"), 1);
	check_failed_result(f, 7, "runner 'r' gave no sign of life for 90 s (attempt 3 of 3)");
}

static void a_run_without_a_lease_is_left_alone(void **state)
{
	struct db_fixture *f = *state;

	add_run(f, 1, "");
	NUMBER(f, "UPDATE runs SET phase = 'running', queued_at = now() - interval '1 day'");
	assert_int_equal(expire(f), 0);
	assert_int_equal(place(f), 0);
}

static int make_again(struct db_fixture *f)
{
	struct dispatcher_metrics m = metrics();
	struct error err = {0};
	int queued = queue_runs_again(f->db, &config, &m, &err);
	assert_true(queued >= 0);
	return queued;
}

static void a_control_that_is_asked_for_is_made_once(void **state)
{
	struct db_fixture *f = *state;
	NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	          "('held', 'left-pad', '1.0.1', 'done'), ('late', 'left-pad', '1.0.2', "
	          "'done');"
	          "INSERT INTO controls (run_id, version, until) VALUES "
	          "('held', '1.0.0', now() + interval '1 hour'),"
	          "('late', '1.0.0', now() - interval '1 hour')");
	assert_int_equal(make_again(f), 1);
	assert_int_equal(make_again(f), 0);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs r JOIN controls c ON "
	                           "c.control_run_id = r.id "
	                           "AND c.run_id = r.control_of WHERE r.trigger = 'control' "
	                           "AND r.version = '1.0.0' AND r.phase = 'queued' AND "
	                           "c.run_id = 'held' "
	                           "AND r.job ->> 'package_name' = 'left-pad'"),
	                 1);
}

static void a_control_that_cannot_be_made_is_waited_for_no_longer(void **state)
{
	struct db_fixture *f = *state;
	NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	          "('held', 'left-pad', '1.0.1', 'done');"
	          "INSERT INTO controls (run_id, version, until) VALUES "
	          "('held', '1.0.0; rm', now() + interval '1 hour')");
	assert_int_equal(make_again(f), 0);
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM controls WHERE until <= now()"), 1);
}

static void a_baseline_gets_its_seeds_one_by_one(void **state)
{
	struct db_fixture *f = *state;
	NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	          "('first', 'left-pad', '1.0.0', 'done');"
	          "INSERT INTO baselines (package_name, state, seeded_by, seeds, "
	          "seeds_asked) VALUES "
	          "('left-pad', 'seeding', 'first', 1, 2), ('other', 'trusted', 'first', "
	          "1, 1)");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(make_again(f), 1);
		assert_int_equal(make_again(f), 0);
		NUMBER(f, "UPDATE runs SET phase = 'judged' WHERE trigger = 'seed'");
	}
	assert_int_equal(make_again(f), 0); /* three times as many as asked for */
	assert_int_equal(NUMBER(f, "SELECT count(*) FROM runs WHERE trigger = 'seed' "
	                           "AND version = '1.0.0' AND package_name = 'left-pad'"),
	                 6);
}

int main(void)
{
#define DB_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        DB_TEST(a_release_becomes_one_run),
	        DB_TEST(a_poisoned_release_is_a_dead_letter),
	        DB_TEST(racing_dispatchers_place_each_run_once),
	        DB_TEST(only_live_runners_get_runs),
	        DB_TEST(runs_go_out_in_order_and_not_before_their_time),
	        DB_TEST(of_many_runners_only_a_few_are_looked_at),
	        DB_TEST(a_kafka_runner_finds_its_job_on_the_bus),
	        DB_TEST(a_run_whose_job_is_unreadable_fails),
	        DB_TEST(an_expired_lease_is_placed_again_elsewhere),
	        DB_TEST(the_only_runner_gets_a_run_again),
	        DB_TEST(what_is_handed_back_is_placed_at_once_and_does_not_count),
	        DB_TEST(a_job_that_was_fetched_and_not_begun_is_taken_back),
	        DB_TEST(the_last_attempt_fails_the_run),
	        DB_TEST(a_run_without_a_lease_is_left_alone),
	        DB_TEST(a_control_that_is_asked_for_is_made_once),
	        DB_TEST(a_control_that_cannot_be_made_is_waited_for_no_longer),
	        DB_TEST(a_baseline_gets_its_seeds_one_by_one),
	};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
