// SPDX-License-Identifier: Apache-2.0
#include "id_pool.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "differ_sql.h"

/* A sequence has no way of giving away a range; drawing many at once costs a fraction of a
 * microsecond each. */
enum { REFILL = 16384 };

void id_pool_release(struct id_pool *pool)
{
	free(pool->ranges);
	*pool = (struct id_pool){0};
}

static int refill(struct id_pool *pool, struct db_conn *conn, struct error *err)
{
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_event_ids, (struct db_param[]){DB_INT(REFILL)}, 1, err);
	if (!rows)
		return -err->code;
	pool->count = (size_t)PQntuples(rows);
	pool->ranges = xrealloc(pool->ranges, pool->count, sizeof(*pool->ranges));
	pool->at = 0;
	for (size_t i = 0; i < pool->count; i++)
		pool->ranges[i] = (struct id_range){db_cell_int(rows, (int)i, 0),
		                                    db_cell_int(rows, (int)i, 1)};
	return 0;
}

int64_t id_pool_next(struct id_pool *pool, struct db_conn *conn, struct error *err)
{
	if (pool->at == pool->count) {
		int failed = refill(pool, conn, err);
		if (failed)
			return failed;
	}
	struct id_range *range = &pool->ranges[pool->at];
	int64_t id = range->first++;
	pool->at += range->first > range->last;
	return id;
}
