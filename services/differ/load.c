// SPDX-License-Identifier: Apache-2.0
/* The state of the runs that a batch is about: see differ.h. */
#include "differ.h"
#include "differ_sql.h"

static int32_t partition_of(const struct run_ref *refs, size_t count, const struct run_id *run_id)
{
	for (size_t i = 0; i < count; i++) {
		if (run_id_equal(&refs[i].run_id, run_id))
			return refs[i].partition;
	}
	return -1;
}

static PGresult *query_runs(struct db_conn *conn, const struct run_ref *refs, size_t count,
                            struct error *err)
{
	AUTO(db_array) struct db_array ids;
	db_array_init(&ids, DB_ARRAY_TEXT);
	for (size_t i = 0; i < count; i++) {
		char id[RUN_ID_TEXT_SIZE];
		run_id_format(&refs[i].run_id, id);
		db_array_add(&ids, view_of_string(id));
	}
	return db_query(conn, &sql_runs, (struct db_param[]){db_array_param(&ids)}, 1, err);
}

/* A run that was deleted has no row, and must lose its state. */
static void forget_deleted(struct differ *differ, const struct run_ref *refs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct run_state *run = run_table_find(&differ->runs, &refs[i].run_id);
		if (run && run->used != differ->transactions)
			run_table_remove(&differ->runs, run);
	}
}

static int load_run(struct differ *differ, struct db_conn *conn, const PGresult *rows, int row,
                    const struct run_ref *refs, size_t count, bool *ret_begins, struct error *err)
{
	struct run_id run_id;
	if (!run_id_parse(view_of_string(db_cell(rows, row, RUN_ID)), &run_id))
		return 0; /* not ours: the column is text */
	struct run_state *run = run_table_find(&differ->runs, &run_id);
	if (run) {
		run_state_refresh(run, rows, row);
	} else {
		*ret_begins = true;
		run = run_table_add(&differ->runs, &run_id);
		run->partition = partition_of(refs, count, &run_id);
		int failed = run_state_load(run, conn, rows, row, &differ->key, err);
		if (failed) {
			run_table_remove(&differ->runs, run);
			return failed;
		}
	}
	run->used = differ->transactions;
	return 0;
}

int differ_load_runs(struct differ *differ, struct db_conn *conn, const struct run_ref *refs,
                     size_t count, struct error *err)
{
	bool begins = false;
	AUTO(pgresult) PGresult *rows = query_runs(conn, refs, count, err);
	if (!rows)
		return -err->code;
	for (int row = 0; row < PQntuples(rows); row++) {
		int failed = load_run(differ, conn, rows, row, refs, count, &begins, err);
		if (failed)
			return failed;
	}
	forget_deleted(differ, refs, count);
	int failed =
	        allow_list_refresh(&differ->allow, conn, differ->fingerprinter.locale, begins, err);
	if (failed)
		return failed;
	for (size_t i = 0; i < count; i++) {
		struct run_state *run = run_table_find(&differ->runs, &refs[i].run_id);
		if (run)
			run->rules = filter_package(differ->allow.filter, run->package);
	}
	return 0;
}
