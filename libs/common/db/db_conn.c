// SPDX-License-Identifier: Apache-2.0
/* One connection: connecting, statements, transactions. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "db/db_internal.h"

enum { TRANSACTION_TRIES = 5 };

/* Sent once per connection. The time zone and the date style make text results the same
 * everywhere; the timeout frees locks that a hung process holds. Statements here are short, and
 * compiling one takes longer than running it. */
static const char session_setup[] = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
                                    "SET jit = off;"
                                    "SET cursor_tuple_fraction = 1;" /* all are read to their end */
                                    "SET idle_in_transaction_session_timeout = '60s'";

struct db_conn *db_conn_create(struct db *db, bool pooled)
{
	struct db_conn *conn = xcalloc(1, sizeof(*conn));
	conn->db = db;
	conn->pooled = pooled;
	return conn;
}

void db_conn_disconnect(struct db_conn *conn)
{
	PQfinish(conn->pg);
	conn->pg = NULL;
	conn->sent = NULL;
	conn->prepared_count = 0;
	conn->must_replace = false;
}

void db_conn_destroy(struct db_conn *conn)
{
	db_conn_disconnect(conn);
	free((void *)conn->prepared);
	free(conn);
}

static void ignore_notice(void *ctx, const PGresult *result)
{
	(void)ctx;
	(void)result;
}

/* Defaults stand before the user's URL and ours that must win behind it. The keep-alives find a
 * vanished server within about half a minute. */
static PGconn *connect_to(const struct db *db)
{
	const char *const keys[] = {"fallback_application_name",
	                            "connect_timeout",
	                            "keepalives_idle",
	                            "keepalives_interval",
	                            "keepalives_count",
	                            "tcp_user_timeout",
	                            "dbname",
	                            "client_encoding",
	                            NULL};
	const char *const values[] = {db->name, "5",     "10",   "5", "3",
	                              "30000",  db->url, "UTF8", NULL};
	return PQconnectdbParams(keys, values, 1);
}

/* A connection that the server closed while it lay idle has a farewell and an end of file waiting:
 * found here instead of by the statement that would have been sent into the void. */
static bool still_alive(struct db_conn *conn)
{
	if (!conn->pg)
		return false;
	for (;;) {
		struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
		if (PQconsumeInput(conn->pg) != 1 || PQstatus(conn->pg) != CONNECTION_OK)
			return false;
		if (poll(&fd, 1, 0) <= 0)
			return true;
	}
}

int db_conn_connect(struct db_conn *conn, struct error *err)
{
	if (still_alive(conn))
		return 0;
	db_conn_disconnect(conn);
	conn->pg = connect_to(conn->db);
	if (PQstatus(conn->pg) != CONNECTION_OK) {
		int rc = db_conn_fail(conn, NULL, "cannot connect", err);
		db_conn_disconnect(conn);
		return rc;
	}
	(void)PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	int rc = db_script(conn, session_setup, err);
	if (rc)
		db_conn_disconnect(conn);
	return rc;
}

static bool is_prepared(const struct db_conn *conn, const struct db_statement *statement)
{
	for (size_t i = 0; i < conn->prepared_count; i++)
		if (conn->prepared[i] == statement)
			return true;
	return false;
}

static int prepare(struct db_conn *conn, const struct db_statement *statement, struct error *err)
{
	if (is_prepared(conn, statement))
		return 0;
	AUTO(pgresult)
	PGresult *result = PQprepare(conn->pg, statement->name, statement->sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return db_conn_fail(conn, result, statement->name, err);
	if (conn->prepared_count == conn->prepared_space) {
		conn->prepared_space = conn->prepared_space ? conn->prepared_space * 2 : 16;
		conn->prepared = xrealloc((void *)conn->prepared, conn->prepared_space,
		                          sizeof(const struct db_statement *));
	}
	conn->prepared[conn->prepared_count++] = statement;
	return 0;
}

static int check_usable(struct db_conn *conn, const char *what, struct error *err)
{
	if (PQstatus(conn->pg) == CONNECTION_OK)
		return 0;
	return error_set_class(err, ERROR_RETRY, ENOTCONN, "database: %s: connection lost", what);
}

enum { TEXT_FORMAT = 0, BINARY_FORMAT = 1 };

/* Parameters as libpq takes them. */
struct bound {
	const char *values[DB_PARAMS_MAX];
	int sizes[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX];
};

static void bind(const struct db_param *params, size_t count, struct bound *ret)
{
	for (size_t i = 0; i < count; i++) {
		ret->values[i] = params[i].text;
		ret->sizes[i] = params[i].binary ? (int)params[i].size : 0;
		ret->formats[i] = params[i].binary;
	}
}

/* Waits for the end of what db_send() sent. */
static int take_sent(struct db_conn *conn, struct error *err)
{
	const char *name = conn->sent;
	int rc = 0;
	conn->sent = NULL;
	for (PGresult *result; name && (result = PQgetResult(conn->pg)); PQclear(result)) {
		ExecStatusType status = PQresultStatus(result);
		if (!rc && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
			rc = db_conn_fail(conn, result, name, err);
	}
	return rc;
}

/* The connection is free for a statement, and knows it. */
static int make_ready(struct db_conn *conn, const struct db_statement *statement, size_t count,
                      struct error *err)
{
	conn->must_rerun = false;
	if (count > DB_PARAMS_MAX)
		return error_set_class(err, ERROR_FATAL, E2BIG,
		                       "database: %s: %zu parameters, at most %d", statement->name,
		                       count, DB_PARAMS_MAX);
	int rc = take_sent(conn, err);
	if (!rc)
		rc = check_usable(conn, statement->name, err);
	return rc ? rc : prepare(conn, statement, err);
}

static PGresult *query(struct db_conn *conn, const struct db_statement *statement,
                       const struct db_param *params, size_t count, int result_format,
                       struct error *err)
{
	struct bound bound;
	if (make_ready(conn, statement, count, err))
		return NULL;
	bind(params, count, &bound);
	PGresult *result = PQexecPrepared(conn->pg, statement->name, (int)count, bound.values,
	                                  bound.sizes, bound.formats, result_format);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	(void)db_conn_fail(conn, result, statement->name, err);
	PQclear(result);
	return NULL;
}

int db_send(struct db_conn *conn, const struct db_statement *statement,
            const struct db_param *params, size_t count, struct error *err)
{
	struct bound bound;
	int rc = make_ready(conn, statement, count, err);
	if (rc)
		return rc;
	bind(params, count, &bound);
	if (!PQsendQueryPrepared(conn->pg, statement->name, (int)count, bound.values, bound.sizes,
	                         bound.formats, TEXT_FORMAT))
		return db_conn_fail(conn, NULL, statement->name, err);
	conn->sent = statement->name;
	return 0;
}

PGresult *db_query(struct db_conn *conn, const struct db_statement *statement,
                   const struct db_param *params, size_t count, struct error *err)
{
	return query(conn, statement, params, count, TEXT_FORMAT, err);
}

PGresult *db_query_binary(struct db_conn *conn, const struct db_statement *statement,
                          const struct db_param *params, size_t count, struct error *err)
{
	return query(conn, statement, params, count, BINARY_FORMAT, err);
}

int64_t db_exec(struct db_conn *conn, const struct db_statement *statement,
                const struct db_param *params, size_t count, struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, statement, params, count, err);
	if (!result)
		return err ? -err->code : -EIO;
	int64_t rows = 0;
	(void)view_to_i64(view_of_string(PQcmdTuples(result)), &rows);
	return rows;
}

int db_script(struct db_conn *conn, const char *sql, struct error *err)
{
	conn->must_rerun = false;
	int rc = take_sent(conn, err);
	if (!rc)
		rc = check_usable(conn, "script", err);
	if (rc)
		return rc;
	AUTO(pgresult) PGresult *result = PQexec(conn->pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return 0;
	return db_conn_fail(conn, result, "script", err);
}

int db_begin(struct db_conn *conn, struct error *err)
{
	int rc = db_script(conn, "BEGIN", err);
	return rc ? error_wrap(err, "begin") : 0;
}

int db_commit(struct db_conn *conn, struct error *err)
{
	conn->must_rerun = false;
	int rc = take_sent(conn, err);
	if (!rc)
		rc = check_usable(conn, "commit", err);
	if (rc)
		return rc;
	AUTO(pgresult) PGresult *result = PQexec(conn->pg, "COMMIT");
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return db_conn_fail(conn, result, "commit", err);
	/* A transaction in which a statement failed is rolled back by COMMIT, without an error. */
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		return error_set_class(err, ERROR_FATAL, EIO,
		                       "database: commit: a statement before it had failed");
	return 0;
}

void db_rollback(struct db_conn *conn)
{
	(void)take_sent(conn, NULL);
	PGTransactionStatusType status = PQtransactionStatus(conn->pg);
	if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
		PQclear(PQexec(conn->pg, "ROLLBACK"));
}

/* One try; `*ret_again` tells whether the server asked for another one. */
static int try_transaction(struct db_conn *conn,
                           int (*work)(void *ctx, struct db_conn *conn, struct error *err),
                           void *ctx, bool *ret_again, struct error *err)
{
	int rc = db_begin(conn, err);
	*ret_again = false;
	if (rc)
		return rc;
	rc = work(ctx, conn, err);
	if (rc == 0)
		rc = db_commit(conn, err);
	if (rc == 0)
		return 0;
	*ret_again = conn->must_rerun;
	db_rollback(conn);
	return rc;
}

int db_transaction(struct db *db, int (*work)(void *ctx, struct db_conn *conn, struct error *err),
                   void *ctx, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	if (!conn)
		return err ? -err->code : -EIO;
	struct error failure = {0};
	bool again = true;
	int rc = 0;
	for (int tries = 0; again && tries < TRANSACTION_TRIES; tries++) {
		rc = try_transaction(conn, work, ctx, &again, &failure);
		if (rc == 0)
			return 0;
	}
	if (err)
		*err = failure;
	return rc;
}
