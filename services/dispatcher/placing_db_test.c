// SPDX-License-Identifier: Apache-2.0
/* Which runner gets which run, against a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "dispatch_fixture.h"
#include "leases.h"
#include "placing.h"
#include "queries.h"

enum { RUNS = 200, RUNNERS = 5, SLOTS = 3, DISPATCHERS = 2 };

struct race {
	struct db_fixture *f;
	atomic_bool stop;
	atomic_int placed, failed;
};

static void *dispatch(void *arg)
{
	struct race *race = arg;
	struct dispatcher_metrics m = dispatcher_metrics_create();

	while (!atomic_load(&race->stop)) {
		struct error err = {0};
		int placed = place_runs(race->f->db, &dispatch_config, &m, &err);
		int expired = expire_leases(race->f->db, &dispatch_config, &m, &err);
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
	int64_t most =
	        DISPATCH_NUMBER(f, "SELECT COALESCE(max(n), 0) FROM (SELECT count(*) AS n FROM runs"
	                           " WHERE phase = 'leased' GROUP BY runner_id) c");
	DISPATCH_NUMBER(f, "UPDATE runs SET phase = 'finished' WHERE phase = 'leased'");
	return most;
}

static void racing_dispatchers_place_each_run_once(void **state)
{
	struct race race = {.f = *state};
	pthread_t threads[DISPATCHERS];

	for (int i = 0; i < RUNNERS; i++) {
		AUTO(free) char *id = xasprintf("runner-%d", i);
		dispatch_add_runner(race.f, id, SLOTS);
	}
	for (int i = 0; i < RUNS; i++)
		dispatch_add_run(race.f, i, i % 10 == 0 ? "runner-3" : "");
	for (int i = 0; i < DISPATCHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, dispatch, &race), 0);
	/* Ends by itself: every round frees slots, and a deadline is the test runner's. */
	while (DISPATCH_NUMBER(race.f, "SELECT count(*) FROM runs WHERE phase <> 'finished'") > 0)
		assert_true(finish_placed_runs(race.f) <= SLOTS);
	atomic_store(&race.stop, true);
	for (int i = 0; i < DISPATCHERS; i++)
		pthread_join(threads[i], NULL);

	assert_int_equal(atomic_load(&race.failed), 0);
	assert_int_equal(atomic_load(&race.placed), RUNS);
	assert_int_equal(DISPATCH_NUMBER(race.f,
	                                 "SELECT count(*) FROM run_attempts WHERE attempt = 1"
	                                 " AND wire_id = run_id"),
	                 RUNS);
	assert_int_equal(DISPATCH_NUMBER(race.f, "SELECT count(*) FROM run_attempts"), RUNS);
	assert_int_equal(
	        DISPATCH_NUMBER(race.f, "SELECT count(DISTINCT runner_id) FROM run_attempts"),
	        RUNNERS);
	assert_int_equal(DISPATCH_NUMBER(race.f,
	                                 "SELECT count(*) FROM runs r JOIN run_attempts a"
	                                 " ON a.run_id = r.id WHERE r.target_runner = 'runner-3'"
	                                 " AND a.runner_id <> 'runner-3'"),
	                 0);
}

static void only_live_runners_get_runs(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "silent", 5);
	dispatch_add_runner(f, "draining", 5);
	dispatch_add_runner(f, "no-partition", 5);
	DISPATCH_NUMBER(f, "UPDATE runners SET last_seen_at = now() - interval '91 seconds'"
	                   " WHERE id = 'silent'");
	DISPATCH_NUMBER(f, "UPDATE runners SET status = 'draining' WHERE id = 'draining'");
	DISPATCH_NUMBER(f, "UPDATE runners SET transport = 'kafka' WHERE id = 'no-partition'");
	dispatch_add_run(f, 1, "");
	dispatch_add_run(f, 2, "silent");
	assert_int_equal(dispatch_place(f), 0);

	dispatch_add_runner(f, "alive", 5);
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'leased'"
	                                    " AND runner_id = 'alive' AND lease_expires_at > now()"
	                                    " AND target_runner = ''"),
	                 1);
}

static void runs_go_out_in_order_and_not_before_their_time(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "r", 1);
	for (int i = 1; i <= 3; i++)
		dispatch_add_run(f, i, "");
	DISPATCH_NUMBER(
	        f, "UPDATE runs SET not_before = now() + interval '1 hour' WHERE id LIKE '%%1'");
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(
	        DISPATCH_NUMBER(f, "SELECT right(id, 1)::integer FROM runs WHERE phase = 'leased'"),
	        2);
}

static struct free_runners free_runners(struct db_fixture *f, struct arena *arena)
{
	struct free_runners runners = {0};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);

	assert_int_equal(
	        query_free_runners(conn, dispatch_config.runner_timeout_ms, arena, &runners, &err),
	        0);
	return runners;
}

/* Each one that is looked at costs a transaction. */
static void of_many_runners_only_a_few_are_looked_at(void **state)
{
	struct db_fixture *f = *state;
	struct arena arena;

	arena_init(&arena);
	DISPATCH_NUMBER(f,
	                "INSERT INTO runners (id) SELECT 'r' || n FROM generate_series(1, 100) n");
	assert_int_equal(free_runners(f, &arena).count, 0);

	dispatch_add_run(f, 1, "r50");
	struct free_runners named = free_runners(f, &arena);
	assert_int_equal(named.count, 1);
	assert_string_equal(named.ids[0], "r50");

	dispatch_add_run(f, 2, "");
	struct free_runners any = free_runners(f, &arena);
	assert_true(any.count >= 2 && any.count <= 10);
	assert_int_equal(any.total, 100);
	assert_int_equal(dispatch_place(f), 2);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE runner_id = 'r50'"
	                                    " AND target_runner = 'r50'"),
	                 1);
	arena_release(&arena);
}

static void a_kafka_runner_finds_its_job_on_the_bus(void **state)
{
	struct db_fixture *f = *state;

	DISPATCH_NUMBER(f, "INSERT INTO runners (id, slots, transport, jobs_partition)"
	                   " VALUES ('k', 1, 'kafka', 7)");
	dispatch_add_run(f, 1, "");
	assert_int_equal(dispatch_place(f), 1);
	assert_int_equal(
	        DISPATCH_NUMBER(
	                f, "SELECT count(*) FROM outbox o, runs r WHERE o.topic = 'jobs'"
	                   " AND o.partition = 7"
	                   " AND convert_from(o.value, 'UTF8')::jsonb->'fangs'->>'runner_id' = 'k'"
	                   " AND (convert_from(o.value, 'UTF8')::jsonb->'fangs'->>'attempt')::int "
	                   "= 1"),
	        1);
}

static void a_run_whose_job_is_unreadable_fails(void **state)
{
	struct db_fixture *f = *state;

	dispatch_add_runner(f, "r", 1);
	dispatch_add_run(f, 1, "");
	dispatch_add_run(f, 2, "");
	DISPATCH_NUMBER(f, "UPDATE runs SET job = '{\"duration\":\"long\"}' WHERE id LIKE '%%1'");
	assert_int_equal(dispatch_place(f), 2);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'finished'"),
	                 1);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM outbox WHERE topic = 'events'"),
	                 1);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE phase = 'leased'"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_set_up, dispatch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(racing_dispatchers_place_each_run_once),
	        TEST(only_live_runners_get_runs),
	        TEST(runs_go_out_in_order_and_not_before_their_time),
	        TEST(of_many_runners_only_a_few_are_looked_at),
	        TEST(a_kafka_runner_finds_its_job_on_the_bus),
	        TEST(a_run_whose_job_is_unreadable_fails),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
