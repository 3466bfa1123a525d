// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL over libpq: a pool of connections, named statements prepared once per connection,
 * parameters always bound, transactions that run again on serialization failures and deadlocks.
 *
 * A `struct db` is the pool and may be shared by threads; a `struct db_conn` belongs to one thread
 * from db_acquire() to db_release(). Statements are `static const struct db_statement` constants in
 * one file per service.
 *
 * Errors: a lost connection or a server that is starting or stopping is class RETRY (ENOTCONN),
 * serialization failure and deadlock RETRY (EAGAIN), a server that ran out of something RETRY
 * (EBUSY), a cancelled statement RETRY (ETIMEDOUT), constraint violations DROP (EEXIST for unique,
 * ENOENT for foreign keys), bad data DROP (EINVAL), everything else FATAL (EIO). The sentence has
 * the statement's name and the server's message.
 */
#ifndef FANGS_DB_DB_H
#define FANGS_DB_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/view.h"
#include "config/config.h"

struct db;
struct db_conn;

struct db_config {
	char *url; /* --db-url: URL or keyword form; also FANGS_PG_DSN */
	int64_t pool_size;
};
extern const struct config_option db_options[]; /* fills struct db_config */
extern const size_t db_option_count;

struct db_statement {
	const char *name; /* unique in the program; appears in errors and pg_stat_statements */
	const char *sql;  /* $1, $2... with explicit casts where the type is not plain */
};

enum { DB_PARAMS_MAX = 32 };

struct db_param {
	const char *text; /* NULL: SQL NULL; must be NUL-terminated unless binary */
	size_t size;      /* used when binary */
	bool binary;      /* bytea, or network-order integers */
};

DEFINE_AUTO(pgresult, PGresult *, PQclear)

/* Life. The pool connects lazily; db_open() fails only on a malformed URL. `name` becomes
 * application_name. */
struct db *db_open(const struct db_config *config, const char *name, struct error *err);
void db_close(struct db *db);

/* A connection, connecting if needed; waits up to 10 s for a free one. */
struct db_conn *db_acquire(struct db *db, struct error *err);
void db_release(struct db_conn *conn); /* accepts NULL; rolls back an open transaction */
DEFINE_AUTO(db_conn, struct db_conn *, db_release)

/* A connection outside of the pool, for what belongs to a session: advisory locks, LISTEN. Owned by
 * the caller, ended by db_release(); it does not reconnect. */
struct db_conn *db_session_open(struct db *db, struct error *err);

/* Run a statement; `params` may be NULL when count is 0. The result is owned by the caller
 * (AUTO(pgresult)); NULL on error. Text format results. */
PGresult *db_query(struct db_conn *conn, const struct db_statement *statement,
                   const struct db_param *params, size_t count, struct error *err);
/* As db_query(), with cells in binary format: read them by db_cell_bytes() and
 * db_cell_binary_int(). For large bytea columns, which text format would double. */
PGresult *db_query_binary(struct db_conn *conn, const struct db_statement *statement,
                          const struct db_param *params, size_t count, struct error *err);
/* As db_query(), for statements whose rows do not matter: returns the number of affected rows. */
int64_t db_exec(struct db_conn *conn, const struct db_statement *statement,
                const struct db_param *params, size_t count, struct error *err);
/* As db_exec(), but within a transaction and without waiting: the server works while the program
 * goes on. The next call on the connection waits for the end, and returns the error if there was
 * one; at the latest db_commit(). The parameters are copied. */
int db_send(struct db_conn *conn, const struct db_statement *statement,
            const struct db_param *params, size_t count, struct error *err);
/* One or more statements as text without parameters, for migrations. */
int db_script(struct db_conn *conn, const char *sql, struct error *err);

/* Transactions: `work` runs between BEGIN and COMMIT and is run again (up to 5 times) on
 * serialization failure or deadlock; any error rolls back and is returned. A commit whose outcome
 * is unknown (connection lost during COMMIT) is RETRY: make `work` idempotent. */
int db_transaction(struct db *db, int (*work)(void *ctx, struct db_conn *conn, struct error *err),
                   void *ctx, struct error *err);
int db_begin(struct db_conn *conn, struct error *err);
int db_commit(struct db_conn *conn, struct error *err);
void db_rollback(struct db_conn *conn);

/* Parameters. Integers need a scratch: DB_INT(n) formats into a compound literal that lives to the
 * end of the enclosing block. */
struct db_int_text {
	char text[24];
};
const char *db_format_int(struct db_int_text *scratch, int64_t number);
#define DB_TEXT(s) ((struct db_param){.text = (s)})
#define DB_NULL ((struct db_param){.text = NULL})
#define DB_INT(n) ((struct db_param){.text = db_format_int(&(struct db_int_text){{0}}, (n))})
#define DB_BOOL(b) ((struct db_param){.text = (b) ? "t" : "f"})
#define DB_BYTES(p, n) db_bytes((p), (n)) /* never NULL, also when n is 0 */
static inline struct db_param db_bytes(const void *data, size_t size)
{
	return (struct db_param){.text = data ? data : "", .size = size, .binary = true};
}

/* A PostgreSQL array literal from strings (NULL item: SQL NULL), for unnest($1::text[]); the caller
 * frees it. */
char *db_text_array(const char *const *items, size_t count);

/* An array parameter in binary form, for unnest($1::bytea[]...): no quoting, no hex. Elements of
 * DB_ARRAY_TEXT must be UTF-8 without NUL. The type here must be the cast in the statement. */
enum db_array_type {
	DB_ARRAY_BYTEA = 17,
	DB_ARRAY_INT8 = 20,
	DB_ARRAY_INT4 = 23,
	DB_ARRAY_TEXT = 25
};
#define DB_ARRAY_MAX_BYTES ((size_t)512 << 20) /* beyond it buf.overflowed is set */
struct db_array {
	struct buf buf;
	size_t count;
};
void db_array_init(struct db_array *array, enum db_array_type type);
void db_array_release(struct db_array *array);
void db_array_add(struct db_array *array, struct view element);
void db_array_add_null(struct db_array *array);
void db_array_add_int8(struct db_array *array, int64_t number);
void db_array_add_int4(struct db_array *array, int32_t number);
/* Borrowed from the array, and valid until it changes. */
struct db_param db_array_param(struct db_array *array);
static inline void auto_db_array(struct db_array *array)
{
	db_array_release(array);
}

/* Result cells: the text ("" for NULL), integers, booleans, Unix ns of a timestamptz that the query
 * rendered by the SQL function fangs_ns(timestamptz). */
const char *db_cell(const PGresult *result, int row, int column);
bool db_cell_null(const PGresult *result, int row, int column);
int64_t db_cell_int(const PGresult *result, int row, int column);
bool db_cell_bool(const PGresult *result, int row, int column);
struct view db_cell_bytes(const PGresult *result, int row, int column);  /* borrowed */
int64_t db_cell_binary_int(const PGresult *result, int row, int column); /* int4 or int8 */

/* Notifications on a session: listen, and wait for the next ones (0 also on timeout). */
typedef void (*db_notified_fn)(void *ctx, const char *channel, const char *payload);
int db_conn_listen(struct db_conn *conn, const char *channel, struct error *err);
int db_conn_wait(struct db_conn *conn, int64_t timeout_ms, db_notified_fn notified, void *ctx,
                 struct error *err);

/* LISTEN on a connection of its own that survives restarts of the server. db_listen() does not need
 * the server to be there. */
struct db_listener;
struct db_listener *db_listen(struct db *db, const char *const *channels, size_t count,
                              struct error *err);
/* Waits up to timeout_ms; calls `notified` for each notification. Connects by itself, at first and
 * after a loss, and then calls `notified` once per channel with payload "" (something may have been
 * missed). While the server is away it returns RETRY after a back-off of at most timeout_ms. */
int db_listener_poll(struct db_listener *listener, int64_t timeout_ms, db_notified_fn notified,
                     void *ctx, struct error *err);
void db_listener_destroy(struct db_listener *listener);

#endif
