// SPDX-License-Identifier: Apache-2.0
/* Needs PostgreSQL: FANGS_TEST_DB_URL. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "db/db_fixture.h"
#include "model/baseline.h"

static struct db_fixture *fixture;

static int setup(void **state)
{
	(void)state;
	fixture = db_fixture_create(true);
	(void)db_fixture_number(
	        fixture,
	        "INSERT INTO runs (id, package_name, version, state, phase) VALUES "
	        "('r1', 'p', '1.0.0', 'done', 'judged'), ('r2', 'p', '1.0.1', 'done', 'judged'), "
	        "('r3', 'p', '1.0.2', 'done', 'running'), ('r4', '', '', 'done', 'judged'), "
	        "('old', 'p', '0.9.0', 'done', 'judged');"
	        "INSERT INTO run_sightings "
	        "(run_id, number, categories, actors, items, counts, event_ids, creds) VALUES "
	        "('r1', 1, '{proc_new_exec, proc_new_exec}', '{manager, package}', "
	        "'{/bin/sh, /bin/sh}', '{1, 3}', '{1, 2}', '{0, 0}'), "
	        "('r1', 3, '{net_new_dns, proc_new_exec}', '{manager, manager}', "
	        "'{r.test, /bin/sh}', '{9000000000, 1}', '{3, 7}', '{0, 1}'), "
	        "('r2', 4, '{proc_new_exec, proc_new_exec}', '{package, package}', "
	        "'{/bin/sh, /bin/curl}', '{7, 4}', '{4, 5}', '{0, 0}'), "
	        "('r3', 6, '{proc_new_exec}', '{package}', '{/bin/sh}', '{1}', '{6}', '{0}');"
	        "INSERT INTO event_rows (id, run_id, ts_ns, type, data) VALUES (1, 'old', 1, "
	        "'exec', "
	        "'{}');"
	        "INSERT INTO deviations "
	        "(id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES "
	        "('d1', 'old', 'net_new_dns', 'old.test', 1, 'warn', now())");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_fixture_destroy(fixture);
	return 0;
}

static int64_t promote(const char *run_id, const char *by, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, err);
	assert_non_null(conn);
	assert_int_equal(db_begin(conn, err), 0);
	const struct baseline_decision decision = {by, "a note"};
	int64_t merged = by ? baseline_promote(conn, run_id, &decision, err)
	                    : baseline_learn(conn, run_id, 1, err);
	if (merged < 0)
		db_rollback(conn);
	else
		assert_int_equal(db_commit(conn, err), 0);
	return merged;
}

static void assert_count(const char *what, int64_t expected)
{
	AUTO(free) char *sql = xasprintf("SELECT count(*) FROM %s", what);
	assert_int_equal(db_fixture_number(fixture, sql), expected);
}

static void assert_occurrences(const char *value, int64_t expected)
{
	AUTO(free)
	char *sql = xasprintf("SELECT occurrence_count FROM baseline_fingerprints WHERE "
	                      "package_name = 'p' AND value = '%s'",
	                      value);
	assert_int_equal(db_fixture_number(fixture, sql), expected);
}

static void a_first_run_seeds(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_occurrences("/bin/sh", 5);
	assert_occurrences("r.test", INT32_MAX);
	assert_count("baseline_actors WHERE value = '/bin/sh'", 2);
	assert_count("baselines WHERE package_name = 'p' AND seeded_by = 'r1'", 1);
	assert_count("runs WHERE is_baseline AND id = 'r1'", 1);
	assert_count("decisions", 0);
}

static void promotion_happens_once(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_int_equal(promote("r1", "somebody", &err), 0);
	assert_occurrences("/bin/sh", 5);
	assert_count("decisions", 0);
}

static void a_clean_run_counts_once_a_person_counts_events(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_int_equal(promote("r2", "somebody", &err), 2);
	assert_occurrences("/bin/sh", 12);
	assert_occurrences("/bin/curl", 4);
	assert_count("decisions WHERE run_id = 'r2' AND decision = 'promote' AND "
	             "decided_by = 'somebody'",
	             1);
	assert_int_equal(promote("r3", NULL, &err), 1);
	assert_occurrences("/bin/sh", 13);
	assert_count(
	        "baseline_fingerprints WHERE value = '/bin/sh' AND first_seen_run_id = 'r1' AND "
	        "last_seen_run_id = 'r3'",
	        1);
	assert_count("baselines WHERE seeded_by = 'r1'", 1);
}

/* The existing CLI's rows hold for every actor: also after a run has named one. */
static void a_value_of_every_actor_stays_one(void **state)
{
	(void)state;
	struct error err = {0};
	(void)db_fixture_number(fixture, "INSERT INTO baseline_fingerprints VALUES "
	                                 "('p', 'proc_new_exec', '/bin/sh', 'x', 'x', 1), "
	                                 "('q', 'proc_new_exec', '/bin/sh', 'x', 'x', 1)");
	assert_int_equal(promote("r2", NULL, &err), 2);
	assert_occurrences("/bin/sh", 2);
	assert_count("baseline_actors WHERE value = '/bin/sh' AND actor = 'unknown'", 1);
	assert_count("baseline_actors WHERE value = '/bin/sh' AND actor = 'package'", 1);
	assert_count("baseline_actors WHERE value = '/bin/curl'", 1);
	assert_count("baseline_actors WHERE package_name = 'q'", 0);
}

enum verb { REJECT, RESET, FORGET };

/* In a transaction of its own, as promote(). */
static int64_t decide(enum verb verb, const char *subject, struct error *err)
{
	const struct baseline_decision decision = {"somebody", "a note"};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, err);
	int64_t rc = 0;

	assert_non_null(conn);
	assert_int_equal(db_begin(conn, err), 0);
	switch (verb) {
	case REJECT:
		rc = baseline_reject(conn, subject, &decision, err);
		break;
	case RESET:
		rc = baseline_reset(conn, subject, &decision, err);
		break;
	case FORGET:
		rc = baseline_forget(conn, subject, "proc_new_exec", "/bin/sh", &decision, err);
		break;
	}
	if (rc < 0)
		db_rollback(conn);
	else
		assert_int_equal(db_commit(conn, err), 0);
	return rc;
}

static void a_rejected_run_may_be_promoted_after_all(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(decide(REJECT, "r1", &err), 1);
	assert_int_equal(decide(REJECT, "r1", &err), 0);
	assert_count("runs WHERE id = 'r1' AND decision = 'reject' AND NOT is_baseline", 1);
	assert_count("decisions WHERE run_id = 'r1' AND decision = 'reject' AND note = 'a note' "
	             "AND package_name = 'p'",
	             1);
	assert_int_equal(promote("r1", "somebody else", &err), 2);
	assert_count("runs WHERE id = 'r1' AND decision = 'promote' AND is_baseline", 1);
	assert_count("decisions WHERE run_id = 'r1'", 2);
}

static void what_cannot_be_rejected_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("r1", "somebody", &err), 2);
	assert_int_equal(decide(REJECT, "r1", &err), -EINVAL);
	assert_non_null(strstr(err.text, "part of the baseline"));
	assert_int_equal(decide(REJECT, "r3", &err), -EINVAL);
	assert_int_equal(decide(REJECT, "nothing", &err), -ENOENT);
	assert_count("decisions WHERE decision = 'reject'", 0);
}

static void a_baseline_is_forgotten(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(decide(RESET, "p", &err), -ENOENT);
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_int_equal(decide(RESET, "p", &err), 2);
	assert_count("baselines WHERE state = 'reset' AND seeded_by = ''", 1);
	assert_int_equal(decide(RESET, "p", &err), -ENOENT);
	assert_count("baseline_fingerprints", 0);
	assert_count("baseline_actors", 0);
	assert_count("runs WHERE is_baseline", 0);
	assert_count("decisions WHERE decision = 'reset' AND package_name = 'p' AND run_id = ''",
	             1);
	assert_int_equal(promote("r2", NULL, &err), 2);
	assert_count("baselines WHERE seeded_by = 'r2' AND state = 'trusted'", 1);
}

static void a_baseline_is_trusted_after_as_many_runs_as_asked(void **state)
{
	(void)state;
	struct error err = {0};
	(void)db_fixture_number(
	        fixture, "INSERT INTO packages (name, added_at) VALUES ('p', now());"
	                 "INSERT INTO package_policies (package_name, seed_runs) VALUES ('p', 2)");
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_count("baselines WHERE state = 'seeding' AND seeds = 1 AND seeds_asked = 2", 1);
	assert_int_equal(promote("r3", NULL, &err), 1);
	assert_count("baselines WHERE state = 'trusted' AND seeds = 2", 1);
}

static void a_persons_word_is_enough(void **state)
{
	(void)state;
	struct error err = {0};
	(void)db_fixture_number(
	        fixture, "INSERT INTO packages (name, added_at) VALUES ('p', now());"
	                 "INSERT INTO package_policies (package_name, seed_runs) VALUES ('p', 5)");
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_int_equal(promote("r2", "somebody", &err), 2);
	assert_count("baselines WHERE state = 'trusted' AND seeds = 2", 1);
}

static void values_belong_to_lines_of_versions(void **state)
{
	(void)state;
	struct error err = {0};
	(void)db_fixture_number(fixture, "UPDATE runs SET version = '2.0.0' WHERE id = 'r1'");
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_count("baseline_fingerprints WHERE since_line = 2000000000", 2);
	assert_int_equal(promote("r2", NULL, &err), 2);
	assert_count("baseline_fingerprints WHERE since_line = 1000000000", 2);
	assert_count("baseline_fingerprints WHERE value = 'r.test' AND since_line = 2000000000", 1);
	assert_count("baselines WHERE lowest_line = 1000000000 AND newest_line = 2000000000", 1);
}

static void one_fingerprint_is_forgotten(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("r1", NULL, &err), 2);
	assert_int_equal(decide(FORGET, "p", &err), 1);
	assert_int_equal(decide(FORGET, "p", &err), 0);
	assert_count("baseline_fingerprints WHERE value = '/bin/sh'", 0);
	assert_count("baseline_actors WHERE value = '/bin/sh'", 0);
	assert_count("baseline_fingerprints", 1);
	assert_count("decisions WHERE decision = 'forget' AND value = '/bin/sh'", 1);
}

static void what_was_held_stays_on_record(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("old", "", &err), 1);
	assert_occurrences("old.test", 1);
	assert_count("baseline_actors WHERE value = 'old.test' AND actor = 'unknown'", 1);
	assert_count("deviations WHERE run_id = 'old'", 1);
	assert_count("decisions WHERE run_id = 'old'", 1);
}

static void what_cannot_be_promoted_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(promote("nothing", NULL, &err), -ENOENT);
	assert_string_equal(err.text, "run 'nothing' not found");
	assert_int_equal(err.class, ERROR_DROP);
	assert_int_equal(promote("r4", "somebody", &err), -EINVAL);
	assert_string_equal(err.text, "run 'r4' has no package name");
	assert_int_equal(promote("r3", "somebody", &err), -EINVAL);
	assert_string_equal(err.text, "run 'r3' is not judged yet");
	assert_count("baselines", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_first_run_seeds, setup, teardown),
	        cmocka_unit_test_setup_teardown(promotion_happens_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_clean_run_counts_once_a_person_counts_events,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(a_value_of_every_actor_stays_one, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_rejected_run_may_be_promoted_after_all, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(what_cannot_be_rejected_is_refused, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(a_baseline_is_forgotten, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_baseline_is_trusted_after_as_many_runs_as_asked,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(a_persons_word_is_enough, setup, teardown),
	        cmocka_unit_test_setup_teardown(values_belong_to_lines_of_versions, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(one_fingerprint_is_forgotten, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_was_held_stays_on_record, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_cannot_be_promoted_is_refused, setup,
	                                        teardown),
	};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
