// SPDX-License-Identifier: Apache-2.0
#include "queries.h"

#include <errno.h>
#include <stdlib.h>

#define MS "::bigint * interval '1 millisecond'"
#define IN_HANDS "phase IN ('leased', 'running')"
#define NOT_OVER "a.outcome IN ('', 'result')"

/* A partition of a runner that was silent for longer than this may be given to another one. */
#define PARTITION_KEPT "interval '1 hour'"

/* Polls come more often than anybody asks when a runner was last seen. */
#define SEEN_EVERY "interval '10 seconds'"

static const struct db_statement lock_runner = {"api_lock_runner",
                                                "SELECT boot_id FROM runners WHERE id = $1"
                                                " FOR UPDATE"};

static const struct db_statement upsert_runner = {
        "api_upsert_runner",
        "INSERT INTO runners AS r (id, hostname, kernel_version, capabilities, transport, boot_id,"
        "  slots, sensor_tier, version)"
        " VALUES ($1, $2, $3, $4::text[], $5, $6, $7::integer, $8, $9)"
        " ON CONFLICT (id) DO UPDATE SET hostname = $2, kernel_version = $3,"
        "  capabilities = $4::text[], transport = $5, boot_id = $6, slots = $7::integer,"
        "  sensor_tier = $8, version = $9, status = '', active_run_id = '', registered_at = now(),"
        "  last_seen_at = now(),"
        "  jobs_partition = CASE WHEN $5 = 'kafka' THEN r.jobs_partition END"};

/* The dispatcher takes back what has expired, with its rules for a further attempt. */
static const struct db_statement release_leases = {
        "api_release_leases",
        "WITH lost AS (UPDATE runs SET lease_expires_at = now()"
        "  WHERE runner_id = $1 AND " IN_HANDS " AND lease_expires_at IS NOT NULL"
        "  RETURNING id, attempt),"
        " ended AS (UPDATE run_attempts a SET ended_at = now(), outcome = 'lost' FROM lost"
        "  WHERE a.run_id = lost.id AND a.attempt = lost.attempt AND a.ended_at IS NULL)"
        " SELECT pg_notify('fangs_runs', '') FROM lost LIMIT 1"};

static const struct db_statement lock_partitions = {
        "api_lock_partitions", "SELECT pg_advisory_xact_lock(hashtext('fangs_jobs_partition'))"};

static const struct db_statement drop_partitions = {
        "api_drop_partitions",
        "UPDATE runners SET jobs_partition = NULL WHERE id <> $1 AND jobs_partition IS NOT NULL"
        " AND (last_seen_at < now() - " PARTITION_KEPT " OR jobs_partition >= $2::integer)"};

static const struct db_statement take_partition = {
        "api_take_partition",
        "UPDATE runners SET jobs_partition ="
        "  CASE WHEN jobs_partition < $2::integer THEN jobs_partition ELSE"
        "   (SELECT min(p) FROM generate_series(0, $2::integer - 1) p"
        "    WHERE NOT EXISTS (SELECT 1 FROM runners o WHERE o.jobs_partition = p)) END"
        " WHERE id = $1 RETURNING jobs_partition"};

/* A Kafka runner whose partition was given away must register again. */
static const struct db_statement heartbeat = {
        "api_heartbeat", "UPDATE runners SET last_seen_at = now(), active_run_id = $2,"
                         "  status = CASE WHEN $3 = '' THEN status ELSE $3 END"
                         " WHERE id = $1 AND ($4 = '' OR boot_id = $4)"
                         "  AND (transport <> 'kafka' OR jobs_partition IS NOT NULL)"};

/* To be dropped: attempts which ended without this runner's result, and ids that nobody was ever
 * told. A run without attempts came without being placed and is left alone. */
static const struct db_statement confirm_runs = {
        "api_confirm_runs",
        "WITH named AS (SELECT DISTINCT unnest($2::text[]) AS wire_id),"
        " known AS (SELECT n.wire_id, a.run_id, a.attempt,"
        "   r.attempt = a.attempt AND a.runner_id = $1 AND " NOT_OVER " AS valid"
        "  FROM named n JOIN run_attempts a USING (wire_id) JOIN runs r ON r.id = a.run_id),"
        " renewed AS (UPDATE runs r SET phase = 'running', lease_expires_at = now() + $3" MS
        "  FROM known k WHERE k.valid AND r.id = k.run_id AND r.attempt = k.attempt"
        "   AND r." IN_HANDS " AND r.lease_expires_at IS NOT NULL),"
        " confirmed AS (UPDATE run_attempts a SET confirmed_at = now() FROM known k"
        "  WHERE k.valid AND a.wire_id = k.wire_id AND a.confirmed_at IS NULL)"
        " SELECT n.wire_id FROM named n LEFT JOIN known k USING (wire_id)"
        "  WHERE NOT COALESCE(k.valid, EXISTS (SELECT 1 FROM runs r WHERE r.id = n.wire_id))"};

static const struct db_statement finish_runs = {
        "api_finish_runs",
        "WITH ended AS (SELECT r.id, r.attempt FROM unnest($1::text[]) n(wire_id)"
        "  LEFT JOIN run_attempts a ON a.wire_id = n.wire_id"
        "  JOIN runs r ON r.id = COALESCE(a.run_id, n.wire_id)"
        "   AND r.attempt = COALESCE(a.attempt, r.attempt)"
        "   AND ($2::text IS NULL OR r.runner_id = $2)),"
        " finished AS (UPDATE runs r SET phase = 'finished', lease_expires_at = NULL FROM ended e"
        "  WHERE r.id = e.id AND r.attempt = e.attempt"
        "   AND r.phase IN ('queued', 'leased', 'running') RETURNING r.id, r.attempt),"
        " noted AS (UPDATE run_attempts a SET ended_at = now(), outcome = 'result',"
        "   confirmed_at = COALESCE(confirmed_at, now())"
        "  FROM finished f WHERE a.run_id = f.id AND a.attempt = f.attempt AND a.outcome = '')"
        " SELECT pg_notify('fangs_runs', '') FROM finished LIMIT 1"};

/* A new boot gives up what earlier ones held, so an attempt that is open is of the current one. */
static const struct db_statement hand_back_runs = {
        "api_hand_back_runs",
        "WITH returned AS (UPDATE runs r SET lease_expires_at = now()"
        "  FROM run_attempts a JOIN runners w ON w.id = a.runner_id"
        "  WHERE w.id = $1 AND w.boot_id = $2 AND a.wire_id = ANY ($3::text[])"
        "   AND a.ended_at IS NULL AND r.id = a.run_id AND r.attempt = a.attempt"
        "   AND r.runner_id = $1 AND r." IN_HANDS " AND r.lease_expires_at IS NOT NULL"
        "  RETURNING r.id, r.attempt),"
        " ended AS (UPDATE run_attempts a SET ended_at = now(), outcome = 'handed_back'"
        "  FROM returned t WHERE a.run_id = t.id AND a.attempt = t.attempt"
        "   AND a.ended_at IS NULL)"
        " SELECT pg_notify('fangs_runs', '') FROM returned LIMIT 1"};

/* A run that was never placed begins here without a lease: nobody takes it away again. */
static const struct db_statement sign_of_life = {
        "api_sign_of_life",
        "WITH told AS (SELECT run_id, attempt, " NOT_OVER " AS valid FROM run_attempts a"
        "  WHERE wire_id = $1),"
        " target AS (SELECT r.id, r.runner_id, COALESCE(t.attempt, r.attempt) AS attempt,"
        "   COALESCE(t.valid AND t.attempt = r.attempt, true) AS valid,"
        "   $3::text IS NULL OR r.runner_id = $3 AS spoken_for"
        "  FROM runs r LEFT JOIN told t ON true WHERE r.id = COALESCE(t.run_id, $1)),"
        " renewed AS (UPDATE runs r SET phase = 'running',"
        "   lease_expires_at = CASE WHEN r.lease_expires_at IS NOT NULL THEN now() + $2" MS " END"
        "  FROM target t WHERE t.valid AND t.spoken_for AND r.id = t.id"
        "   AND r.attempt = t.attempt AND r.phase IN ('queued', 'leased', 'running')),"
        " confirmed AS (UPDATE run_attempts a SET confirmed_at = now() FROM target t"
        "  WHERE t.valid AND t.spoken_for AND a.wire_id = $1 AND a.confirmed_at IS NULL)"
        " SELECT id, runner_id, attempt, valid FROM target"};

/* Without a job one row with NULLs; without the runner none. */
static const struct db_statement offer_job = {
        "api_offer_job",
        "WITH seen AS (UPDATE runners SET last_seen_at = now()"
        "  WHERE id = $1 AND last_seen_at < now() - " SEEN_EVERY "),"
        " offered AS (UPDATE run_attempts o SET offered_at = now() FROM"
        " (SELECT a.run_id, a.attempt, r.job::text AS job FROM runs r"
        "   JOIN run_attempts a ON a.run_id = r.id AND a.attempt = r.attempt"
        "   WHERE r.runner_id = $1 AND r.phase = 'leased' AND a.confirmed_at IS NULL"
        "    AND a.ended_at IS NULL"
        "    AND (a.offered_at IS NULL OR a.offered_at <= now() - $2" MS ")"
        "   ORDER BY a.placed_at, a.run_id LIMIT 1 FOR UPDATE OF a SKIP LOCKED) p"
        "  WHERE o.run_id = p.run_id AND o.attempt = p.attempt RETURNING o.wire_id, p.job)"
        " SELECT o.wire_id, o.job FROM runners w LEFT JOIN offered o ON true WHERE w.id = $1"};

static const struct db_statement waiting_runners = {
        "api_waiting_runners",
        "SELECT DISTINCT r.runner_id FROM runs r"
        " JOIN run_attempts a ON a.run_id = r.id AND a.attempt = r.attempt"
        " WHERE r.phase = 'leased' AND a.confirmed_at IS NULL AND a.ended_at IS NULL"
        "  AND (a.offered_at IS NULL OR a.offered_at <= now() - $1" MS ")"};

static const struct db_statement queue_scan = {
        "api_queue_scan",
        "WITH queued AS (INSERT INTO runs (id, package_name, version, state, started_at, phase,"
        "   trigger, target_runner, image, job)"
        "  SELECT $1, $2, $3, 'pending', now(), 'queued', 'scan', $4, $5, $6::jsonb"
        "  WHERE $4 = '' OR EXISTS (SELECT 1 FROM runners WHERE id = $4) RETURNING id)"
        " SELECT pg_notify('fangs_runs', id) FROM queued"};

const struct db_statement query_totals = {
        "api_totals", "SELECT 'deviations', severity, count(*) FROM deviations GROUP BY severity"
                      " UNION ALL SELECT 'notifications',"
                      "  translate(notifier_name, E',\"\\\\\n', '____') || ',' || status, count(*)"
                      "  FROM notifications GROUP BY 2"
                      " UNION ALL SELECT 'runners', '', count(*) FROM runners"
                      "  WHERE last_seen_at > now() - interval '90 seconds'"};

/* For statements whose rows do not matter: their number. */
static int run_statement(struct db_conn *conn, const struct db_statement *statement,
                         const struct db_param *params, size_t count, struct error *err)
{
	int64_t rows = db_exec(conn, statement, params, count, err);

	return rows > INT32_MAX ? INT32_MAX : (int)rows;
}

static void add_ids(struct db_array *array, const struct id_list *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		db_array_add(array, view_of_string(ids->items[i]));
}

static void read_ids(const PGresult *result, struct arena *arena, struct id_list *ret)
{
	ret->count = (size_t)PQntuples(result);
	ret->items = arena_alloc(arena, ret->count + 1, sizeof(const char *));
	for (size_t i = 0; i < ret->count; i++)
		ret->items[i] = arena_strdup(arena, db_cell(result, (int)i, 0));
}

struct registering {
	const struct registration *registration;
	int32_t partitions;
	int32_t partition;
};

static int release_earlier_boot(struct db_conn *conn, const struct registration *r,
                                struct error *err)
{
	const struct db_param id = DB_TEXT(r->runner_id);
	AUTO(pgresult) PGresult *known = db_query(conn, &lock_runner, &id, 1, err);

	if (!known)
		return -err->code;
	if (PQntuples(known) == 0 || !*r->boot_id || strcmp(db_cell(known, 0, 0), r->boot_id) == 0)
		return 0;
	return run_statement(conn, &release_leases, &id, 1, err);
}

static int write_runner(struct db_conn *conn, const struct registration *r, struct error *err)
{
	AUTO(db_array) struct db_array capabilities;

	db_array_init(&capabilities, DB_ARRAY_TEXT);
	add_ids(&capabilities, &(struct id_list){r->capabilities, r->capability_count});
	const struct db_param params[] = {
	        DB_TEXT(r->runner_id),      DB_TEXT(r->hostname),
	        DB_TEXT(r->kernel_version), db_array_param(&capabilities),
	        DB_TEXT(r->transport),      DB_TEXT(r->boot_id),
	        DB_INT(r->slots),           DB_TEXT(r->sensor_tier),
	        DB_TEXT(r->version),
	};
	return run_statement(conn, &upsert_runner, params, sizeof(params) / sizeof(params[0]), err);
}

static int assign_partition(struct db_conn *conn, struct registering *registering,
                            struct error *err)
{
	const struct db_param params[] = {DB_TEXT(registering->registration->runner_id),
	                                  DB_INT(registering->partitions)};

	if (run_statement(conn, &lock_partitions, NULL, 0, err) < 0 ||
	    run_statement(conn, &drop_partitions, params, 2, err) < 0)
		return -err->code;
	AUTO(pgresult) PGresult *result = db_query(conn, &take_partition, params, 2, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0 || db_cell_null(result, 0, 0))
		return error_set_class(err, ERROR_RETRY, ENOSPC,
		                       "all %d partitions of 'jobs' belong to runners: raise "
		                       "bus.jobs_partitions",
		                       (int)registering->partitions);
	registering->partition = (int32_t)db_cell_int(result, 0, 0);
	return 0;
}

static int register_in_transaction(void *ctx, struct db_conn *conn, struct error *err)
{
	struct registering *registering = ctx;
	const struct registration *r = registering->registration;

	registering->partition = -1;
	if (release_earlier_boot(conn, r, err) < 0 || write_runner(conn, r, err) < 0)
		return -err->code;
	return strcmp(r->transport, "kafka") == 0 ? assign_partition(conn, registering, err) : 0;
}

int query_register(struct db *db, const struct registration *registration, int32_t partitions,
                   int32_t *ret_partition, struct error *err)
{
	struct registering registering = {.registration = registration, .partitions = partitions};
	int rc = db_transaction(db, register_in_transaction, &registering, err);

	if (rc == 0)
		*ret_partition = registering.partition;
	return rc;
}

int query_heartbeat(struct db_conn *conn, const char *runner_id, const char *active_run_id,
                    const char *status, const char *boot_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(runner_id), DB_TEXT(active_run_id),
	                                  DB_TEXT(status), DB_TEXT(boot_id)};

	return run_statement(conn, &heartbeat, params, 4, err);
}

int query_confirm_runs(struct db_conn *conn, const char *runner_id, const struct id_list *wire_ids,
                       int64_t lease_ms, struct arena *arena, struct id_list *ret_cancel,
                       struct error *err)
{
	AUTO(db_array) struct db_array ids;

	db_array_init(&ids, DB_ARRAY_TEXT);
	add_ids(&ids, wire_ids);
	const struct db_param params[] = {DB_TEXT(runner_id), db_array_param(&ids),
	                                  DB_INT(lease_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &confirm_runs, params, 3, err);
	if (!result)
		return -err->code;
	read_ids(result, arena, ret_cancel);
	return 0;
}

int query_finish_runs(struct db_conn *conn, const struct id_list *wire_ids, const char *runner_id,
                      struct error *err)
{
	AUTO(db_array) struct db_array ids;

	db_array_init(&ids, DB_ARRAY_TEXT);
	add_ids(&ids, wire_ids);
	const struct db_param params[] = {db_array_param(&ids), DB_TEXT(runner_id)};
	int rc = run_statement(conn, &finish_runs, params, 2, err);
	return rc < 0 ? rc : 0;
}

int query_hand_back_runs(struct db_conn *conn, const char *runner_id, const char *boot_id,
                         const struct id_list *wire_ids, struct error *err)
{
	AUTO(db_array) struct db_array ids;

	db_array_init(&ids, DB_ARRAY_TEXT);
	add_ids(&ids, wire_ids);
	const struct db_param params[] = {DB_TEXT(runner_id), DB_TEXT(boot_id),
	                                  db_array_param(&ids)};
	int rc = run_statement(conn, &hand_back_runs, params, 3, err);
	return rc < 0 ? rc : 0;
}

int query_sign_of_life(struct db_conn *conn, const char *wire_id, const char *speaker,
                       int64_t lease_ms, struct gate_pass *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(wire_id), DB_INT(lease_ms), DB_TEXT(speaker)};
	AUTO(pgresult) PGresult *result = db_query(conn, &sign_of_life, params, 3, err);

	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return error_set(err, ENOENT, "run not found");
	int64_t attempt = db_cell_int(result, 0, 2);
	if (!db_cell_bool(result, 0, 3))
		return error_set_class(err, ERROR_DROP, ESTALE,
		                       "attempt %lld of the run is over: it was taken back",
		                       (long long)attempt);
	(void)snprintf(ret->wire_id, sizeof(ret->wire_id), "%s", wire_id);
	(void)snprintf(ret->run_id, sizeof(ret->run_id), "%s", db_cell(result, 0, 0));
	(void)snprintf(ret->runner_id, sizeof(ret->runner_id), "%s", db_cell(result, 0, 1));
	ret->attempt = (uint32_t)attempt;
	return 0;
}

int query_offer_job(struct db_conn *conn, const char *runner_id, int64_t offer_timeout_ms,
                    struct arena *arena, struct offered_job *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(runner_id), DB_INT(offer_timeout_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &offer_job, params, 2, err);

	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return error_set(err, ENOENT,
		                 "runner not registered; POST /v1/runners/register first");
	if (db_cell_null(result, 0, 0))
		return 0;
	ret->wire_id = arena_strdup(arena, db_cell(result, 0, 0));
	ret->job_json = arena_strdup(arena, db_cell(result, 0, 1));
	return 1;
}

int query_waiting_runners(struct db_conn *conn, int64_t offer_timeout_ms,
                          void (*found)(void *ctx, const char *runner_id), void *ctx,
                          struct error *err)
{
	const struct db_param params[] = {DB_INT(offer_timeout_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &waiting_runners, params, 1, err);

	if (!result)
		return -err->code;
	for (int row = 0; row < PQntuples(result); row++)
		found(ctx, db_cell(result, row, 0));
	return 0;
}

int query_queue_scan(struct db_conn *conn, const struct scan *scan, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(scan->run_id),  DB_TEXT(scan->package),
	                                  DB_TEXT(scan->version), DB_TEXT(scan->target_runner),
	                                  DB_TEXT(scan->image),   DB_TEXT(scan->job_json)};

	return run_statement(conn, &queue_scan, params, 6, err);
}
