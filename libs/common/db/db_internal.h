// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share and nobody else includes. */
#ifndef FANGS_DB_DB_INTERNAL_H
#define FANGS_DB_DB_INTERNAL_H

#include <pthread.h>

#include "db/db.h"

struct db {
	char *url;
	char *name; /* application_name */
	size_t pool_size;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t freed;
	struct db_conn *idle; /* most recently used first */
	size_t created;       /* idle and acquired */
};

struct db_conn {
	struct db *db;
	struct db_conn *next;                  /* in the idle list */
	PGconn *pg;                            /* NULL while not connected */
	const struct db_statement **prepared;  /* on this connection, in order of first use */
	size_t prepared_count, prepared_space; /* used and allocated */
	const char *sent;  /* name of the statement whose end was not seen yet */
	bool pooled;       /* false: a session of its own */
	bool must_rerun;   /* the last failure was a serialization failure or deadlock */
	bool must_replace; /* the server forgot or invalidated prepared statements */
};

struct db_conn *db_conn_create(struct db *db, bool pooled);
void db_conn_destroy(struct db_conn *conn);
/* Makes sure that there is a live connection; RETRY when the server is away. */
int db_conn_connect(struct db_conn *conn, struct error *err);
void db_conn_disconnect(struct db_conn *conn);

/* Sets `*err` from a failed result (NULL: the connection failed) and marks the connection. */
int db_conn_fail(struct db_conn *conn, const PGresult *result, const char *what, struct error *err);

/* The class and errno value for an SQLSTATE ("" or NULL: connection lost). */
struct db_failure {
	int code;
	enum error_class class;
};
struct db_failure db_failure_of(const char *sqlstate);

#endif
