// SPDX-License-Identifier: Apache-2.0
/*
 * Old events are removed in passes, one an hour, a little in each sweep. Ids ascend with time: a
 * pass goes up the ids from where the first ones are, past those which are kept as evidence, and
 * ends at the first event that is young enough. Any replica may do it; one at a time does.
 */
#include "base/clock.h"
#include "differ.h"
#include "differ_sql.h"
#include "log/log.h"

enum { CHUNKS_PER_SWEEP = 200, ROWS_PER_SWEEP = 5000, PASS_INTERVAL_MS = 3600 * 1000 };

/* What one statement did. */
struct step {
	int64_t reached; /* the last id that was looked at */
	bool ended;      /* nothing old is left above it */
};

static int remove_some(struct db_conn *conn, const struct db_statement *statement, int64_t above,
                       int64_t before_ns, int64_t limit, struct step *ret, struct error *err)
{
	const struct db_param params[] = {DB_INT(above), DB_INT(before_ns), DB_INT(limit)};
	AUTO(pgresult) PGresult *rows = db_query(conn, statement, params, 3, err);
	if (!rows)
		return -err->code;
	bool all_old = db_cell_bool(rows, 0, 2);
	*ret = (struct step){db_cell_int(rows, 0, 0), !all_old || db_cell_int(rows, 0, 1) < limit};
	if (db_cell_int(rows, 0, 3) > 0)
		LOG_DEBUG("old events removed", LOG_INT("rows", db_cell_int(rows, 0, 3)));
	return 0;
}

static int step_of_pass(struct differ *differ, struct db_conn *conn, bool *ret_ended,
                        struct error *err)
{
	struct prune_pass *pass = &differ->prune;
	int64_t before_ns = clock_wall_ns() - differ->config->retention_ms * NS_PER_MS;
	struct step chunks = {0}, rows = {0};
	AUTO(pgresult) PGresult *locked = db_query(conn, &sql_prune_lock, NULL, 0, err);
	if (!locked)
		return -err->code;
	*ret_ended = !db_cell_bool(locked, 0, 0); /* another one is at it */
	if (*ret_ended)
		return 0;
	if (remove_some(conn, &sql_prune_chunks, pass->chunk, before_ns, CHUNKS_PER_SWEEP, &chunks,
	                err) < 0 ||
	    remove_some(conn, &sql_prune_rows, pass->row, before_ns, ROWS_PER_SWEEP, &rows, err) <
	            0)
		return -err->code;
	pass->chunk = chunks.reached;
	pass->row = rows.reached;
	*ret_ended = chunks.ended && rows.ended;
	return 0;
}

int differ_prune(struct differ *differ, struct error *err)
{
	bool ended = false;
	if (differ->config->retention_ms == 0 || clock_monotonic_ms() < differ->prune.begins_ms)
		return 0;
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	int failed = db_begin(conn, err);
	if (!failed)
		failed = step_of_pass(differ, conn, &ended, err);
	if (!failed)
		failed = db_commit(conn, err);
	if (failed || ended)
		differ->prune =
		        (struct prune_pass){.begins_ms = clock_monotonic_ms() + PASS_INTERVAL_MS};
	return failed;
}
