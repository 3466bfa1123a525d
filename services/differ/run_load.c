// SPDX-License-Identifier: Apache-2.0
/* Rebuilding a run's state from PostgreSQL: run_state.h. */
#include <errno.h>

#include "base/alloc.h"
#include "differ_sql.h"
#include "model/version_line.h"
#include "run_state.h"

void run_state_refresh(struct run_state *run, const PGresult *rows, int row)
{
	run->attempt = (uint32_t)db_cell_int(rows, row, RUN_ATTEMPT);
	run->judged = db_cell_bool(rows, row, RUN_JUDGED);
	run->final = db_cell_bool(rows, row, RUN_FINAL);
	run->has_baseline = db_cell_bool(rows, row, RUN_HAS_BASELINE);
	int64_t own = version_line(run->version), lowest = db_cell_int(rows, row, RUN_LOWEST_LINE);
	run->line = own > lowest ? own : lowest;
}

static struct view cell_view(const PGresult *rows, int row, int column)
{
	return view_of(db_cell(rows, row, column), (size_t)PQgetlength(rows, row, column));
}

static int add_fingerprint(struct run_state *run, const PGresult *rows, int row,
                           const struct siphash_key *key, struct error *err)
{
	enum category category;
	enum actor actor;
	if (!category_parse(db_cell(rows, row, 0), &category) ||
	    !actor_parse(cell_view(rows, row, 1), &actor))
		return error_set(err, EINVAL, "run %s has a fingerprint of unknown kind '%s', '%s'",
		                 run->id, db_cell(rows, row, 0), db_cell(rows, row, 1));
	(void)key_set_add(&run->seen,
	                  run_fingerprint_hash(key, category, actor, cell_view(rows, row, 2)));
	return 0;
}

/* In pages: a run may have a million. */
static int load_fingerprints(struct run_state *run, struct db_conn *conn,
                             const struct siphash_key *key, struct error *err)
{
	int64_t last = -1;
	int count, failed = 0;
	do {
		const struct db_param params[] = {DB_TEXT(run->id), DB_INT(last)};
		AUTO(pgresult)
		PGresult *rows = db_query(conn, &sql_run_sightings_page, params, 2, err);
		if (!rows)
			return -err->code;
		count = PQntuples(rows);
		for (int row = 0; row < count && !failed; row++)
			failed = add_fingerprint(run, rows, row, key, err);
		if (count > 0)
			last = db_cell_int(rows, count - 1, 3);
	} while (!failed && count > 0);
	return failed;
}

int run_state_load_processes(struct run_state *run, struct db_conn *conn, struct error *err)
{
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_run_facts, (struct db_param[]){DB_TEXT(run->id)}, 1, err);
	if (!rows)
		return -err->code;
	for (int row = 0; row < PQntuples(rows); row++) {
		struct view lines = cell_view(rows, row, 0);
		while (lines.size > 0)
			if (run_context_load(&run->context, view_split(&lines, '\n'), err) < 0)
				return -err->code;
	}
	return 0;
}

void run_state_load_names(struct run_state *run, const PGresult *rows, int row)
{
	run->package = xstrdup(db_cell(rows, row, RUN_PACKAGE));
	run->version = xstrdup(db_cell(rows, row, RUN_VERSION));
	run->purpose = purpose_parse(db_cell(rows, row, RUN_TRIGGER));
	run_state_refresh(run, rows, row);
}

int run_state_load(struct run_state *run, struct db_conn *conn, const PGresult *rows, int row,
                   const struct siphash_key *key, struct error *err)
{
	run_state_load_names(run, rows, row);
	if (!db_cell_bool(rows, row, RUN_HAS_PROGRESS))
		return 0;
	run->progress_attempt = (uint32_t)db_cell_int(rows, row, RUN_PROGRESS_ATTEMPT);
	run->events_stored = db_cell_int(rows, row, RUN_EVENTS_STORED);
	int failed = seq_set_parse(&run->seqs, cell_view(rows, row, RUN_SEQS), err);
	if (!failed)
		failed = load_fingerprints(run, conn, key, err);
	if (!failed)
		failed = run_state_load_processes(run, conn, err);
	return failed ? error_wrap(err, "rebuild run %s", run->id) : 0;
}
