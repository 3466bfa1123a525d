// SPDX-License-Identifier: Apache-2.0
#include "resources/decisions.h"

#include <errno.h>

#include "log/log.h"
#include "resources/body.h"
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 64 << 10 };

// clang-format off
static const struct param filters[] = {
	{"package", PARAM_TEXT, NULL},
	{"run", PARAM_ID_PREFIX, NULL},
	{"decision", PARAM_WORD, 
	 "promote|reject|reset|forget|suppress|unsuppress|allow|disallow|reanalyse"},
};
static const struct list all_decisions = {
	.statement = {"api_decisions",
		"SELECT id, decision, run_id, package_name AS package, category, value,"
		" deviation_id, decided_by AS by, note, " UTC("decided_at") " AS decided_at, id || '~' AS cursor"
		" FROM decisions WHERE id < COALESCE($2::bigint, 9223372036854775807)"
		" AND COALESCE($3, '') = ''"
		" AND " FILTER("package_name", 4)
		" AND " FILTER_PREFIX("run_id", 5)
		" AND " FILTER("decision", 6)
		" ORDER BY id DESC LIMIT $1::bigint"},
	.order = PAGE_BY_NUMBER_AND_TEXT,
	LIST_FILTERS(filters),
};

static const struct db_statement record_decision = {"api_record_decision",
	"INSERT INTO decisions (decision, run_id, package_name, category, value, deviation_id,"
	" decided_by, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};

static const struct db_statement package_of_run = {"api_run_package",
	"SELECT package_name FROM runs WHERE id = $1"};
// clang-format on

void decisions_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_decisions, NULL);
}

bool decisions_read(struct http_request *request, struct baseline_decision *ret)
{
	static const struct body_member members[] = {
	        {"by", BODY_TEXT, .max = DECISION_BY_MAX},
	        {"note", BODY_TEXT, .max = DECISION_NOTE_MAX},
	};
	struct arena *arena = http_request_arena(request);

	*ret = (struct baseline_decision){access_identity(request)->name, ""};
	if (http_request_body(request).size == 0)
		return true;
	AUTO(json) struct json *body = body_read(request, members, BODY_COUNT(members));
	if (!body)
		return false;
	if (!*ret->by)
		ret->by = arena_strdup(arena, json_string(json_get(body, "by"), ""));
	ret->note = arena_strdup(arena, json_string(json_get(body, "note"), ""));
	return true;
}

int decisions_record(struct db_conn *conn, const char *word, const struct decision_subject *subject,
                     const struct baseline_decision *decision, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(word),
	        DB_TEXT(subject->run_id),
	        DB_TEXT(subject->package),
	        DB_TEXT(subject->category),
	        DB_TEXT(subject->value),
	        DB_TEXT(subject->deviation_id),
	        DB_TEXT(decision->by),
	        DB_TEXT(decision->note),
	};

	return db_exec(conn, &record_decision, params, 8, err) < 0 ? -err->code : 0;
}

void decisions_reply_failure(struct api *api, struct http_request *request, int rc,
                             const struct error *err)
{
	if (rc == -ENOENT)
		http_reply_error(request, 404, "%s", err->text);
	else if (rc == -EINVAL)
		http_reply_error(request, 409, "%s", err->text);
	else
		failure_reply(&api->failures, request, err);
}

/* A decision about a run, within its transaction. */
struct run_decision {
	const char *run_id;
	struct baseline_decision decision;
	struct arena *arena;
	const char *package;
	int64_t outcome;
};

static int note_package(struct run_decision *d, struct db_conn *conn, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(d->run_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &package_of_run, params, 1, err);

	if (!result)
		return -err->code;
	d->package = arena_strdup(d->arena, PQntuples(result) ? db_cell(result, 0, 0) : "");
	return 0;
}

static int promote(void *ctx, struct db_conn *conn, struct error *err)
{
	struct run_decision *d = ctx;

	d->outcome = baseline_promote(conn, d->run_id, &d->decision, err);
	return d->outcome < 0 ? (int)d->outcome : note_package(d, conn, err);
}

static int reject(void *ctx, struct db_conn *conn, struct error *err)
{
	struct run_decision *d = ctx;

	d->outcome = baseline_reject(conn, d->run_id, &d->decision, err);
	return d->outcome < 0 ? (int)d->outcome : note_package(d, conn, err);
}

/* Reads the request and decides; false when it was answered. */
static bool decide(struct api *api, struct http_request *request,
                   int (*work)(void *ctx, struct db_conn *conn, struct error *err),
                   struct run_decision *ret)
{
	struct error err = {0};

	*ret = (struct run_decision){.arena = http_request_arena(request)};
	if (!params_none(request) || !decisions_read(request, &ret->decision))
		return false;
	ret->run_id = lookup_id(api, request, LOOKUP_RUN);
	if (!ret->run_id)
		return false;
	int rc = db_transaction(api->db, work, ret, &err);
	if (rc < 0)
		decisions_reply_failure(api, request, rc, &err);
	return rc == 0;
}

void decisions_handle_promote(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct run_decision d;
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	if (!decide(api, request, promote, &d))
		return;
	metric_add(api->metrics.promoted, 1);
	LOG_INFO("run promoted", LOG_STR("run_id", d.run_id), LOG_STR("by", d.decision.by),
	         LOG_INT("merged", d.outcome));
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "run_id", d.run_id);
	json_member_string(&w, "package", d.package);
	json_member_int(&w, "fingerprints_merged", d.outcome);
	json_member_bool(&w, "promoted", true);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

void decisions_handle_reject(void *ctx, struct http_request *request)
{
	struct run_decision d;
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	if (!decide(ctx, request, reject, &d))
		return;
	LOG_INFO("run rejected", LOG_STR("run_id", d.run_id), LOG_STR("by", d.decision.by));
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "run_id", d.run_id);
	json_member_string(&w, "package", d.package);
	json_member_bool(&w, "rejected", true);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}
