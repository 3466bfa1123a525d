// SPDX-License-Identifier: Apache-2.0
/*
 * Consumed offsets, stored in PostgreSQL in the same transaction as the rows which the messages
 * caused. Advanced by compare-and-set: a replica that lost its partition and does not know it yet
 * fails its transaction instead of doubling rows.
 *
 * Table consumer_offsets (consumer_group, topic, partition) -> next_offset. A missing row means
 * offset 0.
 */
#ifndef FANGS_BUS_OFFSETS_H
#define FANGS_BUS_OFFSETS_H

#include <stdint.h>

#include "bus/bus.h"
#include "db/db.h"

/* The stored next offset (0 when none); negative errno on failure. */
int64_t offsets_load(struct db *db, const char *group, enum bus_topic topic, int32_t partition,
                     struct error *err);

/* Within the caller's transaction: expected -> next. -ESTALE (RETRY) when the stored offset is not
 * `expected`: another owner moved it; the caller rolls back and forgets the partition. */
int offsets_advance(struct db_conn *conn, const char *group, enum bus_topic topic,
                    int32_t partition, int64_t expected, int64_t next, struct error *err);

#endif
