// SPDX-License-Identifier: Apache-2.0
/* The packages whose releases are watched. */
#include "log/log.h"
#include "model/package.h"
#include "resources/body.h"
#include "resources/change.h"
#include "resources/list.h"
#include "resources/resources.h"
#include "resources/sql.h"

enum { SEED_RUNS_MAX = 100 };

// clang-format off
#define COLUMNS \
	"SELECT p.name, " UTC("p.added_at") " AS added_at, " \
	UTC("p.last_checked_at") " AS last_checked_at, p.last_seen_version," \
	" COALESCE(q.registry_state, '') AS registry_state, COALESCE(q.last_error, '') AS last_error," \
	" COALESCE(q.failures, 0) AS failures, " UTC("q.next_poll_at") " AS next_poll_at," \
	" CASE WHEN EXISTS (SELECT 1 FROM baseline_fingerprints f WHERE f.package_name = p.name)" \
	"  THEN COALESCE(NULLIF(b.state, 'reset'), 'trusted') ELSE COALESCE(b.state, 'none') END" \
	"  AS baseline_state, y.seed_runs, y.control," \
	" (SELECT count(*) FROM runs r WHERE r.package_name = p.name) AS runs"
#define TABLES \
	" FROM packages p LEFT JOIN package_polls q ON q.package_name = p.name" \
	" LEFT JOIN baselines b ON b.package_name = p.name" \
	" LEFT JOIN package_policies y ON y.package_name = p.name"

static const struct list all_packages = {
	.statement = {"api_packages",
		COLUMNS ", " NAME_CURSOR("p.name") TABLES " WHERE " AFTER_PAGE("p.name") BY_NAME("p.name")},
	.order = PAGE_BY_TEXT,
};
static const struct db_statement one_package = {"api_package",
	COLUMNS TABLES " WHERE p.name = $1"};

/* What is not said is as configured for all. */
static const struct db_statement set_policy = {"api_set_policy",
	"INSERT INTO package_policies AS y (package_name, seed_runs, control)"
	" SELECT name, $2::integer, $3::boolean FROM packages WHERE name = $1"
	" ON CONFLICT (package_name) DO UPDATE SET seed_runs = excluded.seed_runs,"
	" control = excluded.control, updated_at = now()"};

/* A trigger tells the watcher. */
static const struct db_statement add_package = {"api_add_package",
	"INSERT INTO packages (name, added_at) VALUES ($1, now()) ON CONFLICT DO NOTHING"};
static const struct db_statement remove_package = {"api_remove_package",
	"DELETE FROM packages WHERE name = $1"};
// clang-format on

void packages_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_packages, NULL);
}

void packages_handle_get(void *ctx, struct http_request *request)
{
	list_reply_one(ctx, request, &one_package, http_request_param(request, "name"), "package");
}

void packages_handle_add(void *ctx, struct http_request *request)
{
	static const struct body_member members[] = {
	        {"name", BODY_TEXT, .required = true, .max = BODY_MAX_BYTES}};
	struct api *api = ctx;
	struct error err = {0};

	if (!params_none(request))
		return;
	AUTO(json) struct json *body = body_read(request, members, BODY_COUNT(members));
	if (!body)
		return;
	const char *name = json_string(json_get(body, "name"), "");
	if (!package_name_valid(name)) {
		http_reply_error(request, 400, "name: '%.*s' is not the name of an npm package",
		                 PACKAGE_NAME_MAX, name);
		return;
	}
	int64_t rows = change_exec(api, &add_package, (struct db_param[]){DB_TEXT(name)}, 1, &err);
	if (rows < 0) {
		failure_reply(&api->failures, request, &err);
	} else if (rows == 0) {
		http_reply_error(request, 409, "package '%s' is watched already", name);
	} else {
		LOG_INFO("package added", LOG_STR("package", name));
		change_reply_name(request, 201, name);
	}
}

void packages_handle_remove(void *ctx, struct http_request *request)
{
	const char *name = http_request_param(request, "name");
	struct error err = {0};

	if (!params_none(request))
		return;
	int64_t rows =
	        change_exec(ctx, &remove_package, (struct db_param[]){DB_TEXT(name)}, 1, &err);
	change_reply_removed(ctx, request, "package", name, rows, &err);
}

void packages_handle_policy(void *ctx, struct http_request *request)
{
	static const struct body_member members[] = {
	        {"seed_runs", BODY_NUMBER, .max = SEED_RUNS_MAX}, {"control", BODY_BOOL, .max = 0}};
	const char *name = http_request_param(request, "name");
	struct api *api = ctx;
	struct error err = {0};

	if (!params_none(request))
		return;
	AUTO(json) struct json *body = body_read(request, members, BODY_COUNT(members));
	if (!body)
		return;
	const struct json *seed_runs = json_get(body, "seed_runs");
	const struct json *control = json_get(body, "control");
	if (seed_runs && json_int(seed_runs, 0) < 1) {
		http_reply_error(request, 400, "seed_runs must be a whole number from 1 to %d",
		                 SEED_RUNS_MAX);
		return;
	}
	const struct db_param params[] = {
	        DB_TEXT(name),
	        seed_runs ? DB_INT(json_int(seed_runs, 1)) : DB_NULL,
	        control ? DB_BOOL(json_bool(control, true)) : DB_NULL,
	};
	int64_t rows = change_exec(api, &set_policy, params, 3, &err);
	if (rows < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (rows > 0)
		LOG_INFO("policy of a package set", LOG_STR("package", name));
	list_reply_one(api, request, &one_package, name, "package");
}
