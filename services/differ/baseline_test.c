// SPDX-License-Identifier: Apache-2.0
/* What runs are compared with and what becomes part of it, on a real database: needs
 * FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "differ_expect.h"

static const char severities[] =
        "SELECT string_agg(concat_ws(' ', value, severity), E'\n' ORDER BY value COLLATE \"C\")"
        " FROM deviations";

static void incomplete_runs_build_nothing(void **state)
{
	struct differ_fixture *f = *state;
	struct event event = differ_fixture_read("/a");
	struct run_result failed = {.status = RUN_STATUS_FAILED,
	                            .reason = VIEW_LITERAL("npm\0died")},
	                  lossy = differ_fixture_ok(1), gap = differ_fixture_ok(3);
	lossy.events_dropped = lossy.lost_ring = 4;
	struct run_id runs[3];
	struct run_result *ends[] = {&failed, &lossy, &gap};
	for (size_t i = 0; i < 3; i++) {
		runs[i] = differ_fixture_run(f, "left-pad", "1.0.0");
		differ_fixture_batch(f, &runs[i], 1, 1, &event, 1);
		differ_fixture_result(f, &runs[i], 1, ends[i]);
	}
	differ_fixture_drain(f);
	differ_expect_run(f, &runs[0],
	                  "failed|judged|incomplete|f|f|failed: npm\xE2\x90\x80"
	                  "died");
	differ_expect_run(f, &runs[1], "done|judged|incomplete|f|f|4 events were lost");
	differ_expect_run(f, &runs[2], "done|judged|incomplete|f|f|batch 2 of 3 is missing");
	differ_expect_number(f, "SELECT count(*) FROM baselines", 0);
	differ_expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 0);
}

static void an_unknown_actor_matches_all(void **state)
{
	struct differ_fixture *f = *state;
	static const char npmrc[] = "/root/.npmrc";
	struct event by_manager = differ_fixture_open(npmrc, O_RDONLY, ACTOR_MANAGER);
	struct event by_unknown = differ_fixture_open(npmrc, O_RDONLY, ACTOR_UNKNOWN);
	struct run_id first = differ_fixture_short_run(f, "1.0.0", by_manager);
	differ_fixture_drain(f);
	struct run_id same = differ_fixture_short_run(f, "1.0.1", by_manager);
	struct run_id unknown = differ_fixture_short_run(f, "1.0.2", by_unknown);
	differ_fixture_drain(f);
	differ_expect_run(f, &first, "done|judged|seeded|t|t|");
	differ_expect_run(f, &same, "done|judged|clean|t|t|");
	differ_expect_run(f, &unknown, "done|judged|clean|t|t|");
}

static void package_code_is_told_from_the_manager(void **state)
{
	struct differ_fixture *f = *state;
	struct event by_manager = differ_fixture_open("/root/.npmrc", O_RDONLY, ACTOR_MANAGER);
	struct event by_package = differ_fixture_read("/root/.npmrc");
	by_package.process.tags = EVENT_TAG_CRED | EVENT_TAG_INTERESTING;
	(void)differ_fixture_short_run(f, "1.0.0", by_manager);
	differ_fixture_drain(f);
	struct run_id thief = differ_fixture_short_run(f, "1.0.1", by_package);
	differ_fixture_drain(f);
	differ_expect_run(f, &thief, "done|judged|deviates|t|f|");
	differ_expect_text(
	        f, "SELECT concat_ws(' ', severity, actor, reason) FROM deviations",
	        "crit package code of a package read '/root/.npmrc', a credential, which no "
	        "accepted run of left-pad has done before");

	/* The existing CLI accepts the value: it cannot say for whom. */
	(void)db_fixture_number(f->db, "UPDATE baseline_fingerprints SET last_seen_run_id = 'x'");
	struct run_id accepted = differ_fixture_short_run(f, "1.0.2", by_package);
	differ_fixture_drain(f);
	differ_expect_run(f, &accepted, "done|judged|clean|t|t|");
}

/* A baseline that the existing CLI wrote, in its terms. */
static void promoted_by_the_existing_cli(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	(void)db_fixture_number(
	        f->db, "INSERT INTO baseline_fingerprints SELECT 'left-pad', category, value, 'x',"
	               " 'x', 1 FROM (VALUES ('net_new_destination', '192.0.2.9:443'),"
	               " ('fs_new_path_write', '/tmp/t/node_modules/b/package.json'),"
	               " ('fs_new_path_write', '/tmp/<RAND>')) AS v (category, value)");
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct run_result ok = differ_fixture_ok(3);
	differ_fixture_give(f, &run, 1, differ_fixture_connect("c2.test", 9, 443, ACTOR_PACKAGE));
	differ_fixture_give(
	        f, &run, 2,
	        differ_fixture_open("/tmp/t/node_modules/b/new.js", O_WRONLY, ACTOR_MANAGER));
	differ_fixture_give(f, &run, 3,
	                    differ_fixture_open("/tmp/x-12345", O_WRONLY, ACTOR_PACKAGE));
	differ_fixture_result(f, &run, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_text(f, severities, "");
	differ_expect_run(f, &run, "done|judged|clean|t|t|");
}

static void direct_writes_count_at_once(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db, "INSERT INTO baseline_fingerprints VALUES"
	                               " ('left-pad', 'fs_new_path_read', '/b', 'x', 'x', 1)");
	(void)db_fixture_number(f->db, "INSERT INTO allowlists VALUES ('1', 'package', 'left-pad',"
	                               " 'path', '/c/', '', now()),"
	                               " ('2', 'global', NULL, 'cidr', 'broken', '', now())");
	struct run_id promoted = differ_fixture_short_run(f, "1.0.1", differ_fixture_read("/b"));
	struct run_id allowed = differ_fixture_short_run(f, "1.0.2", differ_fixture_read("/c/x"));
	struct run_id neither = differ_fixture_short_run(f, "1.0.3", differ_fixture_read("/d"));
	differ_fixture_drain(f);
	differ_expect_run(f, &promoted, "done|judged|clean|t|t|");
	differ_expect_run(f, &allowed, "done|judged|clean|t|t|");
	differ_expect_run(f, &neither, "done|judged|deviates|t|f|");
}

static void racing_first_runs_are_compared(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = differ_fixture_read("/a"), b = differ_fixture_read("/b");
	struct run_id first = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_id second = differ_fixture_run(f, "left-pad", "1.0.1");
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &first, 1, 1, &a, 1);
	differ_fixture_batch(f, &second, 1, 1, &b, 1);
	differ_fixture_drain(f); /* both have no baseline to be compared with */
	differ_fixture_result(f, &first, 1, &ok);
	differ_fixture_drain(f);
	differ_fixture_result(f, &second, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_run(f, &first, "done|judged|seeded|t|t|");
	differ_expect_run(f, &second, "done|judged|deviates|t|f|");
	differ_expect_text(f, "SELECT value || ' ' || process FROM deviations", "/b node");
}

static void late_events_end_a_promotion(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = differ_fixture_read("/a"), b = differ_fixture_read("/b");
	struct run_id run_id = differ_fixture_short_run(f, "1.0.0", a);
	differ_fixture_drain(f);
	differ_fixture_batch(f, &run_id, 1, 2, &a, 1);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|seeded|t|t|");
	differ_fixture_batch(f, &run_id, 1, 3, &b, 1);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|deviates|t|f|");
	differ_expect_number(f,
	                     "SELECT count(*) FROM outbox WHERE convert_from(value, 'UTF8')::jsonb"
	                     " ->> 'verdict' = 'deviates'",
	                     1);
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        DIFFER_CASE(incomplete_runs_build_nothing),
	        DIFFER_CASE(an_unknown_actor_matches_all),
	        DIFFER_CASE(promoted_by_the_existing_cli),
	        DIFFER_CASE(package_code_is_told_from_the_manager),
	        DIFFER_CASE(direct_writes_count_at_once),
	        DIFFER_CASE(racing_first_runs_are_compared),
	        DIFFER_CASE(late_events_end_a_promotion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
