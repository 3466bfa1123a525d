// SPDX-License-Identifier: Apache-2.0
#include "learn.h"

#include <string.h>

/* Runs that differ in more than this differ in nothing that could be learned. */
enum { DIFFERENCES_MAX = 1000 };

static const struct db_statement other_run = {
        "differ_other_run",
        "SELECT id FROM runs WHERE package_name = $1 AND version = $2 AND is_baseline AND id <> $3"
        " ORDER BY started_at DESC NULLS LAST, id DESC LIMIT 1"};

/* $1 and $2 runs, $3 how many. Columns: category, actor, value, the first has it. */
static const struct db_statement differences = {
        "differ_differences",
        "WITH a AS MATERIALIZED (SELECT * FROM run_fingerprints WHERE run_id = $1),"
        " b AS MATERIALIZED (SELECT * FROM run_fingerprints WHERE run_id = $2)"
        " SELECT category, actor, value, a.run_id IS NOT NULL"
        " FROM a FULL JOIN b USING (category, actor, value)"
        " WHERE (a.run_id IS NULL OR b.run_id IS NULL) AND NOT coalesce(a.cred, b.cred)"
        " ORDER BY 1, 2, 3 LIMIT $3::int"};

/* $1 package, $2 to $4 columns of what varies, $5 it is a pattern, $6 its tail, $7 the run that
 * showed it, $8 the one that did not. Of one package there are 10,000 at most. */
static const struct db_statement insert_volatile = {
        "differ_insert_volatile",
        "INSERT INTO volatile_values (package_name, category, actor, value, pattern, tail,"
        "  shown_by, not_shown_by)"
        " SELECT DISTINCT ON (n.category, n.actor, n.value, n.pattern, n.tail) $1, n.category,"
        "  n.actor, n.value, n.pattern <> 0, n.tail, n.shown_by, n.not_shown_by"
        " FROM unnest($2::text[], $3::text[], $4::text[], $5::int4[], $6::text[], $7::text[],"
        "  $8::text[]) AS n (category, actor, value, pattern, tail, shown_by, not_shown_by)"
        " WHERE (SELECT count(*) FROM volatile_values WHERE package_name = $1) < 10000"
        " ORDER BY n.category, n.actor, n.value, n.pattern, n.tail ON CONFLICT DO NOTHING"};

/* What is to be inserted. */
struct lessons {
	const char *runs[2];
	struct db_array categories, actors, values, patterns, tails, shown, not_shown;
};

static void lessons_init(struct lessons *lessons)
{
	db_array_init(&lessons->categories, DB_ARRAY_TEXT);
	db_array_init(&lessons->actors, DB_ARRAY_TEXT);
	db_array_init(&lessons->values, DB_ARRAY_TEXT);
	db_array_init(&lessons->patterns, DB_ARRAY_INT4);
	db_array_init(&lessons->tails, DB_ARRAY_TEXT);
	db_array_init(&lessons->shown, DB_ARRAY_TEXT);
	db_array_init(&lessons->not_shown, DB_ARRAY_TEXT);
}

static void auto_lessons(struct lessons *lessons)
{
	db_array_release(&lessons->categories);
	db_array_release(&lessons->actors);
	db_array_release(&lessons->values);
	db_array_release(&lessons->patterns);
	db_array_release(&lessons->tails);
	db_array_release(&lessons->shown);
	db_array_release(&lessons->not_shown);
}

static bool first_has(const PGresult *rows, int row)
{
	return db_cell_bool(rows, row, 3);
}

static struct view value_of(const PGresult *rows, int row)
{
	return view_of(db_cell(rows, row, 2), (size_t)PQgetlength(rows, row, 2));
}

/* `tail` NULL: the value itself. */
static void add(struct lessons *lessons, const PGresult *rows, int row, struct view value,
                const struct view *tail)
{
	const char *shown = lessons->runs[first_has(rows, row) ? 0 : 1];
	const char *not_shown = lessons->runs[first_has(rows, row) ? 1 : 0];
	db_array_add(&lessons->categories, view_of_string(db_cell(rows, row, 0)));
	db_array_add(&lessons->actors, view_of_string(db_cell(rows, row, 1)));
	db_array_add(&lessons->values, value);
	db_array_add_int4(&lessons->patterns, tail != NULL);
	db_array_add(&lessons->tails, tail ? *tail : view_of_string(""));
	db_array_add(&lessons->shown, view_of_string(shown));
	db_array_add(&lessons->not_shown, view_of_string(not_shown));
}

static bool may_be_pair(const PGresult *rows, int a, int b)
{
	return first_has(rows, a) && !first_has(rows, b) &&
	       strncmp(db_cell(rows, a, 0), "fs_", 3) == 0 &&
	       strcmp(db_cell(rows, a, 0), db_cell(rows, b, 0)) == 0 &&
	       strcmp(db_cell(rows, a, 1), db_cell(rows, b, 1)) == 0;
}

/* One of each run, with the same category and actor. One pattern of a value is enough. */
static void add_pattern_of(struct lessons *lessons, const PGresult *rows, int row)
{
	struct view head, tail;
	for (int other = 0; other < PQntuples(rows); other++) {
		if (may_be_pair(rows, row, other) &&
		    learn_pattern(value_of(rows, row), value_of(rows, other), &head, &tail)) {
			add(lessons, rows, row, head, &tail);
			return;
		}
	}
}

static int keep(struct db_conn *conn, const char *package, const PGresult *rows,
                const char *const runs[2], struct error *err)
{
	AUTO(lessons) struct lessons lessons = {.runs = {runs[0], runs[1]}};
	lessons_init(&lessons);
	for (int row = 0; row < PQntuples(rows); row++) {
		add(&lessons, rows, row, value_of(rows, row), NULL);
		add_pattern_of(&lessons, rows, row);
	}
	const struct db_param params[] = {
	        DB_TEXT(package),
	        db_array_param(&lessons.categories),
	        db_array_param(&lessons.actors),
	        db_array_param(&lessons.values),
	        db_array_param(&lessons.patterns),
	        db_array_param(&lessons.tails),
	        db_array_param(&lessons.shown),
	        db_array_param(&lessons.not_shown),
	};
	return db_exec(conn, &insert_volatile, params, 8, err) < 0 ? -err->code : 0;
}

int learn(struct db_conn *conn, const struct run_state *run, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->package), DB_TEXT(run->version),
	                                  DB_TEXT(run->id)};
	AUTO(pgresult) PGresult *other = db_query(conn, &other_run, params, 3, err);
	if (!other)
		return -err->code;
	if (PQntuples(other) == 0)
		return 0;
	const char *const runs[] = {run->id, db_cell(other, 0, 0)};
	const struct db_param pair[] = {DB_TEXT(runs[0]), DB_TEXT(runs[1]),
	                                DB_INT(DIFFERENCES_MAX + 1)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &differences, pair, 3, err);
	if (!rows)
		return -err->code;
	bool teaches = PQntuples(rows) > 0 && PQntuples(rows) <= DIFFERENCES_MAX;
	return teaches ? keep(conn, run->package, rows, runs, err) : 0;
}
