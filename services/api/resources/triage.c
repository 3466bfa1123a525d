// SPDX-License-Identifier: Apache-2.0
/*
 * What a person makes of one deviation, and runs that are to be analysed again. The differ does the
 * latter (services/differ/reanalyse.c); here it is asked to.
 */
#include <errno.h>
#include <string.h>

#include "access/access.h"
#include "base/clock.h"
#include "log/log.h"
#include "model/package.h"
#include "resources/allow_entries.h"
#include "resources/body.h"
#include "resources/decisions.h"
#include "resources/lookup.h"
#include "resources/params.h"
#include "resources/resources.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 64 << 10, WORD_MAX = 16 };

// clang-format off
static const struct db_statement hold_deviation = {"api_hold_deviation",
	"SELECT d.run_id, r.package_name, d.category, d.value, d.suppressed, d.suppressed_by,"
	" d.suppressed_why FROM deviations d JOIN runs r ON r.id = d.run_id WHERE d.id = $1"
	" FOR UPDATE OF d"};
static const struct db_statement suppress_deviation = {"api_suppress",
	"UPDATE deviations SET suppressed = TRUE, suppressed_by = 'person', suppressed_why = $2"
	" WHERE id = $1"};
/* The rules have a say again: the run's are looked up anew. */
static const struct db_statement count_deviation = {"api_unsuppress",
	"WITH d AS (UPDATE deviations SET suppressed = FALSE, suppressed_by = '', suppressed_why = ''"
	"  WHERE id = $1 RETURNING run_id)"
	" UPDATE runs r SET rules_digest = NULL FROM d WHERE r.id = d.run_id"};
static const struct db_statement open_deviations = {"api_open_deviations",
	"SELECT count(*) FROM deviations WHERE run_id = $1 AND NOT suppressed"};

#define ASK(from) \
	"INSERT INTO reanalyses (run_id, requested_by, note) " from \
	" ON CONFLICT (run_id) DO UPDATE SET requested_by = excluded.requested_by," \
	"  note = excluded.note, requested_at = excluded.requested_at"
static const struct db_statement run_state = {"api_run_to_analyse",
	"SELECT package_name, phase = 'judged', is_baseline, decision FROM runs WHERE id = $1"};
static const struct db_statement ask_for_run = {"api_reanalyse_run",
	ASK("VALUES ($1, $2, $3)")};
static const struct db_statement ask_for_package = {"api_reanalyse_package",
	ASK("SELECT id, $2, $3 FROM runs WHERE package_name = $1 AND verdict = 'deviates'"
	    " AND NOT is_baseline AND decision = ''")};
// clang-format on

/* One deviation, within its transaction. */
struct verdict_on {
	const char *id;
	struct baseline_decision decision;
	struct arena *arena;
	bool suppress; /* or count again */
	struct decision_subject subject;
	bool changed;
	int64_t open;

	/* To allow it. */
	struct allow_entry entry;
	const char *scope;        /* NULL: package */
	const char *kind, *value; /* NULL: no more than it */
	char entry_id[ALLOW_ENTRY_ID_SIZE];
	int added;
};

static PGresult *hold(struct verdict_on *v, struct db_conn *conn, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(v->id)};
	PGresult *row = db_query(conn, &hold_deviation, params, 1, err);

	if (row && PQntuples(row) == 0) {
		(void)error_set(err, ENOENT, "deviation not found");
		PQclear(row);
		return NULL;
	}
	if (row)
		v->subject = (struct decision_subject){
		        .run_id = arena_strdup(v->arena, db_cell(row, 0, 0)),
		        .package = arena_strdup(v->arena, db_cell(row, 0, 1)),
		        .category = arena_strdup(v->arena, db_cell(row, 0, 2)),
		        .value = arena_strdup(v->arena, db_cell(row, 0, 3)),
		        .deviation_id = v->id,
		};
	return row;
}

static int count_open(struct verdict_on *v, struct db_conn *conn, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(v->subject.run_id)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &open_deviations, params, 1, err);

	if (!rows)
		return -err->code;
	v->open = db_cell_int(rows, 0, 0);
	return 0;
}

static int change(struct verdict_on *v, struct db_conn *conn, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(v->id), DB_TEXT(v->decision.note)};
	int64_t rows = v->suppress ? db_exec(conn, &suppress_deviation, params, 2, err)
	                           : db_exec(conn, &count_deviation, params, 1, err);

	v->changed = true;
	return rows < 0 ? -err->code
	                : decisions_record(conn, v->suppress ? "suppress" : "unsuppress",
	                                   &v->subject, &v->decision, err);
}

static int suppress_or_not(void *ctx, struct db_conn *conn, struct error *err)
{
	struct verdict_on *v = ctx;
	AUTO(pgresult) PGresult *row = hold(v, conn, err);

	if (!row)
		return -err->code;
	bool suppressed = db_cell_bool(row, 0, 4);
	const char *by = db_cell(row, 0, 5);
	bool by_rule = strcmp(by, "entry") == 0 || strcmp(by, "baseline") == 0;
	bool as_wanted = v->suppress ? strcmp(by, "person") == 0 : !suppressed;
	int failed = 0;
	v->changed = false;
	if (!v->suppress && by_rule)
		return error_set(err, EINVAL, "deviation is suppressed because it is %s",
		                 strcmp(by, "entry") == 0 ? db_cell(row, 0, 6)
		                                          : "in the baseline now");
	if (!as_wanted)
		failed = change(v, conn, err);
	return failed ? failed : count_open(v, conn, err);
}

static void decide(struct api *api, struct http_request *request, bool suppress)
{
	struct verdict_on v = {.suppress = suppress, .arena = http_request_arena(request)};
	struct error err = {0};
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	if (!params_none(request) || !decisions_read(request, &v.decision))
		return;
	v.id = lookup_id(api, request, LOOKUP_DEVIATION);
	if (!v.id)
		return;
	int rc = db_transaction(api->db, suppress_or_not, &v, &err);
	if (rc < 0) {
		decisions_reply_failure(api, request, rc, &err);
		return;
	}
	if (v.changed)
		LOG_INFO(suppress ? "deviation suppressed" : "deviation counts again",
		         LOG_STR("deviation_id", v.id), LOG_STR("by", v.decision.by));
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "deviation_id", v.id);
	json_member_string(&w, "run_id", v.subject.run_id);
	json_member_string(&w, "package", v.subject.package);
	json_member_bool(&w, "suppressed", suppress);
	json_member_int(&w, "open_deviations", v.open);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

void triage_handle_suppress(void *ctx, struct http_request *request)
{
	decide(ctx, request, true);
}

void triage_handle_unsuppress(void *ctx, struct http_request *request)
{
	decide(ctx, request, false);
}

/* What the entry is to be: by default no more than the deviation. */
static int make_entry(struct verdict_on *v, struct error *err)
{
	bool global = v->scope && strcmp(v->scope, "global") == 0;

	allow_entry_of_deviation(v->subject.category, v->subject.value, v->arena, &v->entry);
	if (v->kind)
		v->entry.kind = v->kind;
	if (v->value)
		v->entry.value = v->value;
	v->entry.package = global ? NULL : v->subject.package;
	v->entry.note = v->decision.note;
	v->entry.by = v->decision.by;
	if (allow_entry_check(&v->entry, v->arena, err) < 0)
		return -err->code;
	if (!allow_entry_covers(&v->entry, v->subject.category, v->subject.value))
		return error_set(err, EINVAL, "%s '%s' does not cover the deviation's %s '%s'",
		                 v->entry.kind, v->entry.value, v->subject.category,
		                 v->subject.value);
	return 0;
}

static int allow(void *ctx, struct db_conn *conn, struct error *err)
{
	struct verdict_on *v = ctx;
	AUTO(pgresult) PGresult *row = hold(v, conn, err);

	if (!row || make_entry(v, err) < 0)
		return -err->code;
	v->added = allow_entry_add(conn, &v->entry, &v->subject, v->entry_id, err);
	return v->added < 0 ? v->added : 0;
}

static bool read_allow(struct http_request *request, struct verdict_on *ret)
{
	static const struct body_member members[] = {
	        {"by", BODY_TEXT, .max = DECISION_BY_MAX},
	        {"note", BODY_TEXT, .max = DECISION_NOTE_MAX},
	        {"scope", BODY_TEXT, .max = WORD_MAX},
	        {"kind", BODY_TEXT, .max = WORD_MAX},
	        {"value", BODY_TEXT, .max = ALLOW_VALUE_MAX},
	};
	struct arena *arena = http_request_arena(request);
	AUTO(json) struct json *body = NULL;

	ret->decision = (struct baseline_decision){access_identity(request)->name, ""};
	if (http_request_body(request).size == 0)
		return true;
	body = body_read(request, members, BODY_COUNT(members));
	if (!body)
		return false;
	if (!*ret->decision.by)
		ret->decision.by = arena_strdup(arena, json_string(json_get(body, "by"), ""));
	ret->decision.note = arena_strdup(arena, json_string(json_get(body, "note"), ""));
	const char **texts[] = {&ret->scope, &ret->kind, &ret->value};
	for (size_t i = 0; i < 3; i++) {
		const struct json *item = json_get(body, members[2 + i].name);
		*texts[i] = item ? arena_strdup(arena, json_string(item, "")) : NULL;
	}
	if (!ret->scope || strcmp(ret->scope, "package") == 0 || strcmp(ret->scope, "global") == 0)
		return true;
	http_reply_error(request, 400, "scope must be package or global");
	return false;
}

static void reply_allowed(struct http_request *request, const struct verdict_on *v)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	allow_entry_write(&w, &v->entry, v->entry_id);
	json_member_string(&w, "deviation_id", v->id);
	json_end_object(&w);
	http_reply_json(request, 201, buf_view(&body));
}

void triage_handle_allow(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct verdict_on v = {.arena = http_request_arena(request)};
	struct error err = {0};

	if (!params_none(request) || !read_allow(request, &v))
		return;
	v.id = lookup_id(api, request, LOOKUP_DEVIATION);
	if (!v.id)
		return;
	int rc = db_transaction(api->db, allow, &v, &err);
	if (rc == -ENOENT)
		http_reply_error(request, 404, "%s", err.text);
	else if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else if (v.added == 0)
		http_reply_error(request, 409, "there is such an entry already");
	else
		reply_allowed(request, &v);
}

/* A request to the differ, within its transaction. */
struct wish {
	const char *key; /* run or package */
	struct baseline_decision decision;
	struct arena *arena;
	const char *package;
	int64_t runs;
};

static int check_run(struct wish *wish, struct db_conn *conn, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(wish->key)};
	AUTO(pgresult) PGresult *row = db_query(conn, &run_state, params, 1, err);

	if (!row)
		return -err->code;
	if (PQntuples(row) == 0)
		return error_set(err, ENOENT, "run not found");
	wish->package = arena_strdup(wish->arena, db_cell(row, 0, 0));
	if (!*wish->package)
		return error_set(err, EINVAL, "run '%s' has no package name", wish->key);
	if (!db_cell_bool(row, 0, 1))
		return error_set(err, EINVAL, "run '%s' is not judged yet", wish->key);
	if (db_cell_bool(row, 0, 2))
		return error_set(err, EINVAL, "run '%s' is part of the baseline", wish->key);
	if (*db_cell(row, 0, 3))
		return error_set(err, EINVAL, "somebody decided about run '%s' already", wish->key);
	return 0;
}

static int64_t ask(struct wish *wish, struct db_conn *conn, const struct db_statement *statement,
                   struct error *err)
{
	const struct db_param params[] = {DB_TEXT(wish->key), DB_TEXT(wish->decision.by),
	                                  DB_TEXT(wish->decision.note)};

	wish->runs = db_exec(conn, statement, params, 3, err);
	return wish->runs < 0 ? -err->code : 0;
}

static int ask_run(void *ctx, struct db_conn *conn, struct error *err)
{
	int failed = check_run(ctx, conn, err);

	return failed ? failed : (int)ask(ctx, conn, &ask_for_run, err);
}

static int ask_package(void *ctx, struct db_conn *conn, struct error *err)
{
	return (int)ask(ctx, conn, &ask_for_package, err);
}

static void reply_wished(struct http_request *request, const struct wish *wish, const char *run_id)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	if (run_id)
		json_member_string(&w, "run_id", run_id);
	json_member_string(&w, "package", wish->package);
	json_member_int(&w, "runs", wish->runs);
	json_end_object(&w);
	http_reply_json(request, 202, buf_view(&body));
}

void triage_handle_reanalyse_run(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct wish wish = {.arena = http_request_arena(request)};
	struct error err = {0};

	if (!params_none(request) || !decisions_read(request, &wish.decision))
		return;
	wish.key = lookup_id(api, request, LOOKUP_RUN);
	if (!wish.key)
		return;
	int rc = db_transaction(api->db, ask_run, &wish, &err);
	if (rc < 0)
		decisions_reply_failure(api, request, rc, &err);
	else
		reply_wished(request, &wish, wish.key);
}

void triage_handle_reanalyse_package(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct wish wish = {.key = http_request_param(request, "name")};
	struct error err = {0};

	wish.package = wish.key;
	if (!params_none(request) || !decisions_read(request, &wish.decision))
		return;
	int rc = db_transaction(api->db, ask_package, &wish, &err);
	if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else
		reply_wished(request, &wish, NULL);
}
