// SPDX-License-Identifier: Apache-2.0
/*
 * What a baseline has not seen for long is removed from it: package by package, as each got a new
 * run, some values in each sweep. Age is counted in runs of the package or in time up to its newest
 * run, so that a package without releases forgets nothing.
 *
 * A value that only an older line of versions did is not removed: it is known to that line alone
 * from then on, for its back-ports. What the existing CLI promoted stays until a run of ours shows
 * it. Any replica may do it; one at a time does.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "differ.h"
#include "differ_sql.h"
#include "log/log.h"

enum { VALUES_PER_SWEEP = 2000 };

static const struct db_statement lock = {
        "differ_age_lock", "SELECT pg_try_advisory_xact_lock(x'66616e677305'::bigint)"};

static const struct db_statement due = {
        "differ_age_due",
        "SELECT package_name FROM baselines WHERE promotions > aged ORDER BY package_name LIMIT 1"};

/* $1 package, $2 and $3 the last value before, $4 runs, $5 milliseconds, $6 how many. Columns:
 * category and value of the last one, how many there were, how many were forgotten. */
static const struct db_statement forget = {
        "differ_age_forget",
        "WITH page AS MATERIALIZED (SELECT f.category, f.value, f.seen_line < b.newest_line AS"
        "   other_line, f.merged_run_id = f.last_seen_run_id AND f.seen_promotion < b.promotions"
        "   AND (($4::bigint > 0 AND b.promotions - f.seen_promotion >= $4)"
        "    OR ($5::bigint > 0 AND f.seen_at < b.promoted_at - $5 * INTERVAL '1 millisecond'))"
        "   AND f.until_line > f.seen_line AS old"
        "  FROM baseline_fingerprints f JOIN baselines b USING (package_name)"
        "  WHERE f.package_name = $1 AND (f.category, f.value) > ($2, $3)"
        "  ORDER BY f.category, f.value LIMIT $6::int),"
        " narrowed AS (UPDATE baseline_fingerprints f SET until_line = f.seen_line FROM page p"
        "  WHERE p.old AND p.other_line AND f.package_name = $1 AND f.category = p.category"
        "  AND f.value = p.value RETURNING 1),"
        " gone AS (DELETE FROM baseline_fingerprints f USING page p WHERE p.old"
        "  AND NOT p.other_line AND f.package_name = $1 AND f.category = p.category"
        "  AND f.value = p.value RETURNING f.category, f.value),"
        " actors AS (DELETE FROM baseline_actors a USING gone g WHERE a.package_name = $1"
        "  AND a.category = g.category AND a.value = g.value)"
        " SELECT (SELECT category FROM page ORDER BY category DESC, value DESC LIMIT 1),"
        "  (SELECT value FROM page ORDER BY category DESC, value DESC LIMIT 1),"
        "  (SELECT count(*) FROM page),"
        "  (SELECT count(*) FROM narrowed) + (SELECT count(*) FROM gone)"};

static const struct db_statement done = {
        "differ_age_done",
        "UPDATE baselines SET aged = promotions WHERE package_name = $1 AND promotions > aged"};

void age_pass_release(struct age_pass *pass)
{
	free(pass->package);
	free(pass->category);
	free(pass->value);
	*pass = (struct age_pass){0};
}

/* 1: there is a package at hand. */
static int begin_pass(struct age_pass *pass, struct db_conn *conn, struct error *err)
{
	if (pass->package)
		return 1;
	AUTO(pgresult) PGresult *rows = db_query(conn, &due, NULL, 0, err);
	if (!rows)
		return -err->code;
	if (PQntuples(rows) == 0)
		return 0;
	*pass = (struct age_pass){xstrdup(db_cell(rows, 0, 0)), xstrdup(""), xstrdup("")};
	return 1;
}

/* Steps over the page. 1: it was the last one. */
static int step_of_pass(const struct differ *differ, struct age_pass *pass, struct db_conn *conn,
                        struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(pass->package),
	        DB_TEXT(pass->category),
	        DB_TEXT(pass->value),
	        DB_INT(differ->config->baseline_max_runs),
	        DB_INT(differ->config->baseline_max_age_ms),
	        DB_INT(VALUES_PER_SWEEP),
	};
	AUTO(pgresult) PGresult *rows = db_query(conn, &forget, params, 6, err);
	if (!rows)
		return -err->code;
	if (db_cell_int(rows, 0, 3) > 0)
		LOG_INFO("old values left a baseline", LOG_STR("package", pass->package),
		         LOG_INT("values", db_cell_int(rows, 0, 3)));
	if (db_cell_int(rows, 0, 2) < VALUES_PER_SWEEP)
		return db_exec(conn, &done, params, 1, err) < 0 ? -err->code : 1;
	free(pass->category);
	free(pass->value);
	pass->category = xstrdup(db_cell(rows, 0, 0));
	pass->value = xstrdup(db_cell(rows, 0, 1));
	return 0;
}

static int age(struct differ *differ, struct db_conn *conn, bool *ret_ended, struct error *err)
{
	struct age_pass *pass = &differ->age;
	AUTO(pgresult) PGresult *got = db_query(conn, &lock, NULL, 0, err);
	if (!got)
		return -err->code;
	int more = db_cell_bool(got, 0, 0) ? begin_pass(pass, conn, err) : 0;
	if (more <= 0)
		return more;
	const struct db_param package[] = {DB_TEXT(pass->package)};
	AUTO(pgresult) PGresult *locked = db_query(conn, &sql_lock_package, package, 1, err);
	int ended = locked ? step_of_pass(differ, pass, conn, err) : -err->code;
	*ret_ended = ended > 0;
	return ended < 0 ? ended : 0;
}

int differ_age(struct differ *differ, struct error *err)
{
	const struct differ_config *config = differ->config;
	bool ended = false;
	if (config->baseline_max_runs == 0 && config->baseline_max_age_ms == 0)
		return 0;
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	int failed = db_begin(conn, err);
	if (!failed)
		failed = age(differ, conn, &ended, err);
	if (!failed)
		failed = db_commit(conn, err);
	if (failed || ended) /* a failed one begins again */
		age_pass_release(&differ->age);
	return failed;
}
