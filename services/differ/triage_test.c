// SPDX-License-Identifier: Apache-2.0
/* Rules that change after the verdict, on a real database: needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_expect.h"

/* A statement with "RETURNING 1" or the like, or one that selects a number. */
static void run_sql(struct differ_fixture *f, const char *sql)
{
	(void)db_fixture_number(f->db, sql);
}

/* As the existing CLI does it. */
static void add_shared_entry(struct differ_fixture *f, const char *kind, const char *value)
{
	AUTO(free)
	char *sql = xasprintf("INSERT INTO allowlists (id, scope, package_name, kind, value, note,"
	                      " created_at) VALUES ('%s', 'global', NULL, '%s', '%s', '', now())"
	                      " RETURNING 1",
	                      value, kind, value);
	run_sql(f, sql);
}

static void add_rule(struct differ_fixture *f, const char *kind, const char *value)
{
	AUTO(free)
	char *sql = xasprintf("INSERT INTO allow_rules (id, scope, package_name, kind, value)"
	                      " VALUES ('%s', 'package', 'left-pad', '%s', '%s') RETURNING 1",
	                      value, kind, value);
	run_sql(f, sql);
}

static void sweep(struct differ_fixture *f)
{
	struct error err = {0};
	if (differ_reanalyse(f->differ, &err) < 0)
		fail_msg("%s", err.text);
}

/* A judged run that does these things and ends well. */
static void judged_run(struct differ_fixture *f, const char *version, const struct event *events,
                       size_t count)
{
	struct run_id run_id = differ_fixture_run(f, "left-pad", version);
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, events, count);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
}

/* 1.0.0 is the baseline, 1.0.1 waits with a read of /opt/a and a write to /opt/b. */
static void one_waits(struct differ_fixture *f)
{
	const struct event known = differ_fixture_open("/etc/known", O_RDONLY, ACTOR_PACKAGE);
	const struct event events[] = {
	        known,
	        differ_fixture_open("/opt/a", O_RDONLY, ACTOR_PACKAGE),
	        differ_fixture_open("/opt/b", O_WRONLY, ACTOR_PACKAGE),
	};
	judged_run(f, "1.0.0", &known, 1);
	judged_run(f, "1.0.1", events, 3);
}

static const char state_of_1_0_1[] =
        "SELECT concat_ws(' ', verdict, is_baseline, (SELECT string_agg(concat_ws(':', value,"
        " suppressed, NULLIF(suppressed_by, '')), ' ' ORDER BY value) FROM deviations d WHERE "
        "run_id = r.id))"
        " FROM runs r WHERE version = '1.0.1'";
static const char messages[] =
        "SELECT string_agg(CASE m ->> 'type' WHEN 'verdict' THEN m ->> 'verdict'"
        " ELSE m ->> 'value' END, ' ' ORDER BY id) FROM outbox,"
        " LATERAL (SELECT convert_from(value, 'UTF8')::jsonb AS m) AS x";

static void entries_that_are_added_later_count(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:f /opt/b:f");

	add_rule(f, "path_read", "/opt/");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:t:entry /opt/b:f");
	differ_expect_text(f, messages, "seeded /opt/a /opt/b deviates");
	differ_expect_text(f, "SELECT suppressed_why FROM deviations WHERE suppressed",
	                   "allowed by entry /opt/");

	add_shared_entry(f, "path", "/opt/b");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "clean t /opt/a:t:entry /opt/b:t:entry");
	differ_expect_text(f, messages, "seeded /opt/a /opt/b deviates clean");
	/* what is allowed is not accepted into the baseline */
	differ_expect_text(
	        f,
	        "SELECT string_agg(value, ' ') FROM baseline_fingerprints WHERE package_name ="
	        " 'left-pad'",
	        "/etc/known");
	differ_expect_text(
	        f,
	        "SELECT string_agg(concat_ws('|', decision, decided_by, note), E'\\n' ORDER BY id)"
	        " FROM decisions",
	        "reanalyse|fangs-differ|allowed 1, known 0, counted again 0, new 0; verdict"
	        " deviates, was deviates\n"
	        "reanalyse|fangs-differ|allowed 1, known 0, counted again 0, new 0; verdict"
	        " clean, was deviates");
	sweep(f);
	differ_expect_text(f, "SELECT count(*)::text FROM decisions", "2");
}

static void entries_that_are_removed_count_no_more(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	add_rule(f, "path_read", "/opt/");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:t:entry /opt/b:f");
	run_sql(f, "DELETE FROM allow_rules RETURNING 1");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:f /opt/b:f");
	differ_expect_text(f, messages, "seeded /opt/a /opt/b deviates");
}

static void a_persons_word_is_no_acceptance(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	run_sql(f, "UPDATE deviations SET suppressed = TRUE, suppressed_by = 'person'"
	           " WHERE value = '/opt/a' RETURNING 1");
	add_shared_entry(f, "path", "/opt/");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:t:person /opt/b:t:entry");
	run_sql(f, "UPDATE deviations SET suppressed = FALSE, suppressed_by = ''"
	           " WHERE value = '/opt/a' RETURNING 1");
	run_sql(f, "UPDATE runs SET rules_digest = NULL WHERE version = '1.0.1' RETURNING 1");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "clean t /opt/a:t:entry /opt/b:t:entry");
}

static void a_run_is_compared_with_the_baseline_of_now(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	run_sql(f, "DELETE FROM baseline_actors RETURNING 1");
	run_sql(f, "DELETE FROM baseline_fingerprints RETURNING 1");
	run_sql(f, "INSERT INTO baseline_fingerprints (package_name, category, value,"
	           " first_seen_run_id, last_seen_run_id, occurrence_count)"
	           " VALUES ('left-pad', 'fs_new_path_read', '/opt/a', 'x', 'x', 1) RETURNING 1");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:f /opt/b:f");

	run_sql(f, "INSERT INTO reanalyses (run_id, requested_by, note)"
	           " SELECT id, 'ann', 'forgot' FROM runs WHERE version = '1.0.1' RETURNING 1");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /etc/known:f /opt/a:t:baseline /opt/b:f");
	differ_expect_text(f, messages, "seeded /opt/a /opt/b deviates /etc/known");
	differ_expect_text(
	        f, "SELECT concat_ws('|', decided_by, note) FROM decisions",
	        "ann|forgot: allowed 0, known 1, counted again 0, new 1; verdict deviates, was"
	        " deviates");
	differ_expect_text(f, "SELECT count(*)::text FROM reanalyses", "0");
}

static void what_is_decided_stays(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	run_sql(f, "UPDATE runs SET decision = 'reject' WHERE version = '1.0.1' RETURNING 1");
	run_sql(f, "INSERT INTO reanalyses (run_id) SELECT id FROM runs RETURNING 1");
	add_shared_entry(f, "path", "/opt/");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "deviates f /opt/a:f /opt/b:f");
	differ_expect_text(f, "SELECT count(*)::text FROM reanalyses", "0");
}

static void an_incomplete_run_is_not_promoted(void **state)
{
	struct differ_fixture *f = *state;
	one_waits(f);
	run_sql(f, "UPDATE runs SET complete = FALSE WHERE version = '1.0.1' RETURNING 1");
	add_shared_entry(f, "path", "/opt/");
	sweep(f);
	differ_expect_text(f, state_of_1_0_1, "incomplete f /opt/a:t:entry /opt/b:t:entry");
}

static void an_entry_of_the_run_itself_counts_at_its_verdict(void **state)
{
	struct differ_fixture *f = *state;
	const struct event known = differ_fixture_open("/etc/known", O_RDONLY, ACTOR_PACKAGE);
	const struct event odd = differ_fixture_open("/opt/a", O_RDONLY, ACTOR_PACKAGE);
	judged_run(f, "1.0.0", &known, 1);
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.1");
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, &odd, 1);
	differ_fixture_drain(f);
	add_shared_entry(f, "path", "/opt/");
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_text(f, state_of_1_0_1, "clean t /opt/a:t:entry");
	differ_expect_text(f, messages, "seeded /opt/a clean");
}

int main(void)
{
#define TRIAGE_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, differ_fixture_set_up, differ_fixture_tear_down)
	const struct CMUnitTest tests[] = {
	        TRIAGE_TEST(entries_that_are_added_later_count),
	        TRIAGE_TEST(entries_that_are_removed_count_no_more),
	        TRIAGE_TEST(a_persons_word_is_no_acceptance),
	        TRIAGE_TEST(a_run_is_compared_with_the_baseline_of_now),
	        TRIAGE_TEST(what_is_decided_stays),
	        TRIAGE_TEST(an_incomplete_run_is_not_promoted),
	        TRIAGE_TEST(an_entry_of_the_run_itself_counts_at_its_verdict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
