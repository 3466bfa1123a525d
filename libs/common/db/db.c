// SPDX-License-Identifier: Apache-2.0
/* The pool and its configuration. */
#include "db/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "db/db_internal.h"

enum { ACQUIRE_TIMEOUT_MS = 10000 };

const struct config_option db_options[] = {
        {.key = "db.url",
         .type = CONFIG_SECRET,
         .offset = offsetof(struct db_config, url),
         .help = "PostgreSQL connection: a URL (postgresql://user@host/name) or keyword form "
                 "(host=... dbname=...).",
         .alias_flag = "postgres-dsn",
         .alias_env = "FANGS_PG_DSN"},
        {.key = "db.pool_size",
         .type = CONFIG_INT,
         .offset = offsetof(struct db_config, pool_size),
         .fallback = "8",
         .min = 2,
         .max = 200,
         .help = "Connections that this process may hold to PostgreSQL, beside one for each "
                 "listener and bus consumer."},
};
const size_t db_option_count = CONFIG_COUNT(db_options);

static int check_url(const char *url, struct error *err)
{
	if (!url || !*url)
		return error_set(err, EINVAL,
		                 "no database is configured: set db.url (--db-url, FANGS_DB_URL)");
	char *reason = NULL;
	PQconninfoOption *parsed = PQconninfoParse(url, &reason);
	if (!parsed) {
		/* The reason may quote the URL, password included, so it is not shown. */
		PQfreemem(reason);
		return error_set(err, EINVAL,
		                 "db.url is neither a PostgreSQL URL nor in keyword form");
	}
	PQconninfoFree(parsed);
	return 0;
}

struct db *db_open(const struct db_config *config, const char *name, struct error *err)
{
	if (check_url(config->url, err))
		return NULL;
	struct db *db = xcalloc(1, sizeof(*db));
	db->url = xstrdup(config->url);
	db->name = xstrdup(name);
	db->pool_size = config->pool_size > 0 ? (size_t)config->pool_size : 1;
	(void)pthread_mutex_init(&db->lock, NULL);
	cond_init(&db->freed);
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	while (db->idle) {
		struct db_conn *conn = db->idle;
		db->idle = conn->next;
		db_conn_destroy(conn);
	}
	(void)pthread_cond_destroy(&db->freed);
	(void)pthread_mutex_destroy(&db->lock);
	free(db->url);
	free(db->name);
	free(db);
}

/* An idle connection or a new slot; NULL when neither came free in time. */
static struct db_conn *take_slot(struct db *db)
{
	int64_t deadline = cond_now_ms() + ACQUIRE_TIMEOUT_MS;
	struct db_conn *conn = NULL;
	(void)pthread_mutex_lock(&db->lock);
	while (!db->idle && db->created >= db->pool_size &&
	       cond_wait_until(&db->freed, &db->lock, deadline))
		;
	if (db->idle) {
		conn = db->idle;
		db->idle = conn->next;
	} else if (db->created < db->pool_size) {
		conn = db_conn_create(db, true);
		db->created++;
	}
	(void)pthread_mutex_unlock(&db->lock);
	return conn;
}

static void give_slot(struct db_conn *conn)
{
	struct db *db = conn->db;
	(void)pthread_mutex_lock(&db->lock);
	conn->next = db->idle;
	db->idle = conn;
	(void)pthread_cond_signal(&db->freed);
	(void)pthread_mutex_unlock(&db->lock);
}

struct db_conn *db_acquire(struct db *db, struct error *err)
{
	struct db_conn *conn = take_slot(db);
	if (!conn) {
		error_set_class(err, ERROR_RETRY, EBUSY,
		                "database: all %zu connections were busy for %d ms (db.pool_size)",
		                db->pool_size, ACQUIRE_TIMEOUT_MS);
		return NULL;
	}
	if (db_conn_connect(conn, err)) {
		give_slot(conn);
		return NULL;
	}
	return conn;
}

void db_release(struct db_conn *conn)
{
	if (!conn)
		return;
	if (!conn->pooled) {
		db_conn_destroy(conn);
		return;
	}
	db_rollback(conn);
	if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE || conn->must_replace)
		db_conn_disconnect(conn);
	give_slot(conn);
}

struct db_conn *db_session_open(struct db *db, struct error *err)
{
	struct db_conn *conn = db_conn_create(db, false);
	if (db_conn_connect(conn, err)) {
		db_conn_destroy(conn);
		return NULL;
	}
	return conn;
}
