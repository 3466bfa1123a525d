// SPDX-License-Identifier: Apache-2.0
/* Needs PostgreSQL: FANGS_TEST_DB_URL. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/db_fixture.h"
#include "db/presence.h"

static struct db_fixture *fixture;

static const struct db_statement insert_item = {
        "test_insert", "INSERT INTO items (id, name, body) VALUES ($1, $2, $3)"};
static const struct db_statement read_item = {
        "test_read", "SELECT name, body IS NULL, length(body) FROM items WHERE id = $1"};
static const struct db_statement increment = {"test_increment",
                                              "UPDATE items SET n = n + 1 WHERE id = $1"};
static const struct db_statement read_n = {"test_read_n", "SELECT n FROM items WHERE id = $1"};
static const struct db_statement child = {"test_child", "INSERT INTO children VALUES ($1)"};
static const struct db_statement bad_number = {"test_bad", "SELECT $1::text::int"};
static const struct db_statement kill_me = {"test_kill",
                                            "SELECT pg_terminate_backend(pg_backend_pid())"};
static const struct db_statement kill_listeners = {
        "test_kill_listeners", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                               " WHERE query LIKE 'LISTEN%' AND datname = current_database()"};
static const struct db_statement notify = {"test_notify", "SELECT pg_notify('test', $1)"};
static const struct db_statement arrays = {
        "test_arrays", "SELECT count(*), count(b), sum(length(b)), sum(i), sum(s), min(t)"
                       " FROM unnest($1::bytea[], $2::bigint[], $3::int[], $4::text[])"
                       " AS x(b, i, s, t)"};

static int setup(void **state)
{
	(void)state;
	fixture = db_fixture_create(true);
	(void)db_fixture_number(fixture, "CREATE TABLE items (id int PRIMARY KEY, name text NOT "
	                                 "NULL, body bytea, n int NOT NULL DEFAULT 0);"
	                                 "CREATE TABLE children (id int REFERENCES items)");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_fixture_destroy(fixture);
	return 0;
}

static int insert(struct db_conn *conn, int64_t id, struct error *err)
{
	const struct db_param params[] = {DB_INT(id), DB_TEXT("it's \"quoted\""),
	                                  DB_BYTES("\0\1\2", 3)};
	return db_exec(conn, &insert_item, params, 3, err) == 1 ? 0 : -1;
}

static void parameters_and_cells(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_non_null(conn);
	assert_int_equal(insert(conn, 1, &err), 0);
	AUTO(pgresult) PGresult *result = db_query(conn, &read_item, &DB_INT(1), 1, &err);
	assert_non_null(result);
	assert_string_equal(db_cell(result, 0, 0), "it's \"quoted\"");
	assert_false(db_cell_bool(result, 0, 1));
	assert_int_equal(db_cell_int(result, 0, 2), 3);
	const struct db_param nulls[] = {DB_INT(2), DB_TEXT(""), DB_NULL};
	assert_int_equal(db_exec(conn, &insert_item, nulls, 3, &err), 1);
	AUTO(pgresult) PGresult *second = db_query(conn, &read_item, &DB_INT(2), 1, &err);
	assert_true(db_cell_bool(second, 0, 1));
	assert_true(db_cell_null(second, 0, 2));
	assert_int_equal(db_cell_int(second, 0, 2), 0);
}

static void errors_say_what_and_which_class(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	(void)insert(conn, 10, &err);
	assert_int_not_equal(insert(conn, 10, &err), 0);
	assert_int_equal(err.code, EEXIST);
	assert_int_equal(err.class, ERROR_DROP);
	assert_non_null(strstr(err.text, "test_insert"));
	assert_int_equal(db_exec(conn, &child, &DB_INT(999), 1, &err), -ENOENT);
	assert_int_equal(db_exec(conn, &bad_number, &DB_TEXT("x"), 1, &err), -EINVAL);
	assert_int_equal(db_exec(conn, &kill_me, NULL, 0, &err), -ENOTCONN);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_int_equal(db_exec(conn, &kill_me, NULL, 0, &err), -ENOTCONN);
}

static void pool_replaces_lost_connections(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct error err = {0};
		struct db_conn *conn = db_acquire(fixture->db, &err);
		assert_non_null(conn);
		assert_int_equal(db_exec(conn, &increment, &DB_INT(1), 1, &err), 1);
		(void)db_exec(conn, &kill_me, NULL, 0, &err);
		db_release(conn);
	}
}

/* Ended by others while they lie idle: nobody notices. */
static void pool_replaces_connections_that_died_idle(void **state)
{
	(void)state;
	struct error err = {0};
	struct db_conn *conns[4];
	for (int i = 0; i < 4; i++)
		conns[i] = db_acquire(fixture->db, &err);
	for (int i = 0; i < 4; i++)
		db_release(conns[i]);
	(void)db_fixture_number(fixture, "SELECT count(pg_terminate_backend(pid)) FROM "
	                                 "pg_stat_activity WHERE datname = current_database() AND "
	                                 "pid <> pg_backend_pid()");
	while (db_fixture_number(fixture,
	                         "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname "
	                         "= current_database() AND backend_type = 'client backend'"))
		;
	for (int i = 0; i < 4; i++) {
		conns[i] = db_acquire(fixture->db, &err);
		assert_int_equal(db_exec(conns[i], &increment, &DB_INT(1), 1, &err), 1);
	}
	for (int i = 0; i < 4; i++)
		db_release(conns[i]);
}

static void arrays_arrive(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	for (int round = 0; round < 2; round++) {
		struct db_array array[4];
		static const enum db_array_type types[] = {DB_ARRAY_BYTEA, DB_ARRAY_INT8,
		                                           DB_ARRAY_INT4, DB_ARRAY_TEXT};
		struct db_param params[4];
		for (int i = 0; i < 4; i++)
			db_array_init(&array[i], types[i]);
		if (round) {
			db_array_add(&array[0], view_of("\0\xff", 2));
			db_array_add_null(&array[0]);
			db_array_add_int8(&array[1], INT64_C(-5000000000));
			db_array_add_int8(&array[1], 1);
			db_array_add_int4(&array[2], -7);
			db_array_add_int4(&array[2], 9);
			db_array_add(&array[3], VIEW_LITERAL("b\"{"));
			db_array_add(&array[3], VIEW_LITERAL("\xc3\xa4"));
		}
		for (int i = 0; i < 4; i++)
			params[i] = db_array_param(&array[i]);
		AUTO(pgresult) PGresult *result = db_query(conn, &arrays, params, 4, &err);
		assert_non_null(result);
		assert_int_equal(db_cell_int(result, 0, 0), round ? 2 : 0);
		assert_int_equal(db_cell_int(result, 0, 1), round ? 1 : 0);
		assert_int_equal(db_cell_int(result, 0, 2), round ? 2 : 0);
		assert_int_equal(db_cell_int(result, 0, 3), round ? INT64_C(-4999999999) : 0);
		assert_int_equal(db_cell_int(result, 0, 4), round ? 2 : 0);
		assert_string_equal(db_cell(result, 0, 5), round ? "b\"{" : "");
		for (int i = 0; i < 4; i++)
			db_array_release(&array[i]);
	}
}

static int fail_after_insert(void *ctx, struct db_conn *conn, struct error *err)
{
	(void)ctx;
	(void)insert(conn, 20, err);
	return error_set(err, EPROTO, "not this time");
}

static int commit_after_failed_statement(void *ctx, struct db_conn *conn, struct error *err)
{
	(void)ctx;
	struct error ignored = {0};
	(void)insert(conn, 21, err);
	(void)db_exec(conn, &bad_number, &DB_TEXT("x"), 1, &ignored);
	return 0;
}

static void failed_transactions_leave_nothing(void **state)
{
	(void)state;
	struct error err = {0};
	assert_int_equal(db_transaction(fixture->db, fail_after_insert, NULL, &err), -EPROTO);
	assert_string_equal(err.text, "not this time");
	assert_int_equal(db_transaction(fixture->db, commit_after_failed_statement, NULL, &err),
	                 -EIO);
	assert_int_equal(
	        db_fixture_number(fixture, "SELECT count(*) FROM items WHERE id in (20, 21)"), 0);
}

static void send_item(struct db_conn *conn, int64_t id)
{
	struct error err = {0};
	const struct db_param params[] = {DB_INT(id), DB_TEXT("sent"), DB_NULL};
	assert_int_equal(db_send(conn, &insert_item, params, 3, &err), 0);
}

static void sent_statements_end_before_the_next_one(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_int_equal(db_begin(conn, &err), 0);
	send_item(conn, 40);
	send_item(conn, 41);
	AUTO(pgresult) PGresult *result = db_query(conn, &read_item, &DB_INT(41), 1, &err);
	assert_non_null(result);
	assert_string_equal(db_cell(result, 0, 0), "sent");
	send_item(conn, 42);
	assert_int_equal(db_commit(conn, &err), 0);
	assert_int_equal(
	        db_fixture_number(fixture, "SELECT count(*) FROM items WHERE name = 'sent'"), 3);
}

static void what_was_sent_fails_in_the_next_call(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_int_equal(db_begin(conn, &err), 0);
	send_item(conn, 45);
	send_item(conn, 45);
	assert_null(db_query(conn, &read_item, &DB_INT(45), 1, &err));
	assert_int_equal(err.code, EEXIST);
	assert_non_null(strstr(err.text, "test_insert"));
	db_rollback(conn);

	error_clear(&err);
	assert_int_equal(db_begin(conn, &err), 0);
	send_item(conn, 46);
	send_item(conn, 46);
	assert_int_equal(db_commit(conn, &err), -EEXIST);
	assert_int_equal(err.class, ERROR_DROP);
	db_rollback(conn);

	error_clear(&err);
	assert_int_equal(db_begin(conn, &err), 0);
	send_item(conn, 47);
	db_rollback(conn); /* while it may be under way */
	assert_int_equal(
	        db_fixture_number(fixture, "SELECT count(*) FROM items WHERE id BETWEEN 45 AND 47"),
	        0);
}

/* The first try is overtaken by another transaction after its snapshot was taken. */
static int overtaken(void *ctx, struct db_conn *conn, struct error *err)
{
	int *tries = ctx;
	int rc = db_script(conn, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", err);
	AUTO(pgresult) PGresult *result = db_query(conn, &read_n, &DB_INT(30), 1, err);
	assert_non_null(result);
	if ((*tries)++ == 0)
		(void)db_fixture_number(fixture, "UPDATE items SET n = 100 WHERE id = 30");
	if (rc == 0 && db_exec(conn, &increment, &DB_INT(30), 1, err) < 0)
		rc = -err->code;
	return rc;
}

static void serialization_failures_run_again(void **state)
{
	(void)state;
	struct error err = {0};
	int tries = 0;
	struct db_conn *conn = db_acquire(fixture->db, &err);
	(void)insert(conn, 30, &err);
	db_release(conn);
	assert_int_equal(db_transaction(fixture->db, overtaken, &tries, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(tries, 2);
	assert_int_equal(db_fixture_number(fixture, "SELECT n FROM items WHERE id = 30"), 101);
}

struct heard {
	int count;
	char last[32];
};

static void hear(void *ctx, const char *channel, const char *payload)
{
	struct heard *heard = ctx;
	assert_string_equal(channel, "test");
	heard->count++;
	(void)snprintf(heard->last, sizeof(heard->last), "%s", payload);
}

static void poll_until(struct db_listener *listener, struct heard *heard, int count)
{
	int64_t deadline = clock_monotonic_ms() + 10000;
	while (heard->count < count && clock_monotonic_ms() < deadline) {
		struct error err = {0};
		(void)db_listener_poll(listener, 100, hear, heard, &err);
	}
	assert_int_equal(heard->count, count);
}

static void listener_survives_a_lost_connection(void **state)
{
	(void)state;
	struct error err = {0};
	struct heard heard = {0};
	struct db_listener *listener = db_listen(fixture->db, (const char *[]){"test"}, 1, &err);
	assert_non_null(listener);
	poll_until(listener, &heard, 1);
	assert_string_equal(heard.last, "");
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	(void)db_exec(conn, &notify, &DB_TEXT("one"), 1, &err);
	poll_until(listener, &heard, 2);
	assert_string_equal(heard.last, "one");
	(void)db_exec(conn, &kill_listeners, NULL, 0, &err);
	poll_until(listener, &heard, 3);
	assert_string_equal(heard.last, "");
	(void)db_exec(conn, &notify, &DB_TEXT("two"), 1, &err);
	poll_until(listener, &heard, 4);
	assert_string_equal(heard.last, "two");
	db_listener_destroy(listener);
}

static bool not_ready(void *ctx, char *detail)
{
	(void)ctx;
	(void)snprintf(detail, PRESENCE_DETAIL_MAX, "waiting for bus");
	return false;
}

static void presence_comes_and_goes(void **state)
{
	(void)state;
	struct error err = {0};
	const struct presence_options options = {
	        .service = "fangs-test", .version = "1", .ready = not_ready};
	struct presence *presence = presence_start(fixture->db, &options, &err);
	assert_non_null(presence);
	static const char query[] = "SELECT count(*) FROM service_instances WHERE service = "
	                            "'fangs-test' AND NOT ready AND detail = 'waiting for bus'";
	int64_t deadline = clock_monotonic_ms() + 5000;
	while (db_fixture_number(fixture, query) == 0 && clock_monotonic_ms() < deadline)
		;
	assert_int_equal(db_fixture_number(fixture, query), 1);
	presence_stop(presence);
	assert_int_equal(db_fixture_number(fixture, query), 0);
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parameters_and_cells),
	        cmocka_unit_test(errors_say_what_and_which_class),
	        cmocka_unit_test(pool_replaces_lost_connections),
	        cmocka_unit_test(pool_replaces_connections_that_died_idle),
	        cmocka_unit_test(arrays_arrive),
	        cmocka_unit_test(failed_transactions_leave_nothing),
	        cmocka_unit_test(sent_statements_end_before_the_next_one),
	        cmocka_unit_test(what_was_sent_fails_in_the_next_call),
	        cmocka_unit_test(serialization_failures_run_again),
	        cmocka_unit_test(listener_survives_a_lost_connection),
	        cmocka_unit_test(presence_comes_and_goes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
