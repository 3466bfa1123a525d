// SPDX-License-Identifier: Apache-2.0
#include "queries.h"

#define MS "::bigint * interval '1 millisecond'"
#define IN_HANDS "phase IN ('leased', 'running')"
#define ALIVE(timeout)                                                                             \
	"last_seen_at > now() - " timeout MS " AND status <> 'draining'"                           \
	" AND (transport = 'http' OR jobs_partition IS NOT NULL)"

static const struct db_statement insert_release_run = {
        "dispatcher_insert_release_run",
        "WITH inserted AS (INSERT INTO runs (id, package_name, version, state, started_at, phase,"
        "  trigger, image, job)"
        " VALUES ($1, $2, $3, 'pending', now(), 'queued', 'release', $4, $5::jsonb)"
        " ON CONFLICT (package_name, version) WHERE trigger = 'release' DO NOTHING RETURNING id)"
        " SELECT pg_notify('fangs_runs', id) FROM inserted"};

static const struct db_statement wanted_control = {
        "dispatcher_wanted_control",
        "SELECT r.package_name, c.version, 'control', c.run_id, r.target_runner"
        " FROM controls c JOIN runs r ON r.id = c.run_id"
        " WHERE c.outcome = '' AND c.control_run_id = '' AND c.until > now()"
        " ORDER BY c.until LIMIT 1 FOR UPDATE OF c SKIP LOCKED"};

static const struct db_statement wanted_seed = {
        "dispatcher_wanted_seed",
        "SELECT b.package_name, s.version, 'seed', '', '' FROM baselines b"
        " JOIN runs s ON s.id = b.seeded_by WHERE b.state = 'seeding'"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.package_name = b.package_name"
        "  AND r.trigger = 'seed' AND r.phase <> 'judged')"
        " AND (SELECT count(*) FROM runs r WHERE r.package_name = b.package_name"
        "  AND r.trigger = 'seed' AND r.queued_at >= b.seeded_at) < 3 * b.seeds_asked"
        " LIMIT 1 FOR NO KEY UPDATE OF b SKIP LOCKED"};

static const struct db_statement insert_wanted_run = {
        "dispatcher_insert_wanted_run",
        "WITH inserted AS (INSERT INTO runs (id, package_name, version, state, started_at, phase,"
        "  image, job, trigger, control_of, target_runner)"
        " VALUES ($1, $2, $3, 'pending', now(), 'queued', $4, $5::jsonb, $6, $7, $8)"
        " RETURNING id),"
        " control AS (UPDATE controls SET control_run_id = $1 WHERE run_id = $7)"
        " SELECT pg_notify('fangs_runs', id) FROM inserted"};

static const struct db_statement give_up_control = {
        "dispatcher_give_up_control", "UPDATE controls SET until = now() WHERE run_id = $1"};

/* It stays as it is, until a release's run counts for it. */
static const struct db_statement give_up_seeds = {
        "dispatcher_give_up_seeds",
        "UPDATE baselines SET seeds_asked = 0 WHERE package_name = $1 AND state = 'seeding'"};

#define WAITS "phase = 'queued' AND not_before <= now() AND job IS NOT NULL"
/* Runs that are placed in one round, and runners that may turn out to be locked or to have failed
 * with the run before. */
#define ROUND_MAX "1000"
#define SPARE "8"

/* There may be many more runners than runs that wait, and each one listed costs a transaction:
 * those that are asked for by name, and of all as many as there are runs for any of them. */
static const struct db_statement free_runners = {
        "dispatcher_free_runners",
        "WITH named AS (SELECT DISTINCT target_runner AS id FROM runs"
        "  WHERE " WAITS " AND target_runner <> ''),"
        " anyone AS (SELECT count(*) AS runs FROM (SELECT 1 FROM runs"
        "  WHERE " WAITS " AND target_runner = '' LIMIT " ROUND_MAX ") q),"
        " busy AS (SELECT runner_id AS id, count(*) AS runs FROM runs WHERE " IN_HANDS
        " GROUP BY 1),"
        " free AS (SELECT r.id, COALESCE(b.runs, 0)::float8 / r.slots AS load"
        "  FROM runners r LEFT JOIN busy b USING (id)"
        "  WHERE ((SELECT runs FROM anyone) > 0 OR r.id IN (SELECT id FROM named))"
        "   AND r." ALIVE("$1") " AND COALESCE(b.runs, 0) < r.slots)"
                                " SELECT id, (SELECT count(*) FROM free) FROM ("
                                "  (SELECT id, load FROM free ORDER BY load, random()"
                                "   LIMIT (SELECT runs + " SPARE " FROM anyone))"
                                "  UNION SELECT id, load FROM free WHERE id IN (SELECT id FROM "
                                "named)) f ORDER BY load"};

static const struct db_statement lock_runner = {
        "dispatcher_lock_runner",
        "SELECT id, transport = 'kafka', COALESCE(jobs_partition, -1), slots FROM runners"
        " WHERE id = $1 AND " ALIVE("$2") " FOR NO KEY UPDATE SKIP LOCKED"};

/* The runner's lock, taken by an earlier statement, makes the count sound: whoever else gives this
 * runner a run holds that lock, and this statement sees all they committed. */
static const struct db_statement lease_run = {
        "dispatcher_lease_run",
        "WITH picked AS (SELECT id FROM runs q WHERE phase = 'queued' AND not_before <= now()"
        "  AND job IS NOT NULL AND target_runner IN ('', $1)"
        "  AND NOT ($4::boolean AND target_runner = '' AND EXISTS (SELECT 1 FROM run_attempts a"
        "   WHERE a.run_id = q.id AND a.attempt = q.attempt - 1 AND a.runner_id = $1))"
        "  ORDER BY queued_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
        " UPDATE runs r SET phase = 'leased', runner_id = $1, lease_expires_at = now() + $2" MS
        " FROM picked WHERE r.id = picked.id"
        "  AND (SELECT count(*) FROM runs u WHERE u.runner_id = $1 AND u." IN_HANDS ") < $3::bigint"
        " RETURNING r.id, r.attempt, r.job::text, fangs_ns(r.lease_expires_at),"
        "  (EXTRACT(EPOCH FROM now() - GREATEST(r.queued_at, r.not_before)) * 1000)::bigint"};

static const struct db_statement insert_attempt = {
        "dispatcher_insert_attempt",
        "INSERT INTO run_attempts (run_id, attempt, wire_id, runner_id)"
        " VALUES ($1, $2::integer, $3, $4)"};

static const struct db_statement notify_runner = {"dispatcher_notify_runner",
                                                  "SELECT pg_notify('fangs_jobs', $1)"};

/* A run without a lease (its events came without it ever being placed) is nobody's to take away. */
static const struct db_statement lock_expired_run = {
        "dispatcher_lock_expired_run",
        "SELECT r.id, r.runner_id, r.attempt, r.attempt - (SELECT count(*) FROM run_attempts h"
        "   WHERE h.run_id = r.id AND h.outcome = 'handed_back'),"
        "  r.lease_expires_at > now(), COALESCE(a.outcome = 'handed_back', false) FROM runs r"
        " LEFT JOIN run_attempts a ON a.run_id = r.id AND a.attempt = r.attempt"
        " WHERE r." IN_HANDS " AND (r.lease_expires_at <= now() OR (r.phase = 'leased'"
        "  AND r.lease_expires_at IS NOT NULL AND a.confirmed_at IS NULL"
        "  AND a.offered_at <= now() - $1" MS "))"
        " ORDER BY r.lease_expires_at LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED"};

static const struct db_statement end_attempt = {
        "dispatcher_end_attempt",
        "UPDATE run_attempts SET ended_at = now(), outcome = $3"
        " WHERE run_id = $1 AND attempt = $2::integer AND ended_at IS NULL"};

static const struct db_statement requeue_run = {
        "dispatcher_requeue_run",
        "UPDATE runs SET phase = 'queued', attempt = attempt + 1, runner_id = '',"
        " lease_expires_at = NULL, not_before = now() + $2" MS " WHERE id = $1"};

static const struct db_statement finish_run = {
        "dispatcher_finish_run",
        "UPDATE runs SET phase = 'finished', lease_expires_at = NULL WHERE id = $1"};

static const struct db_statement count_runs = {
        "dispatcher_count_runs",
        "SELECT (SELECT count(*) FROM runs WHERE phase = 'queued'),"
        " count(*) FILTER (WHERE phase = 'leased'), count(*) FILTER (WHERE phase = 'running')"
        " FROM runs WHERE " IN_HANDS};

static int run_statement(struct db_conn *conn, const struct db_statement *statement,
                         const struct db_param *params, size_t count, struct error *err)
{
	return db_exec(conn, statement, params, count, err) < 0 ? -err->code : 0;
}

int query_insert_release_run(struct db_conn *conn, const struct new_run *run, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id), DB_TEXT(run->package),
	                                  DB_TEXT(run->version), DB_TEXT(run->image),
	                                  DB_TEXT(run->job_json)};
	AUTO(pgresult) PGresult *result = db_query(conn, &insert_release_run, params, 5, err);
	return result ? PQntuples(result) : -err->code;
}

static int query_wanted(struct db_conn *conn, const struct db_statement *statement,
                        struct arena *arena, struct wanted_run *ret, struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, statement, NULL, 0, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct wanted_run){
	        .package = arena_strdup(arena, db_cell(result, 0, 0)),
	        .version = arena_strdup(arena, db_cell(result, 0, 1)),
	        .trigger = arena_strdup(arena, db_cell(result, 0, 2)),
	        .control_of = arena_strdup(arena, db_cell(result, 0, 3)),
	        .target_runner = arena_strdup(arena, db_cell(result, 0, 4)),
	};
	return 1;
}

int query_wanted_control(struct db_conn *conn, struct arena *arena, struct wanted_run *ret,
                         struct error *err)
{
	return query_wanted(conn, &wanted_control, arena, ret, err);
}

int query_wanted_seed(struct db_conn *conn, struct arena *arena, struct wanted_run *ret,
                      struct error *err)
{
	return query_wanted(conn, &wanted_seed, arena, ret, err);
}

int query_insert_wanted_run(struct db_conn *conn, const struct new_run *run,
                            const struct wanted_run *wanted, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(run->id),
	        DB_TEXT(run->package),
	        DB_TEXT(run->version),
	        DB_TEXT(run->image),
	        DB_TEXT(run->job_json),
	        DB_TEXT(wanted->trigger),
	        DB_TEXT(wanted->control_of),
	        DB_TEXT(wanted->target_runner),
	};
	return run_statement(conn, &insert_wanted_run, params, 8, err);
}

int query_give_up_wanted(struct db_conn *conn, const struct wanted_run *wanted, struct error *err)
{
	bool control = wanted->control_of[0] != '\0';
	const struct db_param params[] = {DB_TEXT(control ? wanted->control_of : wanted->package)};
	return run_statement(conn, control ? &give_up_control : &give_up_seeds, params, 1, err);
}

int query_free_runners(struct db_conn *conn, int64_t runner_timeout_ms, struct arena *arena,
                       struct free_runners *ret, struct error *err)
{
	const struct db_param params[] = {DB_INT(runner_timeout_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &free_runners, params, 1, err);
	if (!result)
		return -err->code;
	ret->count = (size_t)PQntuples(result);
	ret->ids = arena_alloc(arena, ret->count + 1, sizeof(*ret->ids));
	ret->total = ret->count ? db_cell_int(result, 0, 1) : 0;
	for (int row = 0; row < PQntuples(result); row++)
		ret->ids[row] = arena_strdup(arena, db_cell(result, row, 0));
	return 0;
}

int query_lock_runner(struct db_conn *conn, const char *id, int64_t runner_timeout_ms,
                      struct arena *arena, struct runner *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(id), DB_INT(runner_timeout_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &lock_runner, params, 2, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct runner){
	        .id = arena_strdup(arena, db_cell(result, 0, 0)),
	        .kafka = db_cell_bool(result, 0, 1),
	        .jobs_partition = (int32_t)db_cell_int(result, 0, 2),
	        .slots = db_cell_int(result, 0, 3),
	};
	return 1;
}

int query_lease_run(struct db_conn *conn, const struct runner *runner, int64_t lease_ms,
                    bool avoid_repeat, struct arena *arena, struct placed_run *ret,
                    struct error *err)
{
	const struct db_param params[] = {DB_TEXT(runner->id), DB_INT(lease_ms),
	                                  DB_INT(runner->slots), DB_BOOL(avoid_repeat)};
	AUTO(pgresult) PGresult *result = db_query(conn, &lease_run, params, 4, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct placed_run){
	        .id = arena_strdup(arena, db_cell(result, 0, 0)),
	        .attempt = db_cell_int(result, 0, 1),
	        .job_json = arena_strdup(arena, db_cell(result, 0, 2)),
	        .lease_expires_at_ns = db_cell_int(result, 0, 3),
	        .waited_s = (double)db_cell_int(result, 0, 4) / 1000,
	};
	return 1;
}

int query_insert_attempt(struct db_conn *conn, const struct placed_run *run, const char *wire_id,
                         const char *runner_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id), DB_INT(run->attempt), DB_TEXT(wire_id),
	                                  DB_TEXT(runner_id)};
	return run_statement(conn, &insert_attempt, params, 4, err);
}

int query_notify_runner(struct db_conn *conn, const char *runner_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(runner_id)};
	return run_statement(conn, &notify_runner, params, 1, err);
}

int query_lock_expired_run(struct db_conn *conn, int64_t offer_timeout_ms, struct arena *arena,
                           struct expired_run *ret, struct error *err)
{
	const struct db_param params[] = {DB_INT(offer_timeout_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &lock_expired_run, params, 1, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct expired_run){
	        .id = arena_strdup(arena, db_cell(result, 0, 0)),
	        .runner_id = arena_strdup(arena, db_cell(result, 0, 1)),
	        .attempt = db_cell_int(result, 0, 2),
	        .failures = db_cell_int(result, 0, 3),
	        .never_begun = db_cell_bool(result, 0, 4),
	        .handed_back = db_cell_bool(result, 0, 5),
	};
	return 1;
}

int query_end_attempt(struct db_conn *conn, const char *run_id, int64_t attempt,
                      const char *outcome, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id), DB_INT(attempt), DB_TEXT(outcome)};
	return run_statement(conn, &end_attempt, params, 3, err);
}

int query_requeue_run(struct db_conn *conn, const char *run_id, int64_t delay_ms, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id), DB_INT(delay_ms)};
	return run_statement(conn, &requeue_run, params, 2, err);
}

int query_finish_run(struct db_conn *conn, const char *run_id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	return run_statement(conn, &finish_run, params, 1, err);
}

int query_count_runs(struct db_conn *conn, int64_t counts[COUNTED_PHASES], struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, &count_runs, NULL, 0, err);
	if (!result)
		return -err->code;
	for (int i = 0; i < COUNTED_PHASES; i++)
		counts[i] = db_cell_int(result, 0, i);
	return 0;
}
