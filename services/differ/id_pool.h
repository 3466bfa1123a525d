// SPDX-License-Identifier: Apache-2.0
/*
 * Ids of events, drawn from their sequence in advance: a deviation names its evidence before the
 * row is written. Each number drawn is the first of a chunk's ids.
 *
 * They are the pool's only when the transaction that drew them is committed: a database that
 * crashes before forgets that they were drawn, and gives them to others.
 */
#ifndef FANGS_DIFFER_ID_POOL_H
#define FANGS_DIFFER_ID_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "db/db.h"

enum { ID_POOL_SIZE = 256 };

struct id_pool { /* `= {0}` is an empty pool */
	int64_t first_ids[ID_POOL_SIZE];
	size_t count, at; /* drawn, and handed out */
};

/* The first id of the next chunk, ascending; a negative errno on failure. */
int64_t id_pool_next(struct id_pool *pool, struct db_conn *conn, struct error *err);

/* The transaction failed: what it may have drawn is given up. */
void id_pool_forget(struct id_pool *pool);

#endif
