// SPDX-License-Identifier: Apache-2.0
#include "model/baseline.h"

#include <errno.h>
#include <stdlib.h>

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

/* Seldom any, and cheaper to ask than to look for them among what the run did. Counted, because
 * EXISTS makes the planner hope for an early hit in a walk through all packages. */
static const struct db_statement written_by_others = {
        "baseline_written_by_others",
        "SELECT count(*) FROM baseline_fingerprints WHERE package_name = $1 "
        "AND merged_run_id <> last_seen_run_id",
};

/* A value that the existing CLI wrote last holds for every actor. It has to stay so when we write
 * it: 'unknown' matches all. */
static const struct db_statement keep_every_actor = {
        "baseline_keep_every_actor",
        "INSERT INTO baseline_actors (package_name, category, value, actor, first_seen_run_id) "
        "SELECT b.package_name, b.category, b.value, 'unknown', b.last_seen_run_id "
        "FROM baseline_fingerprints b "
        "WHERE b.package_name = $1 AND b.merged_run_id <> b.last_seen_run_id "
        "AND EXISTS (SELECT 1 FROM run_fingerprints r WHERE r.run_id = $2 "
        "AND r.category = b.category AND r.value = b.value) "
        "ON CONFLICT DO NOTHING",
};

/* A run that the existing system analysed left no fingerprints, but what was new in it. */
#define SEEN                                                                                       \
	"WITH seen AS ("                                                                           \
	"SELECT category, value, actor, count FROM run_fingerprints WHERE run_id = $2 "            \
	"UNION ALL "                                                                               \
	"SELECT category, value, actor, 1 FROM deviations WHERE run_id = $2 "                      \
	"AND NOT EXISTS (SELECT 1 FROM run_sightings WHERE run_id = $2))"

/* As the existing system counts: a new value by its events; a known one by its events when a person
 * promotes, by one when a clean run does. Most are known, and an UPDATE costs a third of what ON
 * CONFLICT does; that one is for values which the existing CLI writes at this very moment. */
#define COUNT_ONE_MORE(by)                                                                         \
	"last_seen_run_id = $2, merged_run_id = $2, "                                              \
	"occurrence_count = LEAST(b.occurrence_count::BIGINT + "                                   \
	"CASE WHEN $3::BOOLEAN THEN " by " ELSE 1 END, 2147483647)::INTEGER"

static const struct db_statement merge_fingerprints = {
        "baseline_merge_fingerprints",
        SEEN ", merged AS ("
             "SELECT category, value, LEAST(SUM(count), 2147483647)::INTEGER AS count "
             "FROM seen GROUP BY category, value), "
             "known AS ("
             "UPDATE baseline_fingerprints b SET " COUNT_ONE_MORE(
                     "m.count") " FROM merged m WHERE b.package_name = $1 "
                                "AND b.category = m.category AND b.value = m.value "
                                "RETURNING b.category, b.value), "
                                "added AS ("
                                "INSERT INTO baseline_fingerprints AS b (package_name, category, "
                                "value, first_seen_run_id, last_seen_run_id, occurrence_count, "
                                "merged_run_id) "
                                "SELECT $1, category, value, $2, $2, count, $2 FROM merged m "
                                "WHERE NOT EXISTS (SELECT 1 FROM known k "
                                "WHERE k.category = m.category AND k.value = m.value) "
                                "ORDER BY category, value "
                                "ON CONFLICT (package_name, category, value) DO UPDATE "
                                "SET " COUNT_ONE_MORE(
                                        "EXCLUDED.occurrence_count") " RETURNING 1) "
                                                                     "SELECT (SELECT count(*) FROM "
                                                                     "known) + (SELECT count(*) "
                                                                     "FROM added)",
};

static const struct db_statement merge_actors = {
        "baseline_merge_actors",
        SEEN " INSERT INTO baseline_actors (package_name, category, value, actor, "
             "first_seen_run_id) "
             "SELECT DISTINCT $1, s.category, s.value, s.actor, $2 FROM seen s "
             "WHERE NOT EXISTS (SELECT 1 FROM baseline_actors a WHERE a.package_name = $1 "
             "AND a.category = s.category AND a.value = s.value AND a.actor = s.actor) "
             "ORDER BY s.category, s.value, s.actor ON CONFLICT DO NOTHING",
};

static const struct db_statement mark_run = {
        "baseline_mark_run",
        "UPDATE runs SET is_baseline = TRUE, "
        "decision = CASE WHEN $2::BOOLEAN THEN 'promote' ELSE decision END WHERE id = $1",
};

static const struct db_statement reject_run = {
        "baseline_reject_run",
        "UPDATE runs SET decision = 'reject' WHERE id = $1 AND decision <> 'reject'",
};

/* The differ takes the same lock before it looks whether there is a baseline. */
static const struct db_statement lock_package = {
        "baseline_lock_package",
        "SELECT pg_advisory_xact_lock(hashtextextended('fangs baseline ' || $1::text, 0))",
};

/* Their fingerprints are gone: they stand for nothing any more. */
static const struct db_statement release_runs = {
        "baseline_release_runs",
        "UPDATE runs SET is_baseline = FALSE WHERE package_name = $1 AND is_baseline",
};

static const struct db_statement drop_baseline = {
        "baseline_drop",
        "WITH head AS (DELETE FROM baselines WHERE package_name = $1 RETURNING 1), "
        "actors AS (DELETE FROM baseline_actors WHERE package_name = $1), "
        "prints AS (DELETE FROM baseline_fingerprints WHERE package_name = $1 RETURNING 1) "
        "SELECT (SELECT count(*) FROM prints), (SELECT count(*) FROM head)",
};

static const struct db_statement drop_fingerprint = {
        "baseline_drop_fingerprint",
        "WITH actors AS (DELETE FROM baseline_actors "
        "WHERE package_name = $1 AND category = $2 AND value = $3) "
        "DELETE FROM baseline_fingerprints "
        "WHERE package_name = $1 AND category = $2 AND value = $3",
};

static const struct db_statement record_decision = {
        "baseline_record_decision",
        "INSERT INTO decisions (decision, run_id, package_name, category, value, decided_by, note) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
};

/* What is decided about; "" for what it has not. */
struct subject {
	const char *run_id, *package, *category, *value;
};

static int64_t record(struct db_conn *conn, const char *word, const struct subject *subject,
                      const struct baseline_decision *decision, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(word),
	        DB_TEXT(subject->run_id),
	        DB_TEXT(subject->package),
	        DB_TEXT(subject->category),
	        DB_TEXT(subject->value),
	        DB_TEXT(decision->by),
	        DB_TEXT(decision->note),
	};

	return db_exec(conn, &record_decision, params, 7, err);
}

struct held_run {
	char *package; /* the holder's */
	bool is_baseline, judged;
};

static int hold(struct db_conn *conn, const char *run_id, struct held_run *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run_id)};
	AUTO(pgresult) PGresult *result = db_query(conn, &hold_run, params, 1, err);

	if (!result)
		return -(err ? err->code : EIO);
	if (PQntuples(result) == 0)
		return error_set(err, ENOENT, "run '%s' not found", run_id);
	if (!*db_cell(result, 0, 0))
		return error_set(err, EINVAL, "run '%s' has no package name", run_id);
	ret->is_baseline = db_cell_bool(result, 0, 1);
	ret->judged = db_cell_bool(result, 0, 2);
	ret->package = xstrdup(db_cell(result, 0, 0));
	return 0;
}

/* 1: `*ret_package` is to be promoted; 0: the run is a baseline already. */
static int lock_run(struct db_conn *conn, const char *run_id, bool by_person, char **ret_package,
                    struct error *err)
{
	struct held_run run = {0};
	int rc = hold(conn, run_id, &run, err);

	*ret_package = run.package;
	if (rc < 0 || run.is_baseline)
		return rc;
	if (by_person && !run.judged)
		return error_set(err, EINVAL, "run '%s' is not judged yet", run_id);
	return 1;
}

static int64_t merge(struct db_conn *conn, const char *package, const char *run_id, bool by_person,
                     struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package), DB_TEXT(run_id), DB_BOOL(by_person)};
	int64_t rc = db_exec(conn, &hold_baseline, params, 2, err);
	if (rc < 0)
		return rc;
	AUTO(pgresult) PGresult *others = db_query(conn, &written_by_others, params, 1, err);
	if (!others ||
	    (db_cell_int(others, 0, 0) > 0 && db_exec(conn, &keep_every_actor, params, 2, err) < 0))
		return -err->code;
	AUTO(pgresult) PGresult *merged = db_query(conn, &merge_fingerprints, params, 3, err);
	if (!merged || db_exec(conn, &merge_actors, params, 2, err) < 0)
		return -err->code;
	return db_cell_int(merged, 0, 0);
}

int64_t baseline_promote(struct db_conn *conn, const char *run_id,
                         const struct baseline_decision *decision, struct error *err)
{
	AUTO(free) char *package = NULL;
	bool by_person = decision != NULL;
	int rc = lock_run(conn, run_id, by_person, &package, err);
	if (rc <= 0)
		return rc;
	int64_t merged = merge(conn, package, run_id, by_person, err);
	if (merged < 0)
		return merged;
	const struct db_param params[] = {DB_TEXT(run_id), DB_BOOL(by_person)};
	int64_t done = db_exec(conn, &mark_run, params, 2, err);
	if (done >= 0 && by_person)
		done = record(conn, "promote", &(struct subject){run_id, package, "", ""}, decision,
		              err);
	return done < 0 ? done : merged;
}

int baseline_reject(struct db_conn *conn, const char *run_id,
                    const struct baseline_decision *decision, struct error *err)
{
	AUTO(free) char *package = NULL;
	struct held_run run = {0};
	int rc = hold(conn, run_id, &run, err);

	package = run.package;
	if (rc < 0)
		return rc;
	if (run.is_baseline)
		return error_set(
		        err, EINVAL,
		        "run '%s' is part of the baseline: remove from that what should not "
		        "be in it",
		        run_id);
	if (!run.judged)
		return error_set(err, EINVAL, "run '%s' is not judged yet", run_id);
	const struct db_param params[] = {DB_TEXT(run_id)};
	int64_t changed = db_exec(conn, &reject_run, params, 1, err);
	if (changed > 0 &&
	    record(conn, "reject", &(struct subject){run_id, package, "", ""}, decision, err) < 0)
		return -err->code;
	return (int)changed;
}

/* The number of fingerprints; -ENOENT without a baseline. */
static int64_t drop(struct db_conn *conn, const char *package, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package)};
	AUTO(pgresult) PGresult *result = db_query(conn, &drop_baseline, params, 1, err);

	if (!result)
		return -err->code;
	int64_t count = db_cell_int(result, 0, 0);
	if (count == 0 && db_cell_int(result, 0, 1) == 0)
		return error_set(err, ENOENT, "package '%s' has no baseline", package);
	return count;
}

int64_t baseline_reset(struct db_conn *conn, const char *package,
                       const struct baseline_decision *decision, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package)};
	int64_t count = db_exec(conn, &lock_package, params, 1, err);

	if (count >= 0)
		count = drop(conn, package, err);
	if (count < 0)
		return count;
	if (db_exec(conn, &release_runs, params, 1, err) < 0 ||
	    record(conn, "reset", &(struct subject){"", package, "", ""}, decision, err) < 0)
		return -err->code;
	return count;
}

int baseline_forget(struct db_conn *conn, const char *package, const char *category,
                    const char *value, const struct baseline_decision *decision, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package), DB_TEXT(category), DB_TEXT(value)};
	int64_t count = db_exec(conn, &lock_package, params, 1, err);

	if (count >= 0)
		count = db_exec(conn, &drop_fingerprint, params, 3, err);
	if (count > 0 && record(conn, "forget", &(struct subject){"", package, category, value},
	                        decision, err) < 0)
		return -err->code;
	return (int)count;
}
