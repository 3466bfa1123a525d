// SPDX-License-Identifier: Apache-2.0
/* Messages that come twice, late, broken or to several, and differs that die: on a real database,
 * needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "differ_expect.h"

static void replayed_messages_change_nothing(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id first = differ_fixture_run(f, "delta-demo", "1.0.0");
	struct run_id second = differ_fixture_run(f, "delta-demo", "1.0.1");
	differ_fixture_recorded(f, &first, "1.0.0", 1);
	differ_fixture_drain(f);
	differ_fixture_recorded(f, &second, "1.0.1", 1);
	differ_fixture_drain(f);
	AUTO(free) char *before = differ_fixture_dump(f);

	differ_fixture_recorded(f, &second, "1.0.1", 1);
	differ_fixture_recorded(f, &first, "1.0.0", 1);
	differ_fixture_drain(f);
	AUTO(free) char *after = differ_fixture_dump(f);
	assert_string_equal(before, after);

	/* The log from its beginning, with the offsets forgotten. */
	differ_fixture_stop(f);
	(void)db_fixture_number(f->db, "DELETE FROM consumer_offsets");
	differ_fixture_start(f);
	differ_fixture_drain(f);
	AUTO(free) char *again = differ_fixture_dump(f);
	assert_string_equal(before, again);
}

/* Every third commit of a differ fails at its very end, and some take the connection with them. */
static const char failing_commits[] =
        "CREATE FUNCTION fail_sometimes() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN"
        " IF random() < 0.1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
        " IF random() < 0.3 THEN RAISE EXCEPTION 'unlucky' USING ERRCODE = '40001'; END IF;"
        " RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER unlucky AFTER INSERT OR UPDATE ON consumer_offsets"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_sometimes()";

/* Ends the differ's connections from outside, or the differ itself, after each few messages. */
static void disturb(struct differ_fixture *f, unsigned turn)
{
	if (turn % 3 == 0) {
		differ_fixture_stop(f);
		differ_fixture_start(f);
	} else if (turn % 3 == 1) {
		(void)db_fixture_number(f->db, "SELECT count(pg_terminate_backend(pid)) FROM"
		                               " pg_stat_activity WHERE datname ="
		                               " current_database() AND pid <> pg_backend_pid()");
	}
}

static char *dump_of_replay(bool disturbed)
{
	struct differ_fixture *f = differ_fixture_create();
	struct error err = {0};
	struct run_id first = {{1}}, second = {{2}};
	f->config.batch_messages = disturbed ? 2 : 64;
	(void)db_fixture_number(f->db, "INSERT INTO runs (id, package_name, version, state, phase)"
	                               " SELECT rpad('0' || n, 32, '0'), 'delta-demo', '1.0.' ||"
	                               " n - 1, 'pending', 'running' FROM generate_series(1, 2) n");
	(void)db_fixture_number(f->db, "UPDATE runs SET lease_expires_at = now() + INTERVAL '1 h'");
	if (disturbed)
		(void)db_fixture_number(f->db, failing_commits);
	differ_fixture_start(f);
	differ_fixture_recorded(f, &first, "1.0.0", 1);
	for (unsigned turn = 0; disturbed && turn < 24; turn++) {
		disturb(f, turn);
		assert_true(differ_turn(f->differ, 50, &err) >= 0);
	}
	differ_fixture_drain(f);
	differ_fixture_recorded(f, &second, "1.0.1", 1);
	for (unsigned turn = 0; disturbed && turn < 24; turn++) {
		disturb(f, turn);
		assert_true(differ_turn(f->differ, 50, &err) >= 0);
	}
	differ_fixture_drain(f);
	differ_expect_number(f, "SELECT count(*) FROM deviations", 5);
	char *dump = differ_fixture_dump(f);
	differ_fixture_destroy(f);
	return dump;
}

static void crashes_leave_no_trace(void **state)
{
	(void)state;
	AUTO(free) char *undisturbed = dump_of_replay(false);
	AUTO(free) char *disturbed = dump_of_replay(true);
	assert_string_equal(undisturbed, disturbed);
}

/* The first transaction fails, in a crash that takes back what was drawn from the sequence of event
 * ids; then somebody else draws it. */
static void ids_of_a_lost_transaction_are_others(void **state)
{
	struct differ_fixture *f = *state;
	struct error err = {0};
	struct run_id run = differ_fixture_run(f, "delta-demo", "1.0.0");
	const struct event events[] = {differ_fixture_dns("a.test", ACTOR_PACKAGE)};
	(void)db_fixture_number(
	        f->db, "CREATE SEQUENCE tries;"
	               "CREATE FUNCTION fail_first() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN"
	               " IF nextval('tries') = 1 THEN"
	               "  RAISE EXCEPTION 'unlucky' USING ERRCODE = '40001'; END IF;"
	               " RETURN NULL; END $$;"
	               "CREATE TRIGGER unlucky AFTER INSERT OR UPDATE ON consumer_offsets"
	               " FOR EACH ROW EXECUTE FUNCTION fail_first()");
	int64_t before = db_fixture_number(f->db, "SELECT nextval('events_id_seq')");
	differ_fixture_batch(f, &run, 1, 1, events, 1);
	while (db_fixture_number(f->db,
	                         "SELECT CASE WHEN is_called THEN 1 ELSE 0 END FROM tries") == 0)
		assert_true(differ_turn(f->differ, 50, &err) >= 0);
	AUTO(free) char *crash = xasprintf("SELECT setval('events_id_seq', %" PRId64 ")", before);
	(void)db_fixture_number(f->db, crash);
	(void)db_fixture_number(f->db, "INSERT INTO event_ids SELECT nextval('events_id_seq')"
	                               " FROM generate_series(1, 600)");
	differ_fixture_drain(f);
	differ_expect_number(f, "SELECT count(*) FROM dead_letters", 0);
	differ_expect_number(f, "SELECT count(*) FROM events", 1);
}

static void another_owner_wins(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run_id = differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|seeded|t|t|");

	/* Somebody else consumed all that is there; this one does not know it. */
	struct run_id other = differ_fixture_short_run(f, "1.0.1", differ_fixture_read("/b"));
	struct error err = {0};
	(void)db_fixture_number(f->db, "INSERT INTO consumer_offsets SELECT 'fangs-differ', topic,"
	                               " partition, next_offset FROM bus_partitions"
	                               " WHERE topic = 'events' ON CONFLICT (consumer_group, topic,"
	                               " partition) DO UPDATE SET next_offset ="
	                               " excluded.next_offset");
	for (int turn = 0; turn < 3; turn++)
		assert_true(differ_turn(f->differ, 20, &err) >= 0);
	differ_expect_run(f, &other, "pending|running||f|f|");
	differ_expect_number(f, "SELECT count(*) FROM events", 1);
}

static void replicas_share_the_work(void **state)
{
	enum { RUNS = 12, BATCHES = 5, TURNS = 400 };
	struct differ_fixture *f = *state;
	struct error err = {0};
	struct differ *second = differ_create(&f->config, f->service, f->db->db, f->bus, &err);
	assert_non_null(second);
	for (int i = 0; i < 60; i++) { /* until both have partitions */
		assert_true(differ_turn(f->differ, 20, &err) >= 0);
		assert_true(differ_turn(second, 20, &err) >= 0);
	}
	struct run_id runs[RUNS];
	struct run_result ok = differ_fixture_ok(BATCHES);
	struct event event = differ_fixture_read("/a");
	for (size_t i = 0; i < RUNS; i++)
		runs[i] = differ_fixture_run(f, "left-pad", "1.0.0");
	for (uint64_t seq = 1; seq <= BATCHES; seq++) {
		for (size_t i = 0; i < RUNS; i++)
			differ_fixture_batch(f, &runs[i], 1, seq, &event, 1);
	}
	for (size_t i = 0; i < RUNS; i++)
		differ_fixture_result(f, &runs[i], 1, &ok);
	int by_first = 0, by_second = 0;
	for (int turn = 0; turn < TURNS && by_first + by_second < RUNS * (BATCHES + 1); turn++) {
		int first_count = differ_turn(f->differ, 5, &err);
		int second_count = differ_turn(second, 5, &err);
		assert_true(first_count >= 0 && second_count >= 0);
		by_first += first_count;
		by_second += second_count;
		if (turn == 2) { /* its partitions go over to the other one */
			differ_fixture_stop(f);
			differ_fixture_start(f);
		}
	}
	differ_destroy(second);
	differ_fixture_drain(f);
	assert_true(by_first > 0 && by_second > 0);
	differ_expect_number(f, "SELECT count(*) FROM events", (int64_t)RUNS * BATCHES);
	differ_expect_number(f, "SELECT count(*) FROM runs WHERE verdict = 'seeded'", 1);
	differ_expect_number(f, "SELECT count(*) FROM runs WHERE verdict = 'clean'", RUNS - 1);
	differ_expect_text(f,
	                   "SELECT string_agg(value || ' ' || occurrence_count, ' ')"
	                   " FROM baseline_fingerprints",
	                   "/a 16"); /* 5 events of the first, then 1 for each run */
}

static void attempts_are_fenced(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct event early = differ_fixture_read("/early"), late = differ_fixture_read("/late"),
	             again = differ_fixture_read("/again");
	struct run_result ok = differ_fixture_ok(1), failed = {.status = RUN_STATUS_FAILED};
	differ_fixture_batch(f, &run_id, 1, 1, &early, 1);
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db, "UPDATE runs SET attempt = 2");
	differ_fixture_batch(f, &run_id, 1, 2, &late, 1);
	differ_fixture_result(f, &run_id, 1, &failed);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "pending|running||f|f|");

	differ_fixture_batch(f, &run_id, 2, 1, &again, 1);
	differ_fixture_result(f, &run_id, 2, &ok);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|seeded|t|t|");
	differ_expect_text(
	        f, "SELECT string_agg(value, ' ' ORDER BY value) FROM baseline_fingerprints",
	        "/again /early"); /* rows of an earlier attempt stay */
	differ_expect_number(f, "SELECT count(*) FROM dead_letters", 0);
}

static void bad_messages_block_nobody(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id unknown = run_id_new();
	struct event event = differ_fixture_read("/a"), poison = differ_fixture_read("/poison");
	struct run_id good = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(2);
	(void)db_fixture_number(f->db,
	                        "ALTER TABLE event_chunks ADD CHECK (data NOT LIKE '%/poison%')");
	differ_fixture_raw(f, VIEW_LITERAL("x"), VIEW_LITERAL("\xff\xff\xff nonsense"));
	differ_fixture_raw(f, VIEW_LITERAL("x"), VIEW_LITERAL(""));
	differ_fixture_batch(f, &unknown, 1, 1, &event, 1);
	differ_fixture_batch(f, &good, 1, 1, &event, 1);
	differ_fixture_batch(f, &good, 9, 2, &event, 1); /* an attempt that does not exist */
	differ_fixture_batch(f, &good, 1, 0, &event, 1); /* no batch number */
	differ_fixture_batch(f, &good, 1, 2, &poison, 1);
	differ_fixture_result(f, &good, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_number(f, "SELECT count(*) FROM dead_letters WHERE reason <> ''", 6);
	/* what it said is missing, so nothing is built on it */
	differ_expect_run(f, &good, "done|judged|incomplete|f|f|batch 2 of 2 is missing");
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        DIFFER_CASE(replayed_messages_change_nothing),
	        cmocka_unit_test(crashes_leave_no_trace),
	        DIFFER_CASE(ids_of_a_lost_transaction_are_others),
	        DIFFER_CASE(another_owner_wins),
	        DIFFER_CASE(replicas_share_the_work),
	        DIFFER_CASE(attempts_are_fenced),
	        DIFFER_CASE(bad_messages_block_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
