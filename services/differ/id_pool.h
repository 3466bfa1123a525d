// SPDX-License-Identifier: Apache-2.0
/*
 * Ids for rows of `events`, drawn from its sequence in advance: a deviation names its evidence
 * before the row is written. An id that was handed out is never handed out again, also when the
 * transaction fails.
 */
#ifndef FANGS_DIFFER_ID_POOL_H
#define FANGS_DIFFER_ID_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "db/db.h"

struct id_range {
	int64_t first, last;
};

struct id_pool {
	struct id_range *ranges;
	size_t count, at; /* of ranges, and the one in use */
};

void id_pool_release(struct id_pool *pool); /* `= {0}` is an empty pool */

/* The next id, ascending; a negative errno on failure. */
int64_t id_pool_next(struct id_pool *pool, struct db_conn *conn, struct error *err);

#endif
