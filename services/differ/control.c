// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <string.h>

#include "base/clock.h"
#include "differ_sql.h"
#include "log/log.h"
#include "model/baseline.h"
#include "model/version_line.h"

enum { CANDIDATES_MAX = 50, EXPIRED_PER_SWEEP = 50 };

/* Whether the run's package wants controls, for runs of releases: who asks for a scan sees what
 * comes of it. */
static const struct db_statement is_wanted = {
        "differ_control_wanted",
        "SELECT 1 FROM runs r WHERE r.id = $1 AND r.trigger = 'release' AND COALESCE("
        "(SELECT control FROM package_policies p WHERE p.package_name = r.package_name),"
        " $2::boolean)"};

static const struct db_statement promoted_versions = {
        "differ_promoted_versions",
        "SELECT version FROM runs WHERE package_name = $1 AND is_baseline AND id <> $2"
        " ORDER BY started_at DESC NULLS LAST, id DESC LIMIT $3::int"};

static const struct db_statement ask = {
        "differ_ask_control", "INSERT INTO controls (run_id, version, until)"
                              " VALUES ($1, $2, now() + $3::bigint * INTERVAL '1 millisecond')"
                              " ON CONFLICT (run_id) DO NOTHING"};

static const struct db_statement lock_control = {
        "differ_lock_control",
        "SELECT run_id, version FROM controls WHERE control_run_id = $1 AND outcome = ''"
        " FOR UPDATE"};

static const struct db_statement mark_drift = {
        "differ_mark_drift",
        "WITH shown AS MATERIALIZED (SELECT category, actor, value FROM run_fingerprints"
        "  WHERE run_id = $2)"
        " UPDATE deviations d SET drift = TRUE, suppressed = TRUE,"
        "  reason = d.reason || ' (version ' || $3 || ' does it today as well)'"
        " WHERE d.run_id = $1 AND NOT d.suppressed AND d.severity <> 'crit' AND EXISTS ("
        "  SELECT 1 FROM shown s WHERE s.category = d.category AND s.value = d.value"
        "  AND (s.actor = d.actor OR s.actor = 'unknown' OR d.actor = 'unknown'))"};

/* The run whose verdict waits. Nobody decided about it when the fourth column is true. */
static const struct db_statement held_run = {
        "differ_held_run",
        "SELECT package_name, version, verdict, verdict = 'deviates' AND decision = ''"
        " AND NOT is_baseline, complete AND NOT EXISTS (SELECT 1 FROM runs b WHERE b.decision ="
        "  'reject' AND b.package_name = r.package_name AND b.version = r.version)"
        " FROM runs r WHERE r.id = $1 FOR NO KEY UPDATE OF r"};

static const struct db_statement set_verdict = {
        "differ_set_verdict", "UPDATE runs SET verdict = $2, judged_at = now() WHERE id = $1"};

static const struct db_statement close_control = {
        "differ_close_control",
        "UPDATE controls SET outcome = $2, ended_at = now() WHERE run_id = $1"};

static const struct db_statement expired_controls = {
        "differ_expired_controls",
        "SELECT c.run_id, r.package_name FROM controls c JOIN runs r ON r.id = c.run_id"
        " WHERE c.outcome = '' AND c.until < now() ORDER BY c.until LIMIT $1::int"};

static const struct db_statement lock_expired = {
        "differ_lock_expired_control",
        "SELECT 1 FROM controls WHERE run_id = $1 AND outcome = '' FOR UPDATE SKIP LOCKED"};

static int is_control_wanted(const struct differ *differ, struct db_conn *conn,
                             const struct run_state *run, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id), DB_BOOL(differ->config->control)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &is_wanted, params, 2, err);
	return rows ? PQntuples(rows) : -err->code;
}

/* The newest promoted one, of the same line when there is any. NULL: none. */
static const char *pick_version(const PGresult *rows, const char *version)
{
	int64_t line = version_line(version);
	for (int row = 0; row < PQntuples(rows); row++) {
		if (version_line(db_cell(rows, row, 0)) == line)
			return db_cell(rows, row, 0);
	}
	return PQntuples(rows) > 0 ? db_cell(rows, 0, 0) : NULL;
}

int control_ask(const struct differ *differ, struct db_conn *conn, const struct run_state *run,
                const struct outcome *outcome, struct error *err)
{
	if (strcmp(outcome->max_severity, severity_name(SEVERITY_CRIT)) == 0)
		return 0;
	int wanted = is_control_wanted(differ, conn, run, err);
	if (wanted <= 0)
		return wanted;
	const struct db_param params[] = {DB_TEXT(run->package), DB_TEXT(run->id),
	                                  DB_INT(CANDIDATES_MAX)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &promoted_versions, params, 3, err);
	if (!rows)
		return -err->code;
	const char *version = pick_version(rows, run->version);
	if (!version)
		return 0;
	const struct db_param asked[] = {DB_TEXT(run->id), DB_TEXT(version),
	                                 DB_INT(differ->config->control_limit_ms)};
	return (int)db_exec(conn, &ask, asked, 3, err);
}

/* A run that a person has not decided about, and that has nothing left. */
static int settle(struct differ *differ, struct db_conn *conn, const char *run_id, bool complete,
                  const char **ret_verdict, struct error *err)
{
	*ret_verdict = verdict_name(complete ? VERDICT_CLEAN : VERDICT_INCOMPLETE);
	const struct db_param params[] = {DB_TEXT(run_id), DB_TEXT(*ret_verdict)};
	if (db_exec(conn, &set_verdict, params, 2, err) < 0)
		return -err->code;
	if (!complete)
		return 0;
	if (baseline_learn(conn, run_id, differ->config->seed_runs, err) < 0)
		return -err->code;
	differ->metrics.pending.promoted++;
	return 0;
}

/* Sends the verdict as it is after the control, and closes that. */
static int close_held(struct differ *differ, struct db_conn *conn, const char *run_id,
                      int64_t drifted, const char *word, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id), DB_TEXT(word)};
	struct outcome outcome = {0};
	AUTO(pgresult) PGresult *run = db_query(conn, &held_run, params, 1, err);
	if (!run || differ_count_deviations(conn, run_id, &outcome, err) < 0)
		return -err->code;
	if (PQntuples(run) == 0)
		return 0;
	const char *verdict = db_cell(run, 0, 2);
	bool nothing_left = drifted > 0 && outcome.deviations == 0 && db_cell_bool(run, 0, 3);
	if (nothing_left &&
	    settle(differ, conn, run_id, db_cell_bool(run, 0, 4), &verdict, err) < 0)
		return -err->code;
	if (drifted > 0 && !nothing_left)
		word = "part";
	const struct db_param closed[] = {DB_TEXT(run_id), DB_TEXT(word)};
	if (db_exec(conn, &close_control, closed, 2, err) < 0)
		return -err->code;
	if (strcmp(db_cell(run, 0, 2), verdict_name(VERDICT_DEVIATES)) != 0)
		return 0; /* a rule changed meanwhile, and another verdict was told */
	LOG_INFO("control ended", LOG_STR("run_id", run_id), LOG_STR("outcome", word),
	         LOG_INT("drift", drifted), LOG_STR("verdict", verdict));
	return differ_send_verdict(conn,
	                           &(struct verdict_message){
	                                   .run_id = run_id,
	                                   .package = db_cell(run, 0, 0),
	                                   .version = db_cell(run, 0, 1),
	                                   .verdict = verdict,
	                                   .max_severity = outcome.max_severity,
	                                   .deviation_count = outcome.deviations,
	                                   .complete = db_cell_bool(run, 0, 4),
	                                   .judged_at_ns = clock_wall_ns(),
	                           },
	                           err);
}

int control_end(struct differ *differ, struct db_conn *conn, const struct run_state *control,
                bool complete, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(control->id)};
	AUTO(pgresult) PGresult *held = db_query(conn, &lock_control, params, 1, err);
	if (!held)
		return -err->code;
	if (PQntuples(held) == 0)
		return 0; /* it ended too late */
	const char *run_id = db_cell(held, 0, 0);
	if (!complete)
		return close_held(differ, conn, run_id, 0, "failed", err);
	const struct db_param marked[] = {DB_TEXT(run_id), DB_TEXT(control->id),
	                                  DB_TEXT(control->version)};
	int64_t drifted = db_exec(conn, &mark_drift, marked, 3, err);
	if (drifted < 0)
		return (int)drifted;
	return close_held(differ, conn, run_id, drifted, drifted ? "drift" : "none", err);
}

static int expire(struct differ *differ, struct db_conn *conn, const char *run_id,
                  const char *package, struct error *err)
{
	AUTO(pgresult)
	PGresult *locked =
	        db_query(conn, &sql_lock_package, (struct db_param[]){DB_TEXT(package)}, 1, err);
	if (!locked)
		return -err->code;
	AUTO(pgresult)
	PGresult *open =
	        db_query(conn, &lock_expired, (struct db_param[]){DB_TEXT(run_id)}, 1, err);
	if (!open)
		return -err->code;
	return PQntuples(open) > 0 ? close_held(differ, conn, run_id, 0, "expired", err) : 0;
}

int differ_expire_controls(struct differ *differ, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	AUTO(pgresult)
	PGresult *rows = db_query(conn, &expired_controls,
	                          (struct db_param[]){DB_INT(EXPIRED_PER_SWEEP)}, 1, err);
	int failed = rows ? 0 : -err->code;
	for (int row = 0; !failed && row < PQntuples(rows); row++) {
		failed = db_begin(conn, err);
		if (!failed)
			failed = expire(differ, conn, db_cell(rows, row, 0), db_cell(rows, row, 1),
			                err);
		if (!failed)
			failed = db_commit(conn, err);
		else
			db_rollback(conn);
	}
	return failed;
}
