// SPDX-License-Identifier: Apache-2.0
#include "model/baseline.h"

#include <errno.h>

#include "base/alloc.h"

/* Holds the run until the transaction ends, so that two promotions of it follow one another. */
static const struct db_statement hold_run = {
        "baseline_hold_run",
        "SELECT package_name, is_baseline, phase = 'judged' FROM runs WHERE id = $1 FOR NO KEY "
        "UPDATE",
};

/* The package's baseline, made if it is not there, and held: promotions of one package's runs
 * follow one another, so that none sees half of another. */
static const struct db_statement hold_baseline = {
        "baseline_hold",
        "INSERT INTO baselines AS b (package_name, seeded_by) VALUES ($1, $2) "
        "ON CONFLICT (package_name) DO UPDATE SET package_name = b.package_name",
};

/* A value that the existing CLI promoted has no actors and holds for every one. It has to stay so
 * when the first actor is added: 'unknown' matches all. */
static const struct db_statement keep_every_actor = {
        "baseline_keep_every_actor",
        "INSERT INTO baseline_actors (package_name, category, value, actor, last_seen_run_id) "
        "SELECT b.package_name, b.category, b.value, 'unknown', b.last_seen_run_id "
        "FROM baseline_fingerprints b "
        "WHERE b.package_name = $1 "
        "AND EXISTS (SELECT 1 FROM run_fingerprints r WHERE r.run_id = $2 "
        "AND r.category = b.category AND r.value = b.value) "
        "AND NOT EXISTS (SELECT 1 FROM baseline_actors a WHERE a.package_name = b.package_name "
        "AND a.category = b.category AND a.value = b.value) "
        "ON CONFLICT DO NOTHING",
};

/* A run that the existing system analysed left no fingerprints, but what was new in it. */
#define SEEN                                                                                       \
	"WITH seen AS ("                                                                           \
	"SELECT category, value, actor, count FROM run_fingerprints WHERE run_id = $2 "            \
	"UNION ALL "                                                                               \
	"SELECT category, value, actor, 1 FROM deviations WHERE run_id = $2 "                      \
	"AND NOT EXISTS (SELECT 1 FROM run_fingerprints WHERE run_id = $2)) "

/* As the existing system counts: a new value by its events; a known one by its events when a person
 * promotes, by one when a clean run does. */
static const struct db_statement merge_fingerprints = {
        "baseline_merge_fingerprints",
        SEEN "INSERT INTO baseline_fingerprints AS b (package_name, category, value, "
             "first_seen_run_id, last_seen_run_id, occurrence_count) "
             "SELECT $1, category, value, $2, $2, LEAST(SUM(count), 2147483647)::INTEGER "
             "FROM seen GROUP BY category, value ORDER BY category, value "
             "ON CONFLICT (package_name, category, value) DO UPDATE SET "
             "last_seen_run_id = EXCLUDED.last_seen_run_id, "
             "occurrence_count = LEAST(b.occurrence_count::BIGINT + "
             "CASE WHEN $3::BOOLEAN THEN EXCLUDED.occurrence_count ELSE 1 END, "
             "2147483647)::INTEGER",
};

static const struct db_statement merge_actors = {
        "baseline_merge_actors",
        SEEN "INSERT INTO baseline_actors (package_name, category, value, actor, last_seen_run_id) "
             "SELECT DISTINCT $1, category, value, actor, $2 FROM seen "
             "ORDER BY category, value, actor "
             "ON CONFLICT (package_name, category, value, actor) DO UPDATE SET "
             "last_seen_run_id = EXCLUDED.last_seen_run_id",
};

static const struct db_statement mark_run = {
        "baseline_mark_run",
        "UPDATE runs SET is_baseline = TRUE WHERE id = $1",
};

static const struct db_statement record_decision = {
        "baseline_record_decision",
        "INSERT INTO decisions (run_id, decision, decided_by) VALUES ($1, 'promote', $2)",
};

/* 1: `*ret_package` is to be promoted; 0: the run is a baseline already. */
static int lock_run(struct db_conn *conn, const char *run_id, bool by_person, char **ret_package,
                    struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &hold_run, params, 1, err);
	if (!result)
		return -(err ? err->code : EIO);
	if (PQntuples(result) == 0)
		return error_set(err, ENOENT, "run '%s' not found", run_id);
	const char *package = db_cell(result, 0, 0);
	if (!*package)
		return error_set(err, EINVAL, "run '%s' has no package name", run_id);
	if (db_cell_bool(result, 0, 1))
		return 0;
	if (by_person && !db_cell_bool(result, 0, 2))
		return error_set(err, EINVAL, "run '%s' is not judged yet", run_id);
	*ret_package = xstrdup(package);
	return 1;
}

static int64_t merge(struct db_conn *conn, const char *package, const char *run_id, bool by_person,
                     struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package), DB_TEXT(run_id), DB_BOOL(by_person)};
	int64_t rc = db_exec(conn, &hold_baseline, params, 2, err);
	if (rc >= 0)
		rc = db_exec(conn, &keep_every_actor, params, 2, err);
	if (rc < 0)
		return rc;
	int64_t merged = db_exec(conn, &merge_fingerprints, params, 3, err);
	if (merged < 0)
		return merged;
	rc = db_exec(conn, &merge_actors, params, 2, err);
	return rc < 0 ? rc : merged;
}

int64_t baseline_promote(struct db_conn *conn, const char *run_id, const char *decided_by,
                         struct error *err)
{
	AUTO(free) char *package = NULL;
	bool by_person = decided_by != NULL;
	int rc = lock_run(conn, run_id, by_person, &package, err);
	if (rc <= 0)
		return rc;
	int64_t merged = merge(conn, package, run_id, by_person, err);
	if (merged < 0)
		return merged;
	const struct db_param params[] = {DB_TEXT(run_id), DB_TEXT(decided_by)};
	int64_t done = db_exec(conn, &mark_run, params, 1, err);
	if (done >= 0 && by_person)
		done = db_exec(conn, &record_decision, params, 2, err);
	return done < 0 ? done : merged;
}
