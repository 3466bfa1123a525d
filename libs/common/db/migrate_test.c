// SPDX-License-Identifier: Apache-2.0
/* Needs PostgreSQL: FANGS_TEST_DB_URL. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/db_fixture.h"
#include "db/migrate.h"
#include "db/migrations.h"

static void names_are_in_order(void **state)
{
	(void)state;
	static const char *const first[] = {"0001_init", "0002_notifiers", "0003_run_result",
	                                    "0004_allowlists", "fangs_0001_pipeline"};
	assert_true(migration_count >= 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(migrations[i].name, first[i]);
	for (size_t i = 1; i < migration_count; i++)
		assert_true(strcmp(migrations[i - 1].name, migrations[i].name) < 0);
	assert_non_null(strstr(migrations[0].sql, "CREATE TABLE packages"));
}

static void everything_is_recorded_once(void **state)
{
	(void)state;
	struct error err = {0};
	struct db_fixture *fixture = db_fixture_create(true);
	assert_int_equal(migrate(fixture->db, &err), 0);
	assert_int_equal(db_fixture_number(
	                         fixture, "SELECT count(*) FROM schema_migrations WHERE version IN "
	                                  "('0001_init', '0002_notifiers', '0003_run_result', "
	                                  "'0004_allowlists')"),
	                 4);
	assert_int_equal(db_fixture_number(fixture,
	                                   "SELECT (SELECT count(*) FROM schema_migrations)"
	                                   " + (SELECT count(*) FROM fangs_migrations)"),
	                 (int64_t)migration_count);
	assert_int_equal(db_fixture_number(fixture,
	                                   "SELECT fangs_ns('2026-11-22 20:18:54.819653+00') % "
	                                   "1000000000"),
	                 819653000);
	db_fixture_destroy(fixture);
}

static void existing_database_is_upgraded_in_place(void **state)
{
	(void)state;
	struct error err = {0};
	struct db_fixture *fixture = db_fixture_create(false);
	struct db_conn *conn = db_acquire(fixture->db, &err);
	for (int i = 0; i < 4; i++)
		assert_int_equal(db_script(conn, migrations[i].sql, &err), 0);
	assert_int_equal(
	        db_script(
	                conn,
	                "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT "
	                "NOT NULL DEFAULT CURRENT_TIMESTAMP);"
	                "INSERT INTO schema_migrations (version) VALUES ('0001_init'), "
	                "('0002_notifiers'), ('0003_run_result'), ('0004_allowlists'), "
	                "('0005_new');"
	                "INSERT INTO runs (id, state) VALUES ('old', 'done')",
	                &err),
	        0);
	db_release(conn);
	assert_int_equal(migrate(fixture->db, &err), 0);
	assert_int_equal(
	        db_fixture_number(fixture, "SELECT count(*) FROM runs WHERE phase = 'judged'"), 1);
	db_fixture_destroy(fixture);
}

static void newer_schema_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	struct db_fixture *fixture = db_fixture_create(true);
	(void)db_fixture_number(
	        fixture, "INSERT INTO fangs_migrations (version) VALUES ('fangs_9999_future')");
	assert_int_equal(migrate(fixture->db, &err), -EPROTO);
	assert_int_equal(err.class, ERROR_FATAL);
	assert_non_null(strstr(err.text, "fangs_9999_future"));
	db_fixture_destroy(fixture);
}

static void *migrate_in_thread(void *arg)
{
	struct db_fixture *fixture = arg;
	struct error err = {0};
	return migrate(fixture->db, &err) ? fixture : NULL;
}

static void many_at_once_take_turns(void **state)
{
	(void)state;
	enum { THREADS = 6 };
	pthread_t threads[THREADS];
	struct db_fixture *fixture = db_fixture_create(false);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate_in_thread, fixture), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;
		(void)pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	db_fixture_destroy(fixture);
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_in_order),
	        cmocka_unit_test(everything_is_recorded_once),
	        cmocka_unit_test(existing_database_is_upgraded_in_place),
	        cmocka_unit_test(newer_schema_is_refused),
	        cmocka_unit_test(many_at_once_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
