// SPDX-License-Identifier: Apache-2.0
/* The whole differ on a real database: needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_fixture.h"

enum { RECORDED_EVENTS_1_0_0 = 1734, RECORDED_EVENTS_1_0_1 = 1742, RECORDED_VALUES_1_0_1 = 28 };

static int set_up(void **state)
{
	struct differ_fixture *f = differ_fixture_create();
	differ_fixture_start(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	differ_fixture_destroy(*state);
	return 0;
}

static void expect_text(struct differ_fixture *f, const char *sql, const char *expected)
{
	AUTO(free) char *text = differ_fixture_text(f, sql);
	assert_string_equal(text, expected);
}

static void expect_number(struct differ_fixture *f, const char *sql, int64_t expected)
{
	assert_int_equal(db_fixture_number(f->db, sql), expected);
}

/* "state|phase|verdict|complete|is_baseline|reason" of the run. */
static void expect_run(struct differ_fixture *f, const struct run_id *run_id, const char *expected)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(run_id, id);
	AUTO(free)
	char *sql = xasprintf("SELECT concat_ws('|', state, phase, verdict, complete, is_baseline, "
	                      "incomplete_reason) FROM runs WHERE id = '%s'",
	                      id);
	expect_text(f, sql, expected);
}

/* One batch of one event and a good end. */
static struct run_id short_run(struct differ_fixture *f, const char *version, struct event event)
{
	struct run_id run_id = differ_fixture_run(f, "left-pad", version);
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, &event, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	return run_id;
}

static struct event package_read(const char *path)
{
	return differ_fixture_open(path, O_RDONLY, ACTOR_PACKAGE);
}

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
	expect_run(f, &first, "done|judged|seeded|t|t|");
	expect_number(f, "SELECT count(*) FROM deviations", 0);
	expect_number(f, "SELECT count(*) FROM events", RECORDED_EVENTS_1_0_0);

	differ_fixture_recorded(f, &second, "1.0.1", 1);
	differ_fixture_drain(f);
	expect_run(f, &second, "done|judged|deviates|t|f|");
	expect_number(f, "SELECT count(*) FROM events",
	              RECORDED_EVENTS_1_0_0 + RECORDED_EVENTS_1_0_1);
	expect_number(f,
	              "SELECT count(*) FROM run_fingerprints JOIN runs ON id = run_id"
	              " WHERE version = '1.0.1'",
	              RECORDED_VALUES_1_0_1);
	expect_text(f, deviation_lines, expected_deviations);
	expect_number(f,
	              "SELECT count(*) FROM deviations d JOIN events e ON e.id ="
	              " d.evidence_event_id WHERE e.run_id = d.run_id"
	              " AND length(d.id) = 32 AND d.reason <> ''",
	              5);
	expect_text(f,
	            "SELECT string_agg(value ->> 'type', ' ' ORDER BY id) FROM (SELECT id,"
	            " convert_from(value, 'UTF8')::jsonb AS value FROM outbox) AS messages",
	            "verdict deviation deviation deviation deviation deviation verdict");
}

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
	expect_number(f, "SELECT count(*) FROM deviations", 5);
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
	expect_number(f, "SELECT count(*) FROM dead_letters", 0);
	expect_number(f, "SELECT count(*) FROM events", 1);
}

static void another_owner_wins(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run_id = short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|seeded|t|t|");

	/* Somebody else consumed all that is there; this one does not know it. */
	struct run_id other = short_run(f, "1.0.1", package_read("/b"));
	struct error err = {0};
	(void)db_fixture_number(f->db, "INSERT INTO consumer_offsets SELECT 'fangs-differ', topic,"
	                               " partition, next_offset FROM bus_partitions"
	                               " WHERE topic = 'events' ON CONFLICT (consumer_group, topic,"
	                               " partition) DO UPDATE SET next_offset ="
	                               " excluded.next_offset");
	for (int turn = 0; turn < 3; turn++)
		assert_true(differ_turn(f->differ, 20, &err) >= 0);
	expect_run(f, &other, "pending|running||f|f|");
	expect_number(f, "SELECT count(*) FROM events", 1);
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
	struct event event = package_read("/a");
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
	expect_number(f, "SELECT count(*) FROM events", (int64_t)RUNS * BATCHES);
	expect_number(f, "SELECT count(*) FROM runs WHERE verdict = 'seeded'", 1);
	expect_number(f, "SELECT count(*) FROM runs WHERE verdict = 'clean'", RUNS - 1);
	expect_text(f,
	            "SELECT string_agg(value || ' ' || occurrence_count, ' ')"
	            " FROM baseline_fingerprints",
	            "/a 16"); /* 5 events of the first, then 1 for each run */
}

static void attempts_are_fenced(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct event early = package_read("/early"), late = package_read("/late"),
	             again = package_read("/again");
	struct run_result ok = differ_fixture_ok(1), failed = {.status = RUN_STATUS_FAILED};
	differ_fixture_batch(f, &run_id, 1, 1, &early, 1);
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db, "UPDATE runs SET attempt = 2");
	differ_fixture_batch(f, &run_id, 1, 2, &late, 1);
	differ_fixture_result(f, &run_id, 1, &failed);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "pending|running||f|f|");

	differ_fixture_batch(f, &run_id, 2, 1, &again, 1);
	differ_fixture_result(f, &run_id, 2, &ok);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|seeded|t|t|");
	expect_text(f, "SELECT string_agg(value, ' ' ORDER BY value) FROM baseline_fingerprints",
	            "/again /early"); /* rows of an earlier attempt stay */
	expect_number(f, "SELECT count(*) FROM dead_letters", 0);
}

static void bad_messages_block_nobody(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id unknown = run_id_new();
	struct event event = package_read("/a"), poison = package_read("/poison");
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
	expect_number(f, "SELECT count(*) FROM dead_letters WHERE reason <> ''", 6);
	/* what it said is missing, so nothing is built on it */
	expect_run(f, &good, "done|judged|incomplete|f|f|batch 2 of 2 is missing");
}

static void incomplete_runs_build_nothing(void **state)
{
	struct differ_fixture *f = *state;
	struct event event = package_read("/a");
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
	expect_run(f, &runs[0],
	           "failed|judged|incomplete|f|f|failed: npm\xE2\x90\x80"
	           "died");
	expect_run(f, &runs[1], "done|judged|incomplete|f|f|4 events were lost");
	expect_run(f, &runs[2], "done|judged|incomplete|f|f|batch 2 of 3 is missing");
	expect_number(f, "SELECT count(*) FROM baselines", 0);
	expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 0);
}

static void an_unknown_actor_matches_all(void **state)
{
	struct differ_fixture *f = *state;
	static const char npmrc[] = "/root/.npmrc";
	struct event by_manager = differ_fixture_open(npmrc, O_RDONLY, ACTOR_MANAGER);
	struct event by_unknown = differ_fixture_open(npmrc, O_RDONLY, ACTOR_UNKNOWN);
	struct run_id first = short_run(f, "1.0.0", by_manager);
	differ_fixture_drain(f);
	struct run_id same = short_run(f, "1.0.1", by_manager);
	struct run_id unknown = short_run(f, "1.0.2", by_unknown);
	differ_fixture_drain(f);
	expect_run(f, &first, "done|judged|seeded|t|t|");
	expect_run(f, &same, "done|judged|clean|t|t|");
	expect_run(f, &unknown, "done|judged|clean|t|t|");
}

static void package_code_is_told_from_the_manager(void **state)
{
	struct differ_fixture *f = *state;
	struct event by_manager = differ_fixture_open("/root/.npmrc", O_RDONLY, ACTOR_MANAGER);
	struct event by_package = package_read("/root/.npmrc");
	by_package.process.tags = EVENT_TAG_CRED | EVENT_TAG_INTERESTING;
	(void)short_run(f, "1.0.0", by_manager);
	differ_fixture_drain(f);
	struct run_id thief = short_run(f, "1.0.1", by_package);
	differ_fixture_drain(f);
	expect_run(f, &thief, "done|judged|deviates|t|f|");
	expect_text(f, "SELECT concat_ws(' ', severity, actor, reason) FROM deviations",
	            "crit package code of a package read '/root/.npmrc', a credential, which no "
	            "accepted run of left-pad has done before");

	/* The existing CLI accepts the value: it cannot say for whom. */
	(void)db_fixture_number(f->db, "UPDATE baseline_fingerprints SET last_seen_run_id = 'x'");
	struct run_id accepted = short_run(f, "1.0.2", by_package);
	differ_fixture_drain(f);
	expect_run(f, &accepted, "done|judged|clean|t|t|");
}

static struct event connect_to(const char *name, uint8_t last, uint16_t port, enum actor actor)
{
	struct event event = differ_fixture_exec("", actor);
	event.type = EVENT_CONNECT;
	event.wire_type = EVENT_CONNECT;
	event.process.start_ns = 1; /* our sensor: it would say the name */
	event.connect =
	        (struct event_connect){.family = 2, .port = port, .name = view_of_string(name)};
	memcpy(event.connect.address, (uint8_t[]){192, 0, 2, last}, 4);
	return event;
}

static void give(struct differ_fixture *f, const struct run_id *run, uint64_t seq,
                 struct event event)
{
	differ_fixture_batch(f, run, 1, seq, &event, 1);
	differ_fixture_drain(f);
}

static const char severities[] =
        "SELECT string_agg(concat_ws(' ', value, severity), E'\n' ORDER BY value COLLATE \"C\")"
        " FROM deviations";

static void a_credential_makes_earlier_connections_worse(void **state)
{
	struct differ_fixture *f = *state;
	struct event npmrc = package_read("/root/.npmrc");
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	give(f, &run, 1, connect_to("c2.test", 9, 443, ACTOR_PACKAGE));
	expect_text(f, severities, "c2.test:443 warn");
	give(f, &run, 2, npmrc);
	expect_text(f, severities, "/root/.npmrc crit\nc2.test:443 crit");
	give(f, &run, 3, npmrc); /* again: nothing more to say */
	differ_fixture_stop(f);
	differ_fixture_start(f);
	give(f, &run, 4, connect_to("c3.test", 9, 443, ACTOR_PACKAGE)); /* remembered */
	expect_text(f, severities, "/root/.npmrc crit\nc2.test:443 crit\nc3.test:443 crit");
	expect_text(f, "SELECT reason FROM deviations WHERE value = 'c2.test:443'",
	            "code of a package connected to 'c2.test:443', which no accepted run of "
	            "left-pad has done before, and its tree of processes has read a credential");
	expect_text(f,
	            "SELECT string_agg(value ->> 'severity', ' ' ORDER BY id) FROM (SELECT id,"
	            " convert_from(value, 'UTF8')::jsonb AS value FROM outbox) AS messages"
	            " WHERE value ->> 'type' = 'deviation'",
	            "warn crit crit crit");
}

static void what_was_dropped_and_executed_is_crit(void **state)
{
	struct differ_fixture *f = *state;
	(void)short_run(f, "1.0.0", differ_fixture_exec("/bin/true", ACTOR_PACKAGE));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct event python = differ_fixture_exec("/usr/bin/python3", ACTOR_PACKAGE);
	python.exec.argc = 2;
	python.exec.argv[0] = VIEW_LITERAL("python3");
	python.exec.argv[1] = VIEW_LITERAL("/tmp/ld.py");
	give(f, &run, 1, differ_fixture_exec("/tmp/x-12345", ACTOR_PACKAGE));
	give(f, &run, 2, differ_fixture_open("/tmp/x-12346", O_WRONLY, ACTOR_PACKAGE));
	expect_text(f, severities, "/tmp/x-12345 warn\n/tmp/x-12346 info");
	give(f, &run, 3, differ_fixture_exec("/tmp/x-12346", ACTOR_PACKAGE));
	give(f, &run, 4, differ_fixture_open("/tmp/ld.py", O_WRONLY, ACTOR_PACKAGE));
	give(f, &run, 5, python);
	expect_text(f, severities,
	            "/tmp/ld.py crit\n/tmp/x-12345 warn\n/tmp/x-12346 crit\n/tmp/x-12346 crit\n"
	            "/usr/bin/python3 crit");
	expect_text(f, "SELECT command FROM deviations WHERE value = '/usr/bin/python3'",
	            "python3 /tmp/ld.py");
}

static void the_first_code_is_crit(void **state)
{
	struct differ_fixture *f = *state;
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	give(f, &run, 1, differ_fixture_exec("/bin/npm", ACTOR_MANAGER));
	give(f, &run, 2, differ_fixture_exec("/bin/sh", ACTOR_PACKAGE));
	give(f, &run, 3, differ_fixture_exec("/bin/node", ACTOR_PACKAGE));
	expect_text(f, severities, "/bin/node crit\n/bin/npm warn\n/bin/sh crit");
	expect_number(f,
	              "SELECT count(*) FROM deviations WHERE reason LIKE"
	              " '%, the first code that this installation has run,%'",
	              2);
}

/* An existing runner whose lease ended: another one goes on, on another host. */
static void another_attempt_has_processes_of_its_own(void **state)
{
	struct differ_fixture *f = *state;
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct event npm = differ_fixture_exec("/usr/bin/node", ACTOR_UNKNOWN);
	npm.exec.argc = 2;
	npm.exec.argv[0] = VIEW_LITERAL("node");
	npm.exec.argv[1] = VIEW_LITERAL("/usr/bin/npm");
	npm.process.pid = 20;
	npm.process.ppid = 10;
	give(f, &run, 1, npm);
	(void)db_fixture_number(f->db, "UPDATE runs SET attempt = 2");
	npm.process.pid = 40;
	npm.process.ppid = 30;
	npm.exec.argv[1] = VIEW_LITERAL("/usr/bin/npx");
	differ_fixture_batch(f, &run, 2, 1, &npm, 1);
	differ_fixture_drain(f);
	expect_text(f, "SELECT string_agg(concat_ws(' ', value, actor), ';') FROM deviations",
	            "/usr/bin/node manager");
}

static void the_registry_is_npms_own(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id first = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(2);
	give(f, &first, 1, connect_to("registry.test", 1, 443, ACTOR_MANAGER));
	give(f, &first, 2, package_read("/a"));
	differ_fixture_result(f, &first, 1, &ok);
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	give(f, &run, 1, connect_to("registry.test", 7, 443, ACTOR_MANAGER));
	give(f, &run, 2, connect_to("registry.test", 8, 443, ACTOR_PACKAGE));
	expect_text(f,
	            "SELECT string_agg(concat_ws(' ', value, actor, severity), ';')"
	            " FROM deviations",
	            "registry.test:443 package crit");
}

static struct event to_content_network(const char *sni)
{
	struct event event = connect_to("", 1, 443, ACTOR_PACKAGE);
	memcpy(event.connect.address, (uint8_t[]){104, 16, 0, 1}, 4);
	if (!sni)
		return event;
	struct event tls = differ_fixture_exec("", ACTOR_PACKAGE);
	tls.type = EVENT_TLS;
	tls.wire_type = EVENT_TLS;
	tls.tls = (struct event_tls){.sni = view_of_string(sni), .family = 2, .port = 443};
	memcpy(tls.tls.address, (uint8_t[]){104, 16, 0, 1}, 4);
	return tls;
}

static void content_networks_need_a_name(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(2);
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	struct run_id named = differ_fixture_run(f, "left-pad", "1.0.1");
	give(f, &named, 1, to_content_network(NULL));
	differ_fixture_stop(f);
	differ_fixture_start(f);
	give(f, &named, 2, to_content_network("cdn.test"));
	differ_fixture_result(f, &named, 1, &ok);
	differ_fixture_drain(f);
	expect_text(f, severities, "cdn.test warn");

	struct run_id nameless = differ_fixture_run(f, "left-pad", "1.0.2");
	give(f, &nameless, 1, to_content_network(NULL));
	expect_text(f, severities, "cdn.test warn");
	ok = differ_fixture_ok(1);
	differ_fixture_result(f, &nameless, 1, &ok);
	differ_fixture_drain(f);
	expect_text(f, severities, "104.16.0.1:443 crit\ncdn.test warn");
	expect_run(f, &nameless, "done|judged|deviates|t|f|");
}

/* A baseline that the existing CLI wrote, in its terms. */
static void promoted_by_the_existing_cli(void **state)
{
	struct differ_fixture *f = *state;
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	(void)db_fixture_number(
	        f->db, "INSERT INTO baseline_fingerprints SELECT 'left-pad', category, value, 'x',"
	               " 'x', 1 FROM (VALUES ('net_new_destination', '192.0.2.9:443'),"
	               " ('fs_new_path_write', '/tmp/t/node_modules/b/package.json'),"
	               " ('fs_new_path_write', '/tmp/<RAND>')) AS v (category, value)");
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct run_result ok = differ_fixture_ok(3);
	give(f, &run, 1, connect_to("c2.test", 9, 443, ACTOR_PACKAGE));
	give(f, &run, 2,
	     differ_fixture_open("/tmp/t/node_modules/b/new.js", O_WRONLY, ACTOR_MANAGER));
	give(f, &run, 3, differ_fixture_open("/tmp/x-12345", O_WRONLY, ACTOR_PACKAGE));
	differ_fixture_result(f, &run, 1, &ok);
	differ_fixture_drain(f);
	expect_text(f, severities, "");
	expect_run(f, &run, "done|judged|clean|t|t|");
}

static void direct_writes_count_at_once(void **state)
{
	struct differ_fixture *f = *state;
	(void)short_run(f, "1.0.0", package_read("/a"));
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db, "INSERT INTO baseline_fingerprints VALUES"
	                               " ('left-pad', 'fs_new_path_read', '/b', 'x', 'x', 1)");
	(void)db_fixture_number(f->db, "INSERT INTO allowlists VALUES ('1', 'package', 'left-pad',"
	                               " 'path', '/c/', '', now()),"
	                               " ('2', 'global', NULL, 'cidr', 'broken', '', now())");
	struct run_id promoted = short_run(f, "1.0.1", package_read("/b"));
	struct run_id allowed = short_run(f, "1.0.2", package_read("/c/x"));
	struct run_id neither = short_run(f, "1.0.3", package_read("/d"));
	differ_fixture_drain(f);
	expect_run(f, &promoted, "done|judged|clean|t|t|");
	expect_run(f, &allowed, "done|judged|clean|t|t|");
	expect_run(f, &neither, "done|judged|deviates|t|f|");
}

static void racing_first_runs_are_compared(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = package_read("/a"), b = package_read("/b");
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
	expect_run(f, &first, "done|judged|seeded|t|t|");
	expect_run(f, &second, "done|judged|deviates|t|f|");
	expect_text(f, "SELECT value || ' ' || process FROM deviations", "/b node");
}

static void late_events_end_a_promotion(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = package_read("/a"), b = package_read("/b");
	struct run_id run_id = short_run(f, "1.0.0", a);
	differ_fixture_drain(f);
	differ_fixture_batch(f, &run_id, 1, 2, &a, 1);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|seeded|t|t|");
	differ_fixture_batch(f, &run_id, 1, 3, &b, 1);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|deviates|t|f|");
	expect_number(f,
	              "SELECT count(*) FROM outbox WHERE convert_from(value, 'UTF8')::jsonb"
	              " ->> 'verdict' = 'deviates'",
	              1);
}

static void quiet_runs_are_judged_and_may_go_on(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = package_read("/a");
	struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(2);
	struct error err = {0};
	(void)db_fixture_number(f->db, "UPDATE runs SET lease_expires_at = NULL");
	differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "pending|running||f|f|");
	int64_t deadline_ms = clock_monotonic_ms() + 10000;
	while (db_fixture_number(f->db, "SELECT count(*) FROM runs WHERE phase = 'judged'") == 0) {
		assert_true(differ_turn(f->differ, 50, &err) >= 0);
		assert_true(clock_monotonic_ms() < deadline_ms);
	}
	expect_run(f, &run_id, "done|judged|incomplete|f|f|no result came");

	differ_fixture_batch(f, &run_id, 1, 2, &a, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|seeded|t|t|");
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
		struct event a = package_read("/a");
		struct run_id run_id = differ_fixture_run(f, "left-pad", "1.0.0");
		struct run_result result = {.status = RUN_STATUS_OK,
		                            .events_emitted = 1,
		                            .events_dropped = cases[i].dropped,
		                            .duration_ns = 1};
		differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
		differ_fixture_result(f, &run_id, 1, &result);
		differ_fixture_drain(f);
		expect_run(f, &run_id, cases[i].expected);
	}
}

static void runs_without_package_are_only_stored(void **state)
{
	struct differ_fixture *f = *state;
	struct event a = package_read("/a");
	struct run_id run_id = differ_fixture_run(f, "", "");
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, &a, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	differ_fixture_drain(f);
	expect_run(f, &run_id, "done|judged|none|t|f|");
	expect_number(f, "SELECT count(*) FROM events", 1);
	expect_number(f, "SELECT count(*) FROM run_fingerprints", 0);
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
	expect_run(f, &run_id, "done|judged|seeded|t|t|");
	expect_number(f, "SELECT count(*) FROM baseline_fingerprints", 4);
	expect_number(f, "SELECT count(*) FROM dead_letters", 0);
	expect_number(f, "SELECT count(*) FROM events WHERE data ? 'Header'", 4);
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
		events[i] = i % 3 ? package_read("/a\nb") : differ_fixture_dns("x", ACTOR_PACKAGE);
	(void)db_fixture_number(f->db, "INSERT INTO event_rows (run_id, ts_ns, type, data)"
	                               " SELECT id, 1, 'exec', '{\"Old\": 1}' FROM runs");
	differ_fixture_batch(f, &run_id, 1, 1, events, EVENTS);
	differ_fixture_drain(f);
	expect_number(f, "SELECT count(*) FROM events", EVENTS + OLD);
	expect_number(f, "SELECT count(*) FROM (TABLE events EXCEPT TABLE run_events) x", 0);
	expect_number(f, "SELECT count(*) FROM (TABLE run_events EXCEPT TABLE events) x", 0);
	expect_number(f, "SELECT count(*) FROM event_chunks", 3);
	expect_number(f,
	              "SELECT count(*) FROM run_events r, LATERAL (SELECT * FROM events e"
	              " WHERE e.id = r.id OFFSET 0) e WHERE e = r",
	              EVENTS + OLD);
	expect_number(f,
	              "SELECT count(*) FROM events WHERE type = 'file_access'"
	              " AND data ->> 'PathName' = E'/a\\nb'",
	              EVENTS - EVENTS / 3);
	(void)db_fixture_number(f->db, "DELETE FROM runs");
	expect_number(f, "SELECT count(*) FROM event_ids", 0);
	expect_number(f, "SELECT count(*) FROM events", 0);
}

static void old_events_go_and_evidence_stays(void **state)
{
	struct differ_fixture *f = *state;
	struct event known = package_read("/known"), fresh = package_read("/new");
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
	expect_number(f, "SELECT count(*) FROM deviations", 1);
	expect_number(f, "SELECT count(*) FROM event_chunks", 1);
	expect_number(f,
	              "SELECT count(*) FROM events e JOIN deviations d"
	              " ON d.evidence_event_id = e.id",
	              1);
	expect_number(f, "SELECT count(*) FROM event_ids", 1);
	expect_number(f, "SELECT count(*) FROM event_rows", 0);
	(void)db_fixture_number(f->db, "DELETE FROM event_chunks");
	expect_number(f, "SELECT count(*) FROM deviations", 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        CASE(first_run_seeds_second_deviates),
	        CASE(replayed_messages_change_nothing),
	        cmocka_unit_test(crashes_leave_no_trace),
	        CASE(ids_of_a_lost_transaction_are_others),
	        CASE(another_owner_wins),
	        CASE(replicas_share_the_work),
	        CASE(attempts_are_fenced),
	        CASE(bad_messages_block_nobody),
	        CASE(incomplete_runs_build_nothing),
	        CASE(an_unknown_actor_matches_all),
	        CASE(a_credential_makes_earlier_connections_worse),
	        CASE(what_was_dropped_and_executed_is_crit),
	        CASE(the_first_code_is_crit),
	        CASE(another_attempt_has_processes_of_its_own),
	        CASE(the_registry_is_npms_own),
	        CASE(content_networks_need_a_name),
	        CASE(promoted_by_the_existing_cli),
	        CASE(package_code_is_told_from_the_manager),
	        CASE(direct_writes_count_at_once),
	        CASE(racing_first_runs_are_compared),
	        CASE(late_events_end_a_promotion),
	        CASE(quiet_runs_are_judged_and_may_go_on),
	        CASE(cumulative_losses_are_told_apart),
	        CASE(runs_without_package_are_only_stored),
	        CASE(hostile_values_are_stored),
	        CASE(both_views_show_the_same),
	        CASE(old_events_go_and_evidence_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
