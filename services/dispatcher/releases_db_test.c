// SPDX-License-Identifier: Apache-2.0
/* Runs that are made for releases, controls and baselines, against a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "again.h"
#include "base/alloc.h"
#include "dispatch_fixture.h"
#include "model/messages.h"
#include "releases.h"

enum { TEXT_MAX = 1 << 16 };

static enum handled handle_release(struct db_fixture *f, const char *json)
{
	struct dispatcher_metrics m = dispatcher_metrics_create();
	struct releases releases = {&dispatch_config, &m};
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
	assert_int_equal(
	        DISPATCH_NUMBER(f,
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
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs"), 1);
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
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs"), 0);
}

static int make_again(struct db_fixture *f)
{
	struct dispatcher_metrics m = dispatcher_metrics_create();
	struct error err = {0};
	int queued = queue_runs_again(f->db, &dispatch_config, &m, &err);
	assert_true(queued >= 0);
	return queued;
}

static void a_control_that_is_asked_for_is_made_once(void **state)
{
	struct db_fixture *f = *state;
	DISPATCH_NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	                   "('held', 'left-pad', '1.0.1', 'done'), ('late', 'left-pad', '1.0.2', "
	                   "'done');"
	                   "INSERT INTO controls (run_id, version, until) VALUES "
	                   "('held', '1.0.0', now() + interval '1 hour'),"
	                   "('late', '1.0.0', now() - interval '1 hour')");
	assert_int_equal(make_again(f), 1);
	assert_int_equal(make_again(f), 0);
	assert_int_equal(DISPATCH_NUMBER(f,
	                                 "SELECT count(*) FROM runs r JOIN controls c ON "
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
	DISPATCH_NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	                   "('held', 'left-pad', '1.0.1', 'done');"
	                   "INSERT INTO controls (run_id, version, until) VALUES "
	                   "('held', '1.0.0; rm', now() + interval '1 hour')");
	assert_int_equal(make_again(f), 0);
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM controls WHERE until <= now()"),
	                 1);
}

static void a_baseline_gets_its_seeds_one_by_one(void **state)
{
	struct db_fixture *f = *state;
	DISPATCH_NUMBER(f, "INSERT INTO runs (id, package_name, version, state) VALUES "
	                   "('first', 'left-pad', '1.0.0', 'done');"
	                   "INSERT INTO baselines (package_name, state, seeded_by, seeds, "
	                   "seeds_asked) VALUES "
	                   "('left-pad', 'seeding', 'first', 1, 2), ('other', 'trusted', 'first', "
	                   "1, 1)");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(make_again(f), 1);
		assert_int_equal(make_again(f), 0);
		DISPATCH_NUMBER(f, "UPDATE runs SET phase = 'judged' WHERE trigger = 'seed'");
	}
	assert_int_equal(make_again(f), 0); /* three times as many as asked for */
	assert_int_equal(DISPATCH_NUMBER(f, "SELECT count(*) FROM runs WHERE trigger = 'seed' "
	                                    "AND version = '1.0.0' AND package_name = 'left-pad'"),
	                 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_set_up, dispatch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_release_becomes_one_run),
	        TEST(a_poisoned_release_is_a_dead_letter),
	        TEST(a_control_that_is_asked_for_is_made_once),
	        TEST(a_control_that_cannot_be_made_is_waited_for_no_longer),
	        TEST(a_baseline_gets_its_seeds_one_by_one),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
