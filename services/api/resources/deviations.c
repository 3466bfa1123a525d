// SPDX-License-Identifier: Apache-2.0
/* What releases did that their package had never done. */
#include "queries.h"
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
#define COLUMNS \
	"SELECT d.id, d.run_id, r.package_name AS package, r.version, d.category, d.value," \
	" d.severity, d.actor, d.reason, d.process, d.command, d.evidence_event_id, " \
	UTC("d.detected_at") " AS detected_at, d.suppressed, d.drift, d.suppressed_by, d.suppressed_why"
#define TABLES " FROM deviations d JOIN runs r ON r.id = d.run_id"

#define CATEGORIES \
	"net_new_destination|net_new_dns|net_new_https_host" \
	"|fs_new_path_read|fs_new_path_write|proc_new_exec"
#define SEVERITIES "info|warn|crit"
#define ACTORS "manager|package|unknown"
/* Asked for by our word, stored perhaps by an earlier one. */
#define FILTER_SEVERITY(n) \
	"($" #n "::text IS NULL OR " \
	"(ARRAY['info', 'warn', 'crit'])[" SEVERITY_RANK("d.severity") "] = $" #n ")"

static const struct param filters[] = {
	{"package", PARAM_TEXT, NULL},
	{"severity", PARAM_WORD, SEVERITIES},
	{"category", PARAM_WORD, CATEGORIES},
	{"run", PARAM_ID_PREFIX, NULL},
	{"actor", PARAM_WORD, ACTORS},
	{"suppressed", PARAM_BOOL, NULL},
	{"since", PARAM_TIME, NULL},
	{"until", PARAM_TIME, NULL},
};
static const struct list all_deviations = {
	.statement = {"api_deviations",
		COLUMNS ", " TIME_CURSOR("d.detected_at", "d.id") TABLES
		" WHERE " NEWER_THAN_PAGE("d.detected_at", "d.id")
		" AND " FILTER("r.package_name", 4)
		" AND " FILTER_SEVERITY(5)
		" AND " FILTER("d.category", 6)
		" AND " FILTER_PREFIX("d.run_id", 7)
		" AND " FILTER("d.actor", 8)
		" AND " FILTER_BOOL("d.suppressed", 9)
		" AND " FILTER_SINCE("d.detected_at", 10)
		" AND " FILTER_UNTIL("d.detected_at", 11)
		NEWEST_FIRST("d.detected_at", "d.id")},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(filters),
};

/* Worst first, as a person reads them. */
#define HARMLESSNESS "(3 - " SEVERITY_RANK("d.severity") ")"
static const struct param run_filters[] = {
	{"severity", PARAM_WORD, SEVERITIES},
	{"category", PARAM_WORD, CATEGORIES},
	{"actor", PARAM_WORD, ACTORS},
};
static const struct list deviations_of_run = {
	.statement = {"api_run_deviations",
		COLUMNS ", " HARMLESSNESS " || '~' || d.id AS cursor" TABLES
		" WHERE d.run_id = $4"
		" AND (" HARMLESSNESS ", d.id) > (COALESCE($2::bigint, -1), COALESCE($3, ''))"
		" AND " FILTER_SEVERITY(5)
		" AND " FILTER("d.category", 6)
		" AND " FILTER("d.actor", 7)
		" ORDER BY " HARMLESSNESS ", d.id LIMIT $1::bigint"},
	.order = PAGE_BY_NUMBER_AND_TEXT,
	LIST_FILTERS(run_filters),
};

static const struct db_statement one_deviation = {"api_deviation",
	COLUMNS ", (SELECT jsonb_build_object('id', e.id, 'type', e.type, 'ts_ns', e.ts_ns,"
	" 'data', e.data) FROM events e WHERE e.id = d.evidence_event_id) AS evidence"
	TABLES " WHERE d.id = $1"};

const struct db_statement browse_deviations_by_id = {"api_deviations_by_id",
	COLUMNS TABLES " WHERE d.id = ANY ($1::text[]) ORDER BY d.detected_at, d.id"};
// clang-format on

void deviations_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_deviations, NULL);
}

void deviations_handle_of_run(void *ctx, struct http_request *request)
{
	const char *run_id = lookup_id(ctx, request, LOOKUP_RUN);

	if (run_id)
		list_reply(ctx, request, &deviations_of_run, run_id);
}

void deviations_handle_get(void *ctx, struct http_request *request)
{
	const char *id = lookup_id(ctx, request, LOOKUP_DEVIATION);

	if (id)
		list_reply_one(ctx, request, &one_deviation, id, "deviation");
}
