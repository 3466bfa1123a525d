// SPDX-License-Identifier: Apache-2.0
#include "db/presence.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"

enum { INTERVAL_S = 5 };

struct presence {
	struct db *db;
	char *service, *version, *instance;
	bool (*ready)(void *ctx, char *detail);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock; /* guards `stopping` */
	pthread_cond_t wake;
	bool stopping;
};

static const struct db_statement upsert_statement = {
        "presence_upsert",
        "INSERT INTO service_instances (service, instance, version, ready, detail)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version,"
        " ready = excluded.ready, detail = excluded.detail, last_seen_at = now()"};
static const struct db_statement delete_statement = {
        "presence_delete", "DELETE FROM service_instances WHERE service = $1 AND instance = $2"};
/* Instances that were killed leave their rows behind. */
static const struct db_statement sweep_statement = {
        "presence_sweep",
        "DELETE FROM service_instances WHERE last_seen_at < now() - interval '1 hour'"};

static void write_row(struct presence *presence)
{
	struct error err = {0};
	char detail[PRESENCE_DETAIL_MAX] = "";
	bool ready = presence->ready(presence->ctx, detail);
	AUTO(db_conn) struct db_conn *conn = db_acquire(presence->db, &err);
	if (!conn)
		return;
	const struct db_param params[] = {DB_TEXT(presence->service), DB_TEXT(presence->instance),
	                                  DB_TEXT(presence->version), DB_BOOL(ready),
	                                  DB_TEXT(detail)};
	(void)db_exec(conn, &upsert_statement, params, 5, &err);
	(void)db_exec(conn, &sweep_statement, NULL, 0, &err);
}

static void delete_row(struct presence *presence)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(presence->db, &err);
	if (!conn)
		return;
	const struct db_param params[] = {DB_TEXT(presence->service), DB_TEXT(presence->instance)};
	(void)db_exec(conn, &delete_statement, params, 2, &err);
}

static bool wait_for_next(struct presence *presence)
{
	struct timespec next;
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_sec += INTERVAL_S;
	(void)pthread_mutex_lock(&presence->lock);
	int rc = 0;
	while (!presence->stopping && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&presence->wake, &presence->lock, &next);
	bool go_on = !presence->stopping;
	(void)pthread_mutex_unlock(&presence->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct presence *presence = arg;
	do
		write_row(presence);
	while (wait_for_next(presence));
	delete_row(presence);
	return NULL;
}

static char *instance_name(void)
{
	char host[256] = "";
	(void)gethostname(host, sizeof(host) - 1);
	return xasprintf("%s:%d", host, (int)getpid());
}

static void destroy(struct presence *presence)
{
	(void)pthread_cond_destroy(&presence->wake);
	(void)pthread_mutex_destroy(&presence->lock);
	free(presence->service);
	free(presence->version);
	free(presence->instance);
	free(presence);
}

struct presence *presence_start(struct db *db, const struct presence_options *options,
                                struct error *err)
{
	struct presence *presence = xcalloc(1, sizeof(*presence));
	presence->db = db;
	presence->service = xstrdup(options->service);
	presence->version = xstrdup(options->version);
	presence->instance = instance_name();
	presence->ready = options->ready;
	presence->ctx = options->ctx;
	(void)pthread_mutex_init(&presence->lock, NULL);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&presence->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	int rc = pthread_create(&presence->thread, NULL, run, presence);
	if (rc) {
		error_set_errno(err, rc, "cannot start the presence thread");
		destroy(presence);
		return NULL;
	}
	return presence;
}

void presence_stop(struct presence *presence)
{
	if (!presence)
		return;
	(void)pthread_mutex_lock(&presence->lock);
	presence->stopping = true;
	(void)pthread_cond_signal(&presence->wake);
	(void)pthread_mutex_unlock(&presence->lock);
	(void)pthread_join(presence->thread, NULL);
	destroy(presence);
}
