// SPDX-License-Identifier: Apache-2.0
/* Judgement over several runs of a package, on a real database: needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_expect.h"
#include "learn.h"

static int set_up(void **state)
{
	struct differ_fixture *f = differ_fixture_create();
	f->config.control = true;
	differ_fixture_start(f);
	*state = f;
	return 0;
}

static void run_sql(struct differ_fixture *f, const char *sql)
{
	(void)db_fixture_number(f->db, sql);
}

/* "verdict|is_baseline" of the run. */
static void expect_run(struct differ_fixture *f, const struct run_id *run_id, const char *expected)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(run_id, id);
	AUTO(free)
	char *sql = xasprintf("SELECT concat_ws('|', verdict, is_baseline) FROM runs WHERE id = "
	                      "'%s'",
	                      id);
	differ_expect_text(f, sql, expected);
}

/* Verdicts that were told so far, the oldest first. */
static void expect_told(struct differ_fixture *f, const char *expected)
{
	differ_expect_text(
	        f,
	        "SELECT coalesce(string_agg(m ->> 'verdict', ' ' ORDER BY id), '') FROM outbox,"
	        " LATERAL (SELECT convert_from(value, 'UTF8')::jsonb AS m) AS x"
	        " WHERE m ->> 'type' = 'verdict'",
	        expected);
}

/* A run of that trigger that writes these files and ends well; all of it is judged. */
static struct run_id run_files(struct differ_fixture *f, const char *trigger, const char *version,
                               const char *const *paths, size_t count)
{
	struct run_id run_id = differ_fixture_run(f, "left-pad", version);
	struct run_result ok = differ_fixture_ok(1);
	char id[RUN_ID_TEXT_SIZE];
	struct event events[8];
	run_id_format(&run_id, id);
	AUTO(free)
	char *sql = xasprintf("UPDATE runs SET trigger = '%s' WHERE id = '%s'", trigger, id);
	run_sql(f, sql);
	for (size_t i = 0; i < count; i++)
		events[i] = differ_fixture_open(paths[i], O_WRONLY, ACTOR_PACKAGE);
	differ_fixture_batch(f, &run_id, 1, 1, events, count);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	return run_id;
}
#define RUN(f, trigger, version, ...)                                                              \
	run_files(f, trigger, version, (const char *const[]){__VA_ARGS__},                         \
	          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* As the dispatcher does: a run for the control that is asked for. */
static void make_control(struct differ_fixture *f, const struct run_id *control)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(control, id);
	AUTO(free) char *sql = xasprintf("UPDATE controls SET control_run_id = '%s'", id);
	run_sql(f, sql);
}

/* A control that wrote these files. Its row is joined before the run ends. */
static struct run_id control_files(struct differ_fixture *f, const char *version,
                                   const struct run_result *result, const char *path)
{
	struct run_id run_id = differ_fixture_run(f, "left-pad", version);
	struct event event = differ_fixture_open(path, O_WRONLY, ACTOR_PACKAGE);
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&run_id, id);
	AUTO(free)
	char *sql = xasprintf("UPDATE runs SET trigger = 'control' WHERE id = '%s'", id);
	run_sql(f, sql);
	make_control(f, &run_id);
	differ_fixture_batch(f, &run_id, 1, 1, &event, 1);
	differ_fixture_result(f, &run_id, 1, result);
	differ_fixture_drain(f);
	return run_id;
}

static void seeding_takes_as_many_runs_as_asked(void **state)
{
	struct differ_fixture *f = *state;
	f->config.seed_runs = 2;
	struct run_id first = RUN(f, "release", "1.0.0", "/opt/a");
	expect_run(f, &first, "seeded|t");
	differ_expect_text(f, "SELECT state FROM baselines", "seeding");
	struct run_id second = RUN(f, "seed", "1.0.0", "/opt/a", "/opt/b");
	expect_run(f, &second, "seeded|t");
	differ_expect_text(f, "SELECT state FROM baselines", "trusted");
	differ_expect_text(f, "SELECT string_agg(value, ' ') FROM volatile_values", "/opt/b");
	struct run_id third = RUN(f, "release", "1.0.1", "/opt/a", "/opt/b");
	expect_run(f, &third, "clean|t");
	differ_expect_number(f, "SELECT count(*) FROM deviations", 0);
}

static void other_versions_are_compared_while_seeding(void **state)
{
	struct differ_fixture *f = *state;
	f->config.seed_runs = 3;
	f->config.control = false;
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/evil");
	expect_run(f, &next, "deviates|f");
	differ_expect_text(f, "SELECT state || seeds FROM baselines", "seeding1");
	struct run_id clean = RUN(f, "release", "1.0.2", "/opt/a");
	expect_run(f, &clean, "clean|t");
	differ_expect_text(f, "SELECT state || seeds FROM baselines", "seeding2");
}

static void failed_installs_never_seed(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct event event = differ_fixture_open("/opt/a", O_WRONLY, ACTOR_PACKAGE);
	struct run_result failed = differ_fixture_ok(1);
	failed.npm_exit_code = 1;
	differ_fixture_batch(f, &run_id, 1, 1, &event, 1);
	differ_fixture_result(f, &run_id, 1, &failed);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "incomplete|f");
	differ_expect_number(f, "SELECT count(*) FROM baselines", 0);
	differ_expect_number(f, "SELECT count(*) FROM volatile_values", 0);
}

static void rejected_releases_never_seed(void **state)
{
	struct differ_fixture *f = *state;
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id bad = RUN(f, "scan", "1.0.1", "/opt/a", "/opt/bad");
	expect_run(f, &bad, "deviates|f");
	(void)db_fixture_number(f->db,
	                        "UPDATE runs SET decision = 'reject' WHERE version = '1.0.1'");
	struct run_id calm = RUN(f, "scan", "1.0.1", "/opt/a");
	expect_run(f, &calm, "incomplete|f");
	(void)db_fixture_number(f->db, "DELETE FROM baselines; DELETE FROM baseline_fingerprints");
	calm = RUN(f, "scan", "1.0.1", "/opt/a");
	expect_run(f, &calm, "incomplete|f");
	differ_expect_number(f, "SELECT count(*) FROM baselines", 0);
	struct run_id next = RUN(f, "scan", "1.0.2", "/opt/a");
	expect_run(f, &next, "seeded|t");
}

static void drift_pages_nobody(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(1);
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/a", "/opt/drift");
	expect_run(f, &next, "deviates|f");
	expect_told(f, "seeded");
	differ_expect_text(f, "SELECT version FROM controls", "1.0.0");

	struct run_id control = control_files(f, "1.0.0", &ok, "/opt/drift");
	expect_run(f, &control, "none|f");
	expect_run(f, &next, "clean|t");
	differ_expect_text(f, "SELECT outcome FROM controls", "drift");
	differ_expect_number(f, "SELECT count(*) FROM deviations WHERE drift AND suppressed", 1);
	differ_expect_number(f, "SELECT count(*) FROM deviations", 1);
	expect_told(f, "seeded clean none");
}

static void what_the_control_does_not_do_is_told(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(1);
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/a", "/opt/drift", "/opt/new");
	(void)control_files(f, "1.0.0", &ok, "/opt/drift");
	expect_run(f, &next, "deviates|f");
	differ_expect_text(f, "SELECT outcome FROM controls", "part");
	differ_expect_text(f, "SELECT string_agg(value, ' ') FROM deviations WHERE NOT suppressed",
	                   "/opt/new");
	expect_told(f, "seeded deviates none");
}

static void a_failed_control_explains_nothing(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result failed = {
	        .status = RUN_STATUS_FAILED, .native = true, .duration_ns = 1, .last_seq = 1};
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/a", "/opt/drift");
	(void)control_files(f, "1.0.0", &failed, "/opt/drift");
	expect_run(f, &next, "deviates|f");
	differ_expect_text(f, "SELECT outcome FROM controls", "failed");
	differ_expect_number(f, "SELECT count(*) FROM deviations WHERE suppressed", 0);
	differ_expect_number(f, "SELECT count(*) FROM volatile_values", 0);
	expect_told(f, "seeded deviates none");
}

static void a_verdict_waits_no_longer_than_it_may(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(1);
	struct error err = {0};
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/new");
	run_sql(f, "UPDATE controls SET until = now() - INTERVAL '1 second'");
	assert_int_equal(differ_expire_controls(f->differ, &err), 0);
	assert_int_equal(differ_expire_controls(f->differ, &err), 0);
	expect_told(f, "seeded deviates");
	(void)control_files(f, "1.0.0", &ok, "/opt/new");
	expect_run(f, &next, "deviates|f");
	differ_expect_text(f, "SELECT outcome FROM controls", "expired");
	expect_told(f, "seeded deviates none");
}

static void a_person_who_decided_is_not_overruled(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(1);
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id next = RUN(f, "release", "1.0.1", "/opt/new");
	run_sql(f, "UPDATE runs SET decision = 'reject' WHERE version = '1.0.1'");
	(void)control_files(f, "1.0.0", &ok, "/opt/new");
	expect_run(f, &next, "deviates|f");
	expect_told(f, "seeded deviates none");
}

static void what_is_critical_does_not_wait(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id first = RUN(f, "release", "1.0.0", "/opt/a");
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.1");
	struct event event = differ_fixture_open("/root/.npmrc", O_RDONLY, ACTOR_PACKAGE);
	struct run_result ok = differ_fixture_ok(1);
	event.process.tags = EVENT_TAG_CRED;
	run_sql(f, "UPDATE runs SET trigger = 'release'");
	differ_fixture_batch(f, &run_id, 1, 1, &event, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	expect_run(f, &first, "seeded|t");
	differ_expect_number(f, "SELECT count(*) FROM controls", 0);
	expect_told(f, "seeded deviates");
}

static void controls_are_for_releases_and_where_wanted(void **state)
{
	struct differ_fixture *f = *state;
	run_sql(f,
	        "INSERT INTO packages (name, added_at) VALUES ('left-pad', now());"
	        "INSERT INTO package_policies (package_name, control) VALUES ('left-pad', FALSE)");
	(void)RUN(f, "release", "1.0.0", "/opt/a");
	(void)RUN(f, "release", "1.0.1", "/opt/b");
	run_sql(f, "UPDATE package_policies SET control = TRUE");
	(void)RUN(f, "scan", "1.0.1", "/opt/b");
	differ_expect_number(f, "SELECT count(*) FROM controls", 0);
	expect_told(f, "seeded deviates deviates");
	(void)RUN(f, "release", "1.0.2", "/opt/b");
	differ_expect_number(f, "SELECT count(*) FROM controls", 1);
	expect_told(f, "seeded deviates deviates");
}

static void what_varies_is_learned_as_a_pattern(void **state)
{
	struct differ_fixture *f = *state;
	f->config.seed_runs = 2;
	(void)RUN(f, "release", "1.0.0", "/opt/build-q7xk.tmp");
	(void)RUN(f, "seed", "1.0.0", "/opt/build-b3mw.tmp");
	struct run_id good = RUN(f, "release", "1.0.1", "/opt/build-zz9p.tmp");
	expect_run(f, &good, "clean|t");
	struct run_id bad = RUN(f, "release", "1.0.2", "/opt/build-zz9p.tmp/x", "/opt/other-1.tmp");
	expect_run(f, &bad, "deviates|f");
	differ_expect_number(f, "SELECT count(*) FROM deviations", 2);
}

static void a_back_port_is_compared_with_its_own_line(void **state)
{
	struct differ_fixture *f = *state;
	f->config.control = false;
	(void)RUN(f, "release", "1.0.0", "/opt/one");
	(void)RUN(f, "release", "2.0.0", "/opt/one", "/opt/two");
	run_sql(f, "INSERT INTO baseline_fingerprints SELECT package_name, category, '/opt/two', "
	           "first_seen_run_id, last_seen_run_id, 1, merged_run_id, 2000000000 FROM "
	           "baseline_fingerprints;"
	           "INSERT INTO baseline_actors SELECT package_name, category, '/opt/two', actor, "
	           "first_seen_run_id FROM baseline_actors");
	struct run_id newer = RUN(f, "release", "2.0.1", "/opt/one", "/opt/two");
	expect_run(f, &newer, "clean|t");
	struct run_id back_port = RUN(f, "release", "1.0.1", "/opt/one", "/opt/two");
	expect_run(f, &back_port, "deviates|f");
	struct run_id older = RUN(f, "release", "0.9.0", "/opt/one");
	expect_run(f, &older, "clean|t");
}

static void age_all(struct differ_fixture *f)
{
	struct error err = {0};
	for (int i = 0; i < 3; i++)
		assert_int_equal(differ_age(f->differ, &err), 0);
}

static void baselines_forget(void **state)
{
	struct differ_fixture *f = *state;
	f->config.baseline_max_runs = 2;
	(void)RUN(f, "release", "1.0.0", "/opt/a", "/opt/old");
	run_sql(f, "INSERT INTO baseline_fingerprints VALUES "
	           "('left-pad', 'fs_new_path_write', '/opt/cli', 'x', 'x', 1)");
	(void)RUN(f, "release", "1.0.1", "/opt/a");
	age_all(f);
	differ_expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 3);
	(void)RUN(f, "release", "1.0.2", "/opt/a");
	age_all(f);
	differ_expect_text(
	        f, "SELECT string_agg(value, ' ' ORDER BY value) FROM baseline_fingerprints",
	        "/opt/a /opt/cli");
	differ_expect_number(f, "SELECT count(*) FROM baseline_actors", 1);
}

static void old_lines_keep_what_they_did(void **state)
{
	struct differ_fixture *f = *state;
	f->config.baseline_max_runs = 2;
	f->config.control = false;
	(void)RUN(f, "release", "1.0.0", "/opt/a", "/opt/old");
	(void)RUN(f, "release", "2.0.0", "/opt/a");
	(void)RUN(f, "release", "2.0.1", "/opt/a");
	age_all(f);
	struct run_id newest = RUN(f, "release", "2.0.2", "/opt/a", "/opt/old");
	expect_run(f, &newest, "deviates|f");
	struct run_id back_port = RUN(f, "release", "1.0.1", "/opt/a", "/opt/old");
	expect_run(f, &back_port, "clean|t");
}

static void time_alone_forgets_nothing(void **state)
{
	struct differ_fixture *f = *state;
	f->config.baseline_max_age_ms = 1000;
	(void)RUN(f, "release", "1.0.0", "/opt/a", "/opt/old");
	run_sql(f, "UPDATE baseline_fingerprints SET seen_at = now() - INTERVAL '1 day';"
	           "UPDATE baselines SET promoted_at = now() - INTERVAL '1 day'");
	age_all(f);
	differ_expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 2);
	(void)RUN(f, "release", "1.0.1", "/opt/a");
	age_all(f);
	differ_expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 1);
}

static bool has_pattern(const char *a, const char *b, const char *head, const char *tail)
{
	struct view got_head, got_tail;
	return learn_pattern(view_of_string(a), view_of_string(b), &got_head, &got_tail) &&
	       view_equal(got_head, view_of_string(head)) &&
	       view_equal(got_tail, view_of_string(tail));
}

static void patterns_are_narrow(void **state)
{
	struct view head, tail;
	static const char *const none[][2] = {
	        {"/etc/passwd", "/etc/shadow"},
	        {"/tmp/aa", "/tmp/bb"},
	        {"/opt/x-1/y", "/opt/x-2/z"},
	        {"/opt/x/y", "/opt/y"},
	        {"/a-1", "/a-2"},
	        {"/opt/same", "/opt/same"},
	        {"", "/opt"},
	};
	(void)state;
	assert_true(has_pattern("/tmp/v8-12ab/x.o", "/tmp/v8-34cd/x.o", "/tmp/v8-", "/x.o"));
	assert_true(has_pattern("/opt/build-1.tmp", "/opt/build-1a.tmp", "/opt/build-", ".tmp"));
	assert_true(
	        has_pattern("/opt/build-\xc3\xa4.x", "/opt/build-\xc3\xb6.x", "/opt/build-", ".x"));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(learn_pattern(view_of_string(none[i][0]), view_of_string(none[i][1]),
		                           &head, &tail));
}

#define WITH_DIFFER(test) cmocka_unit_test_setup_teardown(test, set_up, differ_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(patterns_are_narrow),
	        WITH_DIFFER(seeding_takes_as_many_runs_as_asked),
	        WITH_DIFFER(other_versions_are_compared_while_seeding),
	        WITH_DIFFER(failed_installs_never_seed),
	        WITH_DIFFER(rejected_releases_never_seed),
	        WITH_DIFFER(drift_pages_nobody),
	        WITH_DIFFER(what_the_control_does_not_do_is_told),
	        WITH_DIFFER(a_failed_control_explains_nothing),
	        WITH_DIFFER(a_verdict_waits_no_longer_than_it_may),
	        WITH_DIFFER(a_person_who_decided_is_not_overruled),
	        WITH_DIFFER(what_is_critical_does_not_wait),
	        WITH_DIFFER(controls_are_for_releases_and_where_wanted),
	        WITH_DIFFER(what_varies_is_learned_as_a_pattern),
	        WITH_DIFFER(a_back_port_is_compared_with_its_own_line),
	        WITH_DIFFER(baselines_forget),
	        WITH_DIFFER(old_lines_keep_what_they_did),
	        WITH_DIFFER(time_alone_forgets_nothing),
	};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
