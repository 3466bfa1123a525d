// SPDX-License-Identifier: Apache-2.0
/* The whole differ, from messages to verdicts and stored events, on a real database: needs
 * FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_expect.h"

enum { RECORDED_EVENTS_1_0_0 = 1734, RECORDED_EVENTS_1_0_1 = 1742, RECORDED_VALUES_1_0_1 = 28 };

/* What 1.0.1 does and 1.0.0 did not. The existing runner does not say whose doing it was. */
static const char expected_deviations[] =
        "fs_new_path_read /etc/group info sh > npm > node > id\n"
        "fs_new_path_read /etc/passwd crit sh > npm > node > id\n"
        "fs_new_path_read /root/.ssh/id_rsa crit sh > npm > node\n"
        "fs_new_path_write /etc/evil warn sh > npm > node\n"
        "net_new_destination 192.0.2.10:31337 crit sh > npm > node";

static const char deviation_lines[] =
        "SELECT string_agg(concat_ws(' ', category, value, severity, process), E'\\n'"
        " ORDER BY category, value COLLATE \"C\") FROM deviations";

static void first_run_seeds_second_deviates(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id first = differ_fixture_run(f, "delta-demo", "1.0.0");
	struct run_id second = differ_fixture_run(f, "delta-demo", "1.0.1");
	differ_fixture_recorded(f, &first, "1.0.0", 1);
	differ_fixture_drain(f);
	differ_expect_run(f, &first, "done|judged|seeded|t|t|");
	differ_expect_number(f, "SELECT count(*) FROM deviations", 0);
	differ_expect_number(f, "SELECT count(*) FROM events", RECORDED_EVENTS_1_0_0);

	differ_fixture_recorded(f, &second, "1.0.1", 1);
	differ_fixture_drain(f);
	differ_expect_run(f, &second, "done|judged|deviates|t|f|");
	differ_expect_number(f, "SELECT count(*) FROM events",
	                     RECORDED_EVENTS_1_0_0 + RECORDED_EVENTS_1_0_1);
	differ_expect_number(f,
	                     "SELECT count(*) FROM run_fingerprints JOIN runs ON id = run_id"
	                     " WHERE version = '1.0.1'",
	                     RECORDED_VALUES_1_0_1);
	differ_expect_text(f, deviation_lines, expected_deviations);
	differ_expect_number(f,
	                     "SELECT count(*) FROM deviations d JOIN events e ON e.id ="
	                     " d.evidence_event_id WHERE e.run_id = d.run_id"
	                     " AND length(d.id) = 32 AND d.reason <> ''",
	                     5);
	differ_expect_text(f,
	                   "SELECT string_agg(value ->> 'type', ' ' ORDER BY id) FROM (SELECT id,"
	                   " convert_from(value, 'UTF8')::jsonb AS value FROM outbox) AS messages",
	                   "verdict deviation deviation deviation deviation deviation verdict");
}

static void quiet_runs_are_judged_and_may_go_on(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = differ_fixture_read("/a");
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(2);
	struct error err = {0};
	(void)db_fixture_number(f->db, "UPDATE runs SET lease_expires_at = NULL");
	differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "pending|running||f|f|");
	int64_t deadline_ms = clock_monotonic_ms() + 10000;
	while (db_fixture_number(f->db, "SELECT count(*) FROM runs WHERE phase = 'judged'") == 0) {
		assert_true(differ_turn(f->differ, 50, &err) >= 0);
		assert_true(clock_monotonic_ms() < deadline_ms);
	}
	differ_expect_run(f, &run_id, "done|judged|incomplete|f|f|no result came");

	differ_fixture_batch(f, &run_id, 1, 2, &a, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|seeded|t|t|");
}

static void cumulative_losses_are_told_apart(void **state)
{
	struct differ_fixture *f = *state;
	static const struct {
		uint64_t dropped;
		const char *expected;
	} cases[] = {
	        {0, "done|judged|seeded|t|t|"},
	        {5, "done|judged|incomplete|f|f|5 events were lost"},
	        {5, "done|judged|clean|t|t|"},
	        {7, "done|judged|incomplete|f|f|2 events were lost"},
	        {1, "done|judged|incomplete|f|f|1 events were lost"}, /* it restarted */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event a = differ_fixture_read("/a");
		struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
		struct run_result result = {.status = RUN_STATUS_OK,
		                            .events_emitted = 1,
		                            .events_dropped = cases[i].dropped,
		                            .duration_ns = 1};
		differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
		differ_fixture_result(f, &run_id, 1, &result);
		differ_fixture_drain(f);
		differ_expect_run(f, &run_id, cases[i].expected);
	}
}

static void runs_without_package_are_only_stored(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = differ_fixture_read("/a");
	struct run_id run_id = differ_fixture_run(f, "", "");
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|none|t|f|");
	differ_expect_number(f, "SELECT count(*) FROM events", 1);
	differ_expect_number(f, "SELECT count(*) FROM run_fingerprints", 0);
}

/* Values that an attacker chooses to break what comes after. */
static void hostile_values_are_stored(void **state)
{
	struct differ_fixture *f = *state;
	char *path = xmalloc(EVENT_TEXT_MAX);
	for (size_t i = 0; i < EVENT_TEXT_MAX; i++)
		path[i] = (char)(i * 2654435761U >> 13); /* no compression, all bytes */
	path[0] = '/';
	struct event events[] = {
	        differ_fixture_open("", O_WRONLY, ACTOR_PACKAGE),
	        differ_fixture_exec("/bin/\xff\xfe", ACTOR_PACKAGE),
	        differ_fixture_dns("evil\n', ''); DROP TABLE runs; --", ACTOR_PACKAGE),
	        differ_fixture_dns("nul", ACTOR_PACKAGE),
	};
	events[0].file.path = view_of(path, EVENT_TEXT_MAX);
	events[3].dns.name = VIEW_LITERAL("nu\0l.test");
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, events, 4);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_run(f, &run_id, "done|judged|seeded|t|t|");
	differ_expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 4);
	differ_expect_number(f, "SELECT count(*) FROM dead_letters", 0);
	differ_expect_number(f, "SELECT count(*) FROM events WHERE data ? 'Header'", 4);
	free(path);
}

/* More events than a chunk takes, of a run that began before there were chunks. */
static void both_views_show_the_same(void **state)
{
	struct differ_fixture *f = *state;
	enum { EVENTS = 150, OLD = 1 };
	struct event events[EVENTS];
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	for (size_t i = 0; i < EVENTS; i++)
		events[i] = i % 3 ? differ_fixture_read("/a\nb")
		                  : differ_fixture_dns("x", ACTOR_PACKAGE);
	(void)db_fixture_number(f->db, "INSERT INTO event_rows (run_id, ts_ns, type, data)"
	                               " SELECT id, 1, 'exec', '{\"Old\": 1}' FROM runs");
	differ_fixture_batch(f, &run_id, 1, 1, events, EVENTS);
	differ_fixture_drain(f);
	differ_expect_number(f, "SELECT count(*) FROM events", EVENTS + OLD);
	differ_expect_number(f, "SELECT count(*) FROM (TABLE events EXCEPT TABLE run_events) x", 0);
	differ_expect_number(f, "SELECT count(*) FROM (TABLE run_events EXCEPT TABLE events) x", 0);
	differ_expect_number(f, "SELECT count(*) FROM event_chunks", 3);
	differ_expect_number(f,
	                     "SELECT count(*) FROM run_events r, LATERAL (SELECT * FROM events e"
	                     " WHERE e.id = r.id OFFSET 0) e WHERE e = r",
	                     EVENTS + OLD);
	differ_expect_number(f,
	                     "SELECT count(*) FROM events WHERE type = 'file_access'"
	                     " AND data ->> 'PathName' = E'/a\\nb'",
	                     EVENTS - EVENTS / 3);
	(void)db_fixture_number(f->db, "DELETE FROM runs");
	differ_expect_number(f, "SELECT count(*) FROM event_ids", 0);
	differ_expect_number(f, "SELECT count(*) FROM events", 0);
}

static void old_events_go_and_evidence_stays(void **state)
{
	struct differ_fixture *f = *state;
	struct event known = differ_fixture_read("/known"), fresh = differ_fixture_read("/new");
	struct run_result ok = differ_fixture_ok(1);
	struct run_id first = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_id second = differ_fixture_run(f, "left-pad", "1.0.1");
	differ_fixture_batch(f, &first, 1, 1, &known, 1);
	differ_fixture_result(f, &first, 1, &ok);
	differ_fixture_drain(f);
	differ_fixture_batch(f, &second, 1, 1, &fresh, 1);
	differ_fixture_batch(f, &second, 1, 2, &known, 1);
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db,
	                        "INSERT INTO event_rows (id, run_id, ts_ns, type, data)"
	                        " SELECT row_number() OVER (), id, 1, 'exec', '{}' FROM runs");
	(void)db_fixture_number(f->db, "UPDATE event_chunks SET ts_ns = 1");
	f->config.retention_ms = INT64_C(3600) * MS_PER_S;
	f->differ->prune.begins_ms = 0;
	struct error err = {0};
	assert_int_equal(differ_prune(f->differ, &err), 0);
	differ_expect_number(f, "SELECT count(*) FROM deviations", 1);
	differ_expect_number(f, "SELECT count(*) FROM event_chunks", 1);
	differ_expect_number(f,
	                     "SELECT count(*) FROM events e JOIN deviations d"
	                     " ON d.evidence_event_id = e.id",
	                     1);
	differ_expect_number(f, "SELECT count(*) FROM event_ids", 1);
	differ_expect_number(f, "SELECT count(*) FROM event_rows", 0);
	(void)db_fixture_number(f->db, "DELETE FROM event_chunks");
	differ_expect_number(f, "SELECT count(*) FROM deviations", 1);
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        DIFFER_CASE(first_run_seeds_second_deviates),
	        DIFFER_CASE(quiet_runs_are_judged_and_may_go_on),
	        DIFFER_CASE(cumulative_losses_are_told_apart),
	        DIFFER_CASE(runs_without_package_are_only_stored),
	        DIFFER_CASE(hostile_values_are_stored),
	        DIFFER_CASE(both_views_show_the_same),
	        DIFFER_CASE(old_events_go_and_evidence_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
