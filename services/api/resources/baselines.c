// SPDX-License-Identifier: Apache-2.0
/* What packages are known to do. */
#include "log/log.h"
#include "resources/decisions.h"
#include "resources/list.h"
#include "resources/resources.h"
#include "resources/rows_json.h"
#include "resources/sql.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 64 << 10 };

#define CATEGORIES                                                                                 \
	"net_new_destination|net_new_dns|net_new_https_host"                                       \
	"|fs_new_path_read|fs_new_path_write|proc_new_exec"

// clang-format off
/* From one name to the next, over the indexes of both tables: the fingerprints are many more than
 * the packages. The existing CLI makes baselines without a row in `baselines`. */
#define NEXT_NAME(name) \
	"(SELECT LEAST((SELECT min(package_name) FROM baselines WHERE package_name > " name " AND state <> 'reset')," \
	" (SELECT min(package_name) FROM baseline_fingerprints WHERE package_name > " name ")))"
static const struct list all_baselines = {
	.statement = {"api_baselines",
		"WITH RECURSIVE names (name, n) AS (SELECT " NEXT_NAME("COALESCE($3, '')") ", 1::bigint"
		"  UNION ALL SELECT " NEXT_NAME("names.name") ", n + 1 FROM names"
		"  WHERE name IS NOT NULL AND n < $1::bigint)"
		" SELECT n.name AS package, COALESCE(NULLIF(b.state, 'reset'), 'trusted') AS state, b.seeded_by, "
		UTC("b.seeded_at") " AS seeded_at, (SELECT count(*) FROM baseline_fingerprints f"
		"  WHERE f.package_name = n.name) AS fingerprints, " NAME_CURSOR("n.name")
		" FROM names n LEFT JOIN baselines b ON b.package_name = n.name"
		" WHERE n.name IS NOT NULL AND $2::text IS NULL ORDER BY n.name LIMIT $1::bigint"},
	.order = PAGE_BY_TEXT,
};

static const struct db_statement head = {"api_baseline",
	"SELECT $1::text AS package, COALESCE(NULLIF(b.state, 'reset'), 'trusted') AS state, b.seeded_by, "
	UTC("b.seeded_at") " AS seeded_at, f.fingerprints"
	" FROM (SELECT count(*) AS fingerprints FROM baseline_fingerprints WHERE package_name = $1) f"
	" LEFT JOIN baselines b ON b.package_name = $1"
	" WHERE f.fingerprints > 0 OR b.state <> 'reset'"};

static const struct param filters[] = {
	{"category", PARAM_WORD, CATEGORIES},
};
static const struct list fingerprints = {
	.statement = {"api_baseline_items",
		"SELECT category, value, to_json(ARRAY(SELECT actor FROM baseline_actors a"
		"  WHERE a.package_name = f.package_name AND a.category = f.category"
		"   AND a.value = f.value ORDER BY actor)) AS actors,"
		" first_seen_run_id, last_seen_run_id, occurrence_count,"
		" category || '~' || value AS cursor FROM baseline_fingerprints f"
		" WHERE package_name = $4 AND (category, value) > (COALESCE($2, ''), COALESCE($3, ''))"
		" AND " FILTER("category", 5)
		" ORDER BY category, value LIMIT $1::bigint"},
	.order = PAGE_BY_TEXTS,
	LIST_FILTERS(filters),
};
// clang-format on

void baselines_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_baselines, NULL);
}

static void write_baseline(struct buf *body, const PGresult *top, const PGresult *items,
                           const struct page *page, struct arena *arena)
{
	struct json_writer w = json_writer_on(body);

	json_object(&w);
	rows_write_members(&w, top, 0, PQnfields(top));
	list_write(&w, items, page, arena);
	json_end_object(&w);
}

void baselines_handle_get(void *ctx, struct http_request *request)
{
	const char *package = http_request_param(request, "package");
	const struct db_param params[] = {DB_TEXT(package)};
	struct list_request asked;
	struct api *api = ctx;
	struct error err = {0};

	if (!list_read(request, &fingerprints, &asked))
		return;
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	AUTO(pgresult) PGresult *top = conn ? db_query(conn, &head, params, 1, &err) : NULL;
	AUTO(pgresult)
	PGresult *items = top ? list_query(conn, &fingerprints, &asked, package, &err) : NULL;
	if (!items) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (PQntuples(top) == 0) {
		http_reply_error(request, 404, "package '%s' has no baseline", package);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, LIST_ANSWER_MAX_BYTES);
	write_baseline(&body, top, items, &asked.page, http_request_arena(request));
	list_reply_document(request, &body);
}

/* Taking back, within its transaction. */
struct removal {
	const char *package, *category, *value;
	struct baseline_decision decision;
	int64_t removed;
};

static int reset(void *ctx, struct db_conn *conn, struct error *err)
{
	struct removal *removal = ctx;

	removal->removed = baseline_reset(conn, removal->package, &removal->decision, err);
	return removal->removed < 0 ? (int)removal->removed : 0;
}

static int forget(void *ctx, struct db_conn *conn, struct error *err)
{
	struct removal *removal = ctx;

	removal->removed = baseline_forget(conn, removal->package, removal->category,
	                                   removal->value, &removal->decision, err);
	return removal->removed < 0 ? (int)removal->removed : 0;
}

static void reply_removed(struct http_request *request, const struct removal *removal)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	LOG_INFO("baseline cut", LOG_STR("package", removal->package),
	         LOG_STR("by", removal->decision.by), LOG_INT("fingerprints", removal->removed));
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "package", removal->package);
	json_member_int(&w, "fingerprints_removed", removal->removed);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

void baselines_handle_reset(void *ctx, struct http_request *request)
{
	struct removal removal = {.package = http_request_param(request, "package")};
	struct api *api = ctx;
	struct error err = {0};

	if (!params_none(request) || !decisions_read(request, &removal.decision))
		return;
	int rc = db_transaction(api->db, reset, &removal, &err);
	if (rc < 0)
		decisions_reply_failure(api, request, rc, &err);
	else
		reply_removed(request, &removal);
}

void baselines_handle_forget(void *ctx, struct http_request *request)
{
	static const struct param wanted[] = {{"category", PARAM_WORD, CATEGORIES},
	                                      {"value", PARAM_TEXT, NULL}};
	struct removal removal = {.package = http_request_param(request, "package")};
	const char *values[2];
	struct api *api = ctx;
	struct error err = {0};

	if (!params_read(request, wanted, 2, values) || !decisions_read(request, &removal.decision))
		return;
	removal.category = values[0];
	removal.value = values[1];
	if (!removal.category || !removal.value) {
		http_reply_error(request, 400, "category and value must be given");
		return;
	}
	int rc = db_transaction(api->db, forget, &removal, &err);
	if (rc < 0)
		decisions_reply_failure(api, request, rc, &err);
	else if (removal.removed == 0)
		http_reply_error(request, 404, "fingerprint not found");
	else
		reply_removed(request, &removal);
}
