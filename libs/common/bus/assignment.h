// SPDX-License-Identifier: Apache-2.0
/*
 * The partitions that a consumer holds, each with the next offset to hand out.
 *
 * Invariants: a partition is in the table once; `next` counts only while `known`. The drivers add
 * and remove partitions, ask the application for start offsets through assignment_locate() and move
 * `next` with each message that they hand out. One thread owns the table.
 */
#ifndef FANGS_BUS_ASSIGNMENT_H
#define FANGS_BUS_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/bus.h"

struct assigned_partition {
	int32_t partition;
	int64_t next;      /* offset, or BUS_OFFSET_BEGINNING, BUS_OFFSET_END */
	bool known;        /* false: the application could not tell yet */
	int64_t ask_at_ms; /* monotonic; while not known */
	bool settled;      /* the driver's: `next` was checked against the log */
	bool paused;
};

struct assignment {
	struct assigned_partition *items;
	size_t count, space;
};

void assignment_release(struct assignment *assignment);

struct assigned_partition *assignment_find(struct assignment *assignment, int32_t partition);
struct assigned_partition *assignment_add(struct assignment *assignment, int32_t partition);
void assignment_remove(struct assignment *assignment, int32_t partition);

/* Asks `options->assigned` for each offset that is not known and due; true when one became known.
 * Later answers are asked for once a second. */
bool assignment_locate(struct assignment *assignment, const struct bus_consumer_options *options);

/* Removes the partition and tells the application. */
void assignment_revoke(struct assignment *assignment, const struct bus_consumer_options *options,
                       int32_t partition);
void assignment_revoke_all(struct assignment *assignment,
                           const struct bus_consumer_options *options);

#endif
