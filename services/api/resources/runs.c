// SPDX-License-Identifier: Apache-2.0
/* Runs: what was scanned, how far it is, what it is thought of. */
#include "queries.h"
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
/* The existing CLI promotes without telling us. */
#define COLUMNS \
	"SELECT r.id, r.package_name AS package, r.version, r.state, r.phase, r.verdict, r.complete," \
	" r.incomplete_reason, r.attempt, r.is_baseline," \
	" CASE WHEN r.is_baseline AND r.decision = 'reject' THEN '' ELSE r.decision END AS decision," \
	" r.trigger, r.control_of, r.target_runner, r.runner_id, " \
	UTC("r.queued_at") " AS queued_at, " \
	UTC("r.started_at") " AS started_at, " \
	UTC("r.finished_at") " AS finished_at, " \
	UTC("r.judged_at") " AS judged_at," \
	" r.failure_reason, r.events_emitted, r.events_dropped," \
	" COALESCE(p.events_stored, 0) AS events_stored, r.duration_ns / 1000000 AS duration_ms," \
	" d.deviation_count, d.open_deviations, COALESCE((ARRAY['info', 'warn', 'crit'])[d.rank], '') AS max_severity," \
	" r.image, r.image_digest, r.node_version, r.npm_version, r.sensor_tier"
#define TABLES \
	" FROM runs r LEFT JOIN run_progress p ON p.run_id = r.id, LATERAL" \
	"  (SELECT count(*) AS deviation_count," \
	"    count(*) FILTER (WHERE NOT suppressed) AS open_deviations," \
	"    max(" SEVERITY_RANK("severity") ") FILTER (WHERE NOT suppressed) AS rank" \
	"    FROM deviations WHERE run_id = r.id) d"

static const struct db_statement one_run = {"api_run", COLUMNS TABLES " WHERE r.id = $1"};

const struct db_statement browse_runs_by_id = {"api_runs_by_id",
	COLUMNS TABLES " WHERE r.id = ANY ($1::text[]) ORDER BY r.queued_at, r.id"};

static const struct param run_filters[] = {
	{"package", PARAM_TEXT, NULL},
	{"version", PARAM_TEXT, NULL},
	{"state", PARAM_WORD, "pending|done|failed"},
	{"phase", PARAM_WORD, "queued|leased|running|finished|judged"},
	{"verdict", PARAM_WORD, "seeded|clean|deviates|incomplete|none"},
	{"decision", PARAM_WORD, "promote|reject"},
	{"trigger", PARAM_WORD, "release|scan|seed|control"},
	{"runner", PARAM_TEXT, NULL},
	{"since", PARAM_TIME, NULL},
	{"until", PARAM_TIME, NULL},
};
static const struct list all_runs = {
	.statement = {"api_runs",
		COLUMNS ", " TIME_CURSOR("r.started_at", "r.id") TABLES
		" WHERE " NEWER_THAN_PAGE("r.started_at", "r.id")
		" AND " FILTER("r.package_name", 4)
		" AND " FILTER("r.version", 5)
		" AND " FILTER("r.state", 6)
		" AND " FILTER("r.phase", 7)
		" AND " FILTER("r.verdict", 8)
		" AND " FILTER("r.decision", 9)
		" AND " FILTER("r.trigger", 10)
		" AND " FILTER("r.runner_id", 11)
		" AND " FILTER_SINCE("r.started_at", 12)
		" AND " FILTER_UNTIL("r.started_at", 13)
		" ORDER BY r.started_at DESC NULLS LAST, r.id DESC LIMIT $1::bigint"},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(run_filters),
};

/* Worst first, of the same severity the newest first: one number for both. */
#define URGENCY \
	"(3 - COALESCE(d.rank, 0)) * 10000000000000000 + 10000000000000000" \
	" - COALESCE((EXTRACT(EPOCH FROM r.started_at) * 1000000)::bigint, 0)"
static const struct param pending_filters[] = {
	{"package", PARAM_TEXT, NULL},
	{"severity", PARAM_WORD, "info|warn|crit"},
};
static const struct list pending_runs = {
	.statement = {"api_pending",
		"SELECT * FROM (" COLUMNS ", " URGENCY " || '~' || r.id AS cursor, " URGENCY " AS urgency"
		TABLES
		" WHERE r.verdict = 'deviates' AND NOT r.is_baseline AND r.decision = ''"
		" AND " FILTER("r.package_name", 4) ") u"
		" WHERE (urgency, id) > (COALESCE($2::bigint, -1), COALESCE($3, ''))"
		" AND " FILTER("max_severity", 5)
		" ORDER BY urgency, id LIMIT $1::bigint"},
	.order = PAGE_BY_NUMBER_AND_TEXT,
	LIST_FILTERS(pending_filters),
};
// clang-format on

void runs_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_runs, NULL);
}

void runs_handle_pending(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &pending_runs, NULL);
}

void runs_handle_get(void *ctx, struct http_request *request)
{
	const char *id = lookup_id(ctx, request, LOOKUP_RUN);

	if (id)
		list_reply_one(ctx, request, &one_run, id, "run");
}
