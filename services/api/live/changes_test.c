// SPDX-License-Identifier: Apache-2.0
/* What is read of a database that others write, in whatever order they commit. Needs PostgreSQL:
 * FANGS_TEST_DB_URL. */
#include "live/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/db_fixture.h"

struct test {
	struct db_fixture *fixture;
	struct position *seen;
};

static int setup(void **state)
{
	static struct test test;

	test = (struct test){.fixture = db_fixture_create(true)};
	*state = &test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	position_unref(test->seen);
	db_fixture_destroy(test->fixture);
	return 0;
}

static void sql(struct test *test, const char *text)
{
	(void)db_fixture_number(test->fixture, text);
}

static void in(struct db_conn *conn, const char *text)
{
	struct error err = {0};

	if (db_script(conn, text, &err))
		fail_msg("%s", err.text);
}

/* What is new, as "run:<id> deviation:<id> ", and the reader stands there from now on. */
static void expect(struct test *test, bool silence, const char *expected)
{
	const struct question question = {test->seen, TOPICS_ALL, silence};
	struct error err = {0};
	struct batch batch;
	AUTO(buf) struct buf told;

	buf_init(&told, 1 << 20);
	batch_init(&batch);
	if (changes_read(test->fixture->db, &question, &batch, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < batch.count; i++) {
		const struct item *item = &batch.items[i];
		struct view json = item->json;
		assert_true(item->cause_count > 0);
		for (size_t j = 0; j < item->cause_count; j++)
			assert_true(!item->causes[j].xid ||
			            !position_sees(test->seen, item->causes[j].xid));
		(void)view_split(&json, ':');
		struct view id = view_split(&json, ',');
		buf_printf(&told, "%s:%.*s ", topic_event(item->topic), VIEW_ARG(id));
	}
	assert_string_equal(told.data, expected);
	assert_false(batch.cut_xid);
	position_unref(test->seen);
	test->seen = position_ref(batch.now);
	batch_release(&batch);
}

#define NEW_RUN(id) "INSERT INTO runs (id, package_name, state) VALUES ('" id "', 'p', 'pending')"

static void a_late_commit_is_not_missed(void **state)
{
	struct test *test = *state;
	AUTO(db_conn) struct db_conn *early = db_acquire(test->fixture->db, NULL);

	expect(test, true, "");
	in(early, "BEGIN; " NEW_RUN("aa"));
	sql(test, NEW_RUN("bb"));
	expect(test, false, "run:\"bb\" ");
	sql(test, NEW_RUN("cc"));
	expect(test, false, "run:\"cc\" ");
	in(early, "COMMIT");
	expect(test, false, "run:\"aa\" ");
	expect(test, false, "");
	in(early, "BEGIN; " NEW_RUN("dd") "; ROLLBACK");
	expect(test, false, "");
}

static void only_what_views_show_is_a_change(void **state)
{
	struct test *test = *state;

	sql(test, NEW_RUN("aa") "; INSERT INTO runners (id) VALUES ('n')");
	expect(test, true, "");
	sql(test, "UPDATE runs SET lease_expires_at = now(), not_before = now();"
	          "UPDATE runners SET last_seen_at = now();");
	expect(test, true, "");
	assert_int_equal(db_fixture_number(test->fixture, "SELECT count(*) FROM live_changes"), 2);
	sql(test, "UPDATE runs SET phase = 'running'; UPDATE runs SET phase = 'judged'");
	expect(test, true, "run:\"aa\" ");
	sql(test, "UPDATE runs SET decision = 'reject'");
	expect(test, true, "run:\"aa\" ");
	sql(test, "UPDATE runners SET status = 'idle'");
	expect(test, true, "runner:\"n\" ");
	sql(test, "DELETE FROM runs");
	expect(test, true, "");
}

static void deviations_change_their_runs_too(void **state)
{
	struct test *test = *state;

	sql(test, NEW_RUN("aa") "; " NEW_RUN("bb"));
	expect(test, true, "");
	sql(test,
	    "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity,"
	    " detected_at) VALUES ('d1', 'aa', 'c', 'v', 1, 'crit', now()),"
	    " ('d2', 'aa', 'c', 'w', 1, 'crit', now()), ('d3', 'bb', 'c', 'w', 1, 'crit', now())");
	expect(test, true,
	       "run:\"aa\" run:\"bb\" deviation:\"d1\" deviation:\"d2\" deviation:\"d3\" ");
	assert_int_equal(db_fixture_number(test->fixture, "SELECT count(*) FROM live_changes"), 4);
	sql(test, "UPDATE deviations SET notified_at = now()");
	expect(test, true, "");
	sql(test, "UPDATE deviations SET suppressed = true WHERE id = 'd2'");
	expect(test, true, "run:\"aa\" deviation:\"d2\" ");
	sql(test, "UPDATE deviations SET suppressed_why = 'known' WHERE id = 'd2'");
	expect(test, true, "run:\"aa\" deviation:\"d2\" ");
}

static void a_runner_falls_silent_and_comes_back(void **state)
{
	struct test *test = *state;

	sql(test, "INSERT INTO runners (id) VALUES ('n')");
	sql(test, "INSERT INTO runners (id, last_seen_at) VALUES ('o', now() - interval '1 day')");
	expect(test, true, "");
	sql(test, "UPDATE runners SET last_seen_at = now() - interval '94 seconds' WHERE id = 'n'");
	expect(test, true, "");
	sql(test, "SELECT pg_sleep(1.1)");
	expect(test, false, ""); /* not looked for */
	expect(test, true, "runner:\"n\" ");
	expect(test, true, "");
	sql(test, "UPDATE runners SET last_seen_at = now() WHERE id = 'n'");
	expect(test, true, "runner:\"n\" ");
}

/* They may write `runs` and nothing else: the log is not their business. */
static void who_writes_needs_no_right_to_the_log(void **state)
{
	struct test *test = *state;

	expect(test, true, "");
	sql(test,
	    "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'live_test')"
	    " THEN CREATE ROLE live_test; END IF; END $$;"
	    "GRANT INSERT, UPDATE, SELECT ON runs TO live_test;"
	    "SET ROLE live_test; CREATE TEMP TABLE live_changes (kind text, keys text[]);" NEW_RUN(
	            "aa") "; RESET ROLE");
	expect(test, true, "run:\"aa\" ");
}

static void too_much_at_once_is_known_to_be(void **state)
{
	struct test *test = *state;
	struct batch batch;

	expect(test, true, "");
	sql(test, NEW_RUN("aa"));
	sql(test, "INSERT INTO runs (id, state) SELECT to_hex(n), 'pending'"
	          " FROM generate_series(1000, 6000) n");
	const struct question question = {test->seen, TOPICS_ALL, false};
	batch_init(&batch);
	assert_int_equal(changes_read(test->fixture->db, &question, &batch, NULL), 0);
	assert_int_equal(batch.count, 5000);
	assert_false(position_sees_all_before(test->seen, batch.cut_xid + 1));
	batch_release(&batch);
}

static void old_changes_are_forgotten(void **state)
{
	struct test *test = *state;

	sql(test, NEW_RUN("aa") ";" NEW_RUN("bb"));
	sql(test,
	    "UPDATE live_changes SET at = at - interval '16 minutes' WHERE 'aa' = ANY (keys)");
	assert_int_equal(changes_prune(test->fixture->db, NULL), 0);
	assert_int_equal(db_fixture_number(test->fixture, "SELECT count(*) FROM live_changes"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_late_commit_is_not_missed, setup, teardown),
	        cmocka_unit_test_setup_teardown(only_what_views_show_is_a_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(deviations_change_their_runs_too, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_runner_falls_silent_and_comes_back, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(who_writes_needs_no_right_to_the_log, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(too_much_at_once_is_known_to_be, setup, teardown),
	        cmocka_unit_test_setup_teardown(old_changes_are_forgotten, setup, teardown),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
