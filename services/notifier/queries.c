// SPDX-License-Identifier: Apache-2.0
#include "queries.h"

#include "base/hex.h"

#define MS "::bigint * interval '1 millisecond'"

static const struct db_statement subscribers = {
        "notifier_subscribers",
        "SELECT name, min_severity FROM notifiers WHERE enabled ORDER BY name"};

static const struct db_statement queue_delivery = {
        "notifier_queue_delivery",
        "WITH queued AS (INSERT INTO deliveries (run_id, notifier_name, webhook_id)"
        " SELECT r.id, n.name, $3 FROM runs r, notifiers n WHERE r.id = $1 AND n.name = $2"
        " FOR KEY SHARE ON CONFLICT (run_id, notifier_name) DO NOTHING RETURNING run_id)"
        " SELECT pg_notify('fangs_deliveries', '') FROM queued"};

static const struct db_statement claim_delivery = {
        "notifier_claim_delivery",
        "UPDATE deliveries d SET claimed_until = now() + $1" MS " FROM notifiers n"
        " WHERE n.name = d.notifier_name AND (d.run_id, d.notifier_name) ="
        "  (SELECT c.run_id, c.notifier_name FROM deliveries c WHERE c.status = 'queued'"
        "   AND c.next_attempt_at <= now()"
        "   AND (c.claimed_until IS NULL OR c.claimed_until <= now())"
        "   ORDER BY c.next_attempt_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
        " RETURNING d.run_id, d.notifier_name, d.webhook_id, d.attempt, encode(d.body, 'hex'),"
        "  d.deviation_count, n.url, n.template, n.secret_env, n.headers"};

static const struct db_statement run_of_notice = {
        "notifier_run_of_notice",
        "SELECT id, package_name, version, state, is_baseline FROM runs WHERE id = $1"};

static const struct db_statement findings_of_notice = {
        "notifier_findings_of_notice",
        "SELECT id, category, value, severity, evidence_event_id FROM deviations"
        " WHERE run_id = $1 AND NOT suppressed ORDER BY detected_at, id"};

/* The number of attempts made is what a claim is worth: whoever counts on first wins. */
static const struct db_statement end_attempt = {
        "notifier_end_attempt",
        "UPDATE deliveries SET attempt = $3::integer, status = $4, claimed_until = NULL,"
        " next_attempt_at = now() + $5" MS ", body = CASE WHEN $4 = 'queued' THEN $6::bytea END,"
        " deviation_count = $7::integer"
        " WHERE run_id = $1 AND notifier_name = $2 AND attempt = $3::integer - 1"
        " AND status = 'queued'"};

static const struct db_statement insert_history = {
        "notifier_insert_history",
        "INSERT INTO notifications (id, run_id, notifier_name, attempt, status, last_attempted_at,"
        " next_attempt_at, response_code, response_body, error_msg, deviation_count, created_at)"
        " VALUES ($1, $2, $3, $4::integer, $5, now(),"
        " CASE WHEN $6::boolean THEN now() + $7" MS " END,"
        " $8::integer, NULLIF($9, ''), NULLIF($10, ''), $11::integer, now())"};

static const struct db_statement mark_notified = {
        "notifier_mark_notified",
        "UPDATE deviations SET notified_at = now() WHERE run_id = $1 AND notified_at IS NULL"};

static const struct db_statement upsert_target = {
        "notifier_upsert_target",
        "INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, enabled,"
        " created_at, updated_at)"
        " VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''), NULLIF($6, ''), $7::boolean, now(),"
        " now())"
        " ON CONFLICT (name) DO UPDATE SET url = excluded.url, template = excluded.template,"
        " secret_env = excluded.secret_env, headers = excluded.headers,"
        " min_severity = excluded.min_severity, enabled = excluded.enabled,"
        " updated_at = excluded.updated_at"};

static const char *cell(struct arena *arena, const PGresult *result, int row, int column)
{
	return arena_strdup(arena, db_cell(result, row, column));
}

int query_subscribers(struct db_conn *conn, struct arena *arena, struct subscribers *ret,
                      struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, &subscribers, NULL, 0, err);
	if (!result)
		return -err->code;
	ret->count = (size_t)PQntuples(result);
	ret->items = arena_alloc(arena, ret->count + 1, sizeof(*ret->items));
	for (int row = 0; row < PQntuples(result); row++)
		ret->items[row] = (struct subscriber){
		        .name = cell(arena, result, row, 0),
		        .min_severity = cell(arena, result, row, 1),
		};
	return 0;
}

int query_queue_delivery(struct db_conn *conn, const char *run_id, const char *notifier,
                         const char *webhook_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id), DB_TEXT(notifier), DB_TEXT(webhook_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &queue_delivery, params, 3, err);
	return result ? PQntuples(result) : -err->code;
}

/* Bytes come as hex, since results are text. */
static struct view bytes_cell(struct arena *arena, const PGresult *result, int row, int column)
{
	struct view hex = view_of_string(db_cell(result, row, column));
	char *bytes = arena_alloc(arena, hex.size / 2 + 1, 1);

	if (db_cell_null(result, row, column) || !hex_decode(hex, bytes, hex.size / 2))
		return (struct view){0};
	return view_of(bytes, hex.size / 2);
}

int query_claim_delivery(struct db_conn *conn, int64_t claim_ms, struct arena *arena,
                         struct delivery *ret, struct error *err)
{
	const struct db_param params[] = {DB_INT(claim_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &claim_delivery, params, 1, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct delivery){
	        .run_id = cell(arena, result, 0, 0),
	        .notifier = cell(arena, result, 0, 1),
	        .webhook_id = cell(arena, result, 0, 2),
	        .attempt = db_cell_int(result, 0, 3) + 1,
	        .body = bytes_cell(arena, result, 0, 4),
	        .finding_count = db_cell_int(result, 0, 5),
	        .url = cell(arena, result, 0, 6),
	        .template = cell(arena, result, 0, 7),
	        .secret_env = cell(arena, result, 0, 8),
	        .headers = cell(arena, result, 0, 9),
	};
	return 1;
}

static int query_findings(struct db_conn *conn, const char *run_id, struct arena *arena,
                          struct notice *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &findings_of_notice, params, 1, err);
	if (!result)
		return -err->code;
	int count = PQntuples(result);
	struct finding *findings = arena_alloc(arena, (size_t)count + 1, sizeof(*findings));
	for (int row = 0; row < count; row++)
		findings[row] = (struct finding){
		        .id = cell(arena, result, row, 0),
		        .category = cell(arena, result, row, 1),
		        .value = cell(arena, result, row, 2),
		        .severity = cell(arena, result, row, 3),
		        .evidence_event_id = db_cell_int(result, row, 4),
		};
	ret->findings = findings;
	ret->finding_count = (size_t)count;
	return 1;
}

int query_notice(struct db_conn *conn, const char *run_id, struct arena *arena, struct notice *ret,
                 struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &run_of_notice, params, 1, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct notice){
	        .run_id = cell(arena, result, 0, 0),
	        .package = cell(arena, result, 0, 1),
	        .version = cell(arena, result, 0, 2),
	        .state = cell(arena, result, 0, 3),
	        .is_baseline = db_cell_bool(result, 0, 4),
	        .max_severity = "",
	};
	return query_findings(conn, run_id, arena, ret, err);
}

int query_end_attempt(struct db_conn *conn, const struct attempt_record *record, struct error *err)
{
	const struct delivery *delivery = record->delivery;
	const struct db_param params[] = {
	        DB_TEXT(delivery->run_id),     DB_TEXT(delivery->notifier),
	        DB_INT(delivery->attempt),     DB_TEXT(record->retry ? "queued" : record->status),
	        DB_INT(record->retry_ms),      DB_BYTES(record->body.data, record->body.size),
	        DB_INT(record->finding_count),
	};
	int64_t rows = db_exec(conn, &end_attempt, params, 7, err);
	return rows < 0 ? -err->code : (int)rows;
}

int query_insert_history(struct db_conn *conn, const struct attempt_record *record,
                         struct error *err)
{
	const struct delivery *delivery = record->delivery;
	const struct db_param params[] = {
	        DB_TEXT(record->id),
	        DB_TEXT(delivery->run_id),
	        DB_TEXT(delivery->notifier),
	        DB_INT(delivery->attempt),
	        DB_TEXT(record->status),
	        DB_BOOL(record->retry),
	        DB_INT(record->retry_ms),
	        DB_INT(record->response_code),
	        DB_TEXT(record->response_body),
	        DB_TEXT(record->error),
	        DB_INT(record->finding_count),
	};
	return db_exec(conn, &insert_history, params, 11, err) < 0 ? -err->code : 0;
}

int query_mark_notified(struct db_conn *conn, const char *run_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	return db_exec(conn, &mark_notified, params, 1, err) < 0 ? -err->code : 0;
}

int query_upsert_target(struct db_conn *conn, const struct target *target, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(target->name),     DB_TEXT(target->url),
	        DB_TEXT(target->template), DB_TEXT(target->secret_env),
	        DB_TEXT(target->headers),  DB_TEXT(target->min_severity),
	        DB_BOOL(target->enabled),
	};
	return db_exec(conn, &upsert_target, params, 7, err) < 0 ? -err->code : 0;
}
