// SPDX-License-Identifier: Apache-2.0
#include "id_pool.h"

#include "differ_sql.h"

static int refill(struct id_pool *pool, struct db_conn *conn, struct error *err)
{
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_event_ids, (struct db_param[]){DB_INT(ID_POOL_SIZE)}, 1, err);
	if (!rows)
		return -err->code;
	pool->count = 0;
	pool->at = 0;
	for (int row = 0; row < PQntuples(rows) && row < ID_POOL_SIZE; row++)
		pool->first_ids[pool->count++] = db_cell_int(rows, row, 0);
	return 0;
}

int64_t id_pool_next(struct id_pool *pool, struct db_conn *conn, struct error *err)
{
	if (pool->at == pool->count) {
		int failed = refill(pool, conn, err);
		if (failed)
			return failed;
	}
	return pool->first_ids[pool->at++];
}

void id_pool_forget(struct id_pool *pool)
{
	pool->count = 0;
	pool->at = 0;
}
