// SPDX-License-Identifier: Apache-2.0
/*
 * Runs whose runner sends events and never a result: judged, as incomplete, when nothing came for a
 * while. Only runs which nobody leased; the dispatcher sees to the others.
 *
 * The owner of a run's partition does it, and only while nothing of that partition waits to be
 * read: what is late in the log is not quiet.
 */
#include "base/clock.h"
#include "differ.h"
#include "differ_sql.h"

enum { RUNS_PER_SWEEP = 100 };

static bool is_caught_up(const struct differ *differ, int32_t number)
{
	if (number < 0 || number >= DIFFER_PARTITIONS_MAX)
		return false;
	const struct partition *partition = &differ->partitions[number];
	return partition->owned && !partition->lost_track &&
	       clock_monotonic_ms() - partition->last_message_ms >= differ->config->quiet_ms;
}

static int judge_in_transaction(struct differ *differ, struct db_conn *conn,
                                const struct run_ref *ref, const char *id, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(id), DB_INT(differ->config->quiet_ms)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_lock_quiet_run, params, 2, err);
	if (!rows)
		return -err->code;
	if (PQntuples(rows) == 0)
		return 0;
	if (differ_load_runs(differ, conn, ref, 1, err) < 0)
		return -err->code;
	struct run_state *run = run_table_find(&differ->runs, &ref->run_id);
	if (!run)
		return 0;
	differ_end_waiting(differ, batch_run_of(&differ->batch, run));
	int failed = differ_write(differ, conn, err);
	return failed ? failed : differ_finish_quiet(differ, conn, run, err);
}

static int judge_quiet(struct differ *differ, struct db_conn *conn, const struct run_ref *ref,
                       const char *id, struct error *err)
{
	differ->transactions++;
	differ->started_ns = clock_monotonic_ns();
	int failed = db_begin(conn, err);
	if (!failed)
		failed = judge_in_transaction(differ, conn, ref, id, err);
	if (!failed)
		failed = db_commit(conn, err);
	else
		db_rollback(conn);
	differ_batch_done(differ, failed == 0);
	return failed;
}

static int judge_all(struct differ *differ, struct db_conn *conn, const PGresult *rows,
                     struct error *err)
{
	int32_t partitions = bus_partition_count(differ->bus, BUS_EVENTS, err);
	if (partitions < 0)
		return partitions;
	for (int row = 0; row < PQntuples(rows); row++) {
		const char *id = db_cell(rows, row, 0);
		struct run_ref ref = {.partition =
		                              bus_partition_of_key(view_of_string(id), partitions)};
		if (!run_id_parse(view_of_string(id), &ref.run_id) ||
		    !is_caught_up(differ, ref.partition))
			continue;
		int failed = judge_quiet(differ, conn, &ref, id, err);
		if (failed)
			return failed;
	}
	return 0;
}

int differ_sweep(struct differ *differ, struct error *err)
{
	if (!bus_reachable(differ->bus)) /* what is quiet may only be out of reach */
		return 0;
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	const struct db_param params[] = {DB_INT(differ->config->quiet_ms), DB_INT(RUNS_PER_SWEEP)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_quiet_runs, params, 2, err);
	if (!rows)
		return -err->code;
	return PQntuples(rows) > 0 ? judge_all(differ, conn, rows, err) : 0;
}
