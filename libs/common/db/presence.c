// SPDX-License-Identifier: Apache-2.0
#include "db/presence.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/worker.h"

enum { INTERVAL_MS = 5000 };

struct presence {
	struct db *db;
	char *service, *version, *instance;
	bool (*ready)(void *ctx, char *detail);
	void *ctx;
	struct worker *worker;
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

static void run(void *ctx, struct worker *worker)
{
	struct presence *presence = ctx;
	do
		write_row(presence);
	while (worker_sleep_ms(worker, INTERVAL_MS));
	delete_row(presence);
}

static char *instance_name(void)
{
	char host[256] = "";
	(void)gethostname(host, sizeof(host) - 1);
	return xasprintf("%s:%d", host, (int)getpid());
}

static void destroy(struct presence *presence)
{
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
	presence->worker = worker_start("presence", run, presence, err);
	if (!presence->worker) {
		destroy(presence);
		return NULL;
	}
	return presence;
}

void presence_stop(struct presence *presence)
{
	if (!presence)
		return;
	worker_stop(presence->worker);
	destroy(presence);
}
