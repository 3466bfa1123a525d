// SPDX-License-Identifier: Apache-2.0
#include "model/baseline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/version_line.h"

/* Holds the run until the transaction ends, so that two promotions of it follow one another. */
static const struct db_statement hold_run = {
        "baseline_hold_run",
        "SELECT package_name, is_baseline, phase = 'judged', version FROM runs WHERE id = $1 "
        "FOR NO KEY UPDATE",
};

/* The package's baseline, made if it is not there, and held: promotions of one package's runs
 * follow one another, so that none sees half of another. One that was reset begins anew; what the
 * existing CLI promoted alone is trusted, as it decided. */
static const struct db_statement hold_baseline = {
        "baseline_hold",
        "INSERT INTO baselines AS b (package_name, seeded_by, state, promotions, lowest_line,"
        "  newest_line)"
        " VALUES ($1, $2, CASE WHEN EXISTS (SELECT 1 FROM baseline_fingerprints"
        "   WHERE package_name = $1) THEN 'trusted' ELSE 'seeding' END, 1, $3::bigint, $3::bigint)"
        " ON CONFLICT (package_name) DO UPDATE SET promotions = b.promotions + 1,"
        "  promoted_at = now(),"
        "  (state, seeded_by, seeded_at, seeds, lowest_line, newest_line) ="
        "   (SELECT excluded.state, excluded.seeded_by, excluded.seeded_at, excluded.seeds,"
        "     excluded.lowest_line, excluded.newest_line WHERE b.state = 'reset'"
        "    UNION ALL SELECT b.state, b.seeded_by, b.seeded_at, b.seeds,"
        "     LEAST(b.lowest_line, excluded.lowest_line),"
        "     GREATEST(b.newest_line, excluded.newest_line) WHERE b.state <> 'reset')"
        " RETURNING promotions, state",
};

/* One more run of those that are asked for; a person's word is enough. */
static const struct db_statement settle_baseline = {
        "baseline_settle",
        "UPDATE baselines b SET seeds = seeds + 1, seeds_asked = p.asked, "
        "state = CASE WHEN $3::BOOLEAN OR seeds + 1 >= p.asked THEN 'trusted' ELSE 'seeding' END "
        "FROM (SELECT COALESCE((SELECT seed_runs FROM package_policies WHERE package_name = $1), "
        "$2::INTEGER) AS asked) p WHERE package_name = $1",
};

/* A run that the existing system analysed left no fingerprints, but what was new in it.
 *
 * As the existing system counts: a new value by its events; a known one by its events when a person
 * promotes, by one when a clean run does. Most are known, and an UPDATE costs a third of what ON
 * CONFLICT does; that one is for values which the existing CLI writes at this very moment.
 *
 * A value that the existing CLI wrote last (FOREIGN) holds for every actor and every line. It has
 * to stay so when we write it: the actor 'unknown' matches all. */
#define FOREIGN "b.merged_run_id <> b.last_seen_run_id"
#define HIGHEST "9223372036854775807"
#define COUNT_ONE_MORE(by)                                                                         \
	"last_seen_run_id = $2, merged_run_id = $2, seen_line = $4, seen_promotion = $5, "         \
	"seen_at = now(), "                                                                        \
	"since_line = CASE WHEN " FOREIGN " THEN 0 ELSE LEAST(b.since_line, $4) END, "             \
	"until_line = CASE WHEN " FOREIGN " OR b.until_line < $4 THEN " HIGHEST                    \
	" ELSE b.until_line END, "                                                                 \
	"occurrence_count = LEAST(b.occurrence_count::BIGINT + "                                   \
	"CASE WHEN $3::BOOLEAN THEN " by " ELSE 1 END, 2147483647)::INTEGER"

/* One statement, so that the run's fingerprints are added up once. All of its parts see the tables
 * as they were before. */
// clang-format off
static const struct db_statement merge_fingerprints = {
	"baseline_merge",
	"WITH seen AS MATERIALIZED ("
	" SELECT category, value, actor, count FROM run_fingerprints f WHERE run_id = $2"
	/* What an allow entry covers is no part of it, as when the entry had been there before. */
	" AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.run_id = $2 AND d.suppressed_by = 'entry'"
	" AND d.category = f.category AND d.actor = f.actor AND d.value = f.value)"
	" UNION ALL"
	" SELECT category, value, actor, 1 FROM deviations WHERE run_id = $2"
	" AND NOT EXISTS (SELECT 1 FROM run_sightings WHERE run_id = $2)),"
	" merged AS MATERIALIZED ("
	" SELECT category, value, LEAST(SUM(count), 2147483647)::INTEGER AS count"
	" FROM seen GROUP BY category, value),"
	" known AS ("
	" UPDATE baseline_fingerprints b SET " COUNT_ONE_MORE("m.count") " FROM merged m"
	" WHERE b.package_name = $1 AND b.category = m.category AND b.value = m.value"
	" RETURNING b.category, b.value),"
	" added AS ("
	" INSERT INTO baseline_fingerprints AS b (package_name, category, value, first_seen_run_id,"
	" last_seen_run_id, occurrence_count, merged_run_id, since_line, seen_line, seen_promotion)"
	" SELECT $1, category, value, $2, $2, count, $2, $4::BIGINT, $4, $5::BIGINT FROM merged m"
	" WHERE NOT EXISTS (SELECT 1 FROM known k"
	"  WHERE k.category = m.category AND k.value = m.value)"
	" ORDER BY category, value ON CONFLICT (package_name, category, value)"
	" DO UPDATE SET " COUNT_ONE_MORE("EXCLUDED.occurrence_count") " RETURNING 1),"
	" actors AS ("
	" INSERT INTO baseline_actors (package_name, category, value, actor, first_seen_run_id)"
	" SELECT $1, s.category, s.value, s.actor, $2 FROM ("
	"  SELECT DISTINCT category, value, actor FROM seen UNION"
	"  SELECT b.category, b.value, 'unknown' FROM merged m JOIN baseline_fingerprints b"
	"   ON b.package_name = $1 AND b.category = m.category AND b.value = m.value"
	"   AND " FOREIGN ") s"
	" WHERE NOT EXISTS (SELECT 1 FROM baseline_actors a WHERE a.package_name = $1"
	"  AND a.category = s.category AND a.value = s.value AND a.actor = s.actor)"
	" ORDER BY s.category, s.value, s.actor ON CONFLICT DO NOTHING)"
	" SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM added)",
};
// clang-format on

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
        "WITH head AS (UPDATE baselines SET state = 'reset', seeded_by = '', aged = promotions "
        "WHERE package_name = $1 AND state <> 'reset' RETURNING 1), "
        "made AS (INSERT INTO baselines (package_name, state, seeded_by) SELECT $1, 'reset', '' "
        "WHERE EXISTS (SELECT 1 FROM baseline_fingerprints WHERE package_name = $1) "
        "ON CONFLICT DO NOTHING), "
        "actors AS (DELETE FROM baseline_actors WHERE package_name = $1), "
        "varying AS (DELETE FROM volatile_values WHERE package_name = $1), "
        "prints AS (DELETE FROM baseline_fingerprints WHERE package_name = $1 RETURNING 1) "
        "SELECT (SELECT count(*) FROM prints), (SELECT count(*) FROM head)",
};

static const struct db_statement drop_fingerprint = {
        "baseline_drop_fingerprint",
        "WITH actors AS (DELETE FROM baseline_actors "
        "WHERE package_name = $1 AND category = $2 AND value = $3), "
        "varying AS (DELETE FROM volatile_values "
        "WHERE package_name = $1 AND category = $2 AND value = $3 AND NOT pattern) "
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
	int64_t line;
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
	ret->line = version_line(db_cell(result, 0, 3));
	ret->package = xstrdup(db_cell(result, 0, 0));
	return 0;
}

/* How a run is merged. */
struct promotion {
	const char *run_id;
	const struct baseline_decision *decision; /* a person's; NULL: by the differ */
	int64_t seeds_asked;
};

/* 1: the run is to be promoted; 0: it is a baseline already. Fills `*ret` in any case. */
static int lock_run(struct db_conn *conn, const struct promotion *promotion, struct held_run *ret,
                    struct error *err)
{
	int rc = hold(conn, promotion->run_id, ret, err);
	if (rc < 0 || ret->is_baseline)
		return rc;
	if (promotion->decision && !ret->judged)
		return error_set(err, EINVAL, "run '%s' is not judged yet", promotion->run_id);
	return 1;
}

static int64_t merge(struct db_conn *conn, const struct held_run *run,
                     const struct promotion *promotion, struct error *err)
{
	const struct db_param head[] = {DB_TEXT(run->package), DB_TEXT(promotion->run_id),
	                                DB_INT(run->line)};
	AUTO(pgresult) PGresult *held = db_query(conn, &hold_baseline, head, 3, err);
	if (!held)
		return -err->code;
	const struct db_param params[] = {
	        DB_TEXT(run->package),
	        DB_TEXT(promotion->run_id),
	        DB_BOOL(promotion->decision != NULL),
	        DB_INT(run->line),
	        DB_INT(db_cell_int(held, 0, 0)),
	};
	AUTO(pgresult) PGresult *merged = db_query(conn, &merge_fingerprints, params, 5, err);
	if (!merged)
		return -err->code;
	const struct db_param settled[] = {DB_TEXT(run->package), DB_INT(promotion->seeds_asked),
	                                   DB_BOOL(promotion->decision != NULL)};
	bool seeding = strcmp(db_cell(held, 0, 1), "seeding") == 0;
	if (seeding && db_exec(conn, &settle_baseline, settled, 3, err) < 0)
		return -err->code;
	return db_cell_int(merged, 0, 0);
}

static int64_t promote(struct db_conn *conn, const struct promotion *promotion, struct error *err)
{
	struct held_run run = {0};
	int rc = lock_run(conn, promotion, &run, err);

	AUTO(free) char *package = run.package;
	if (rc <= 0)
		return rc;
	int64_t merged = merge(conn, &run, promotion, err);
	if (merged < 0)
		return merged;
	const struct subject subject = {promotion->run_id, package, "", ""};
	const struct db_param params[] = {DB_TEXT(promotion->run_id),
	                                  DB_BOOL(promotion->decision != NULL)};
	int64_t done = db_exec(conn, &mark_run, params, 2, err);
	if (done >= 0 && promotion->decision)
		done = record(conn, "promote", &subject, promotion->decision, err);
	return done < 0 ? done : merged;
}

int64_t baseline_learn(struct db_conn *conn, const char *run_id, int64_t seeds_asked,
                       struct error *err)
{
	return promote(conn, &(struct promotion){run_id, NULL, seeds_asked}, err);
}

int64_t baseline_promote(struct db_conn *conn, const char *run_id,
                         const struct baseline_decision *decision, struct error *err)
{
	return promote(conn, &(struct promotion){run_id, decision, 1}, err);
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
