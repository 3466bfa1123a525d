// SPDX-License-Identifier: Apache-2.0
/* Runners, as they last said that they are. */
#include "queries.h"
#include "resources/change.h"
#include "resources/list.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
#define COLUMNS \
	"SELECT n.id, hostname, kernel_version, to_json(capabilities) AS capabilities, transport," \
	" jobs_partition, slots, (SELECT count(*) FROM runs r WHERE r.runner_id = n.id" \
	"  AND r.phase IN ('leased', 'running')) AS busy, n.status, active_run_id, n.sensor_tier," \
	" version, " UTC("registered_at") " AS registered_at, " \
	UTC("last_seen_at") " AS last_seen_at, " ALIVE " AS alive"

static const struct param filters[] = {
	{"alive", PARAM_BOOL, NULL},
};
static const struct list all_runners = {
	.statement = {"api_runners",
		COLUMNS ", " NAME_CURSOR("n.id") " FROM runners n WHERE " AFTER_PAGE("n.id")
		" AND " FILTER_BOOL("(" ALIVE ")", 4) BY_NAME("n.id")},
	.order = PAGE_BY_TEXT,
	LIST_FILTERS(filters),
};
static const struct db_statement one_runner = {"api_runner",
	COLUMNS " FROM runners n WHERE n.id = $1"};
const struct db_statement browse_runners_by_id = {"api_runners_by_id",
	COLUMNS " FROM runners n WHERE n.id = ANY ($1::text[]) ORDER BY n.id"};
const struct db_statement runners_for_status = {"api_status_runners",
	COLUMNS " FROM runners n ORDER BY n.id LIMIT 1000"};

/* 0 rows: no such runner; else whether it was in use, and then it stays. */
static const struct db_statement remove_runner = {"api_remove_runner",
	"WITH known AS (SELECT id, " ALIVE " OR EXISTS (SELECT 1 FROM runs r WHERE r.runner_id = n.id"
	"   AND r.phase IN ('leased', 'running')) AS busy FROM runners n WHERE id = $1 FOR UPDATE),"
	" gone AS (DELETE FROM runners d USING known k WHERE d.id = k.id AND NOT k.busy)"
	" SELECT busy FROM known"};
// clang-format on

void runners_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_runners, NULL);
}

void runners_handle_get(void *ctx, struct http_request *request)
{
	list_reply_one(ctx, request, &one_runner, http_request_param(request, "id"), "runner");
}

void runners_handle_remove(void *ctx, struct http_request *request)
{
	const char *id = http_request_param(request, "id");
	const struct db_param params[] = {DB_TEXT(id)};
	struct api *api = ctx;
	struct error err = {0};

	if (!params_none(request))
		return;
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	AUTO(pgresult)
	PGresult *result = conn ? db_query(conn, &remove_runner, params, 1, &err) : NULL;
	if (result && PQntuples(result) && db_cell_bool(result, 0, 0))
		http_reply_error(request, 409, "runner '%s' is alive or has runs: stop it first",
		                 id);
	else
		change_reply_removed(api, request, "runner", id,
		                     result ? PQntuples(result) : -err.code, &err);
}
