// SPDX-License-Identifier: Apache-2.0
/*
 * How far a reader of changes has come: a snapshot of the database, and the time up to which
 * runners that fell silent were told.
 *
 * A change is new to a reader when the transaction that wrote it is not visible in his snapshot.
 * That is exact in whatever order transactions commit, which a running number is not. As a cursor a
 * position is text that means the same at every gateway; where too many transactions were open to
 * name them all, it begins before the first of them, and what they wrote is told twice.
 *
 * Shared by counting, by one thread at a time.
 */
#ifndef FANGS_API_POSITION_H
#define FANGS_API_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum { POSITION_CURSOR_MAX = 2048 };

struct position; /* immutable */

/* From "<microseconds>.<xmin>:<xmax>:<xid>,<xid>"; NULL when that is not what it is. */
struct position *position_parse(struct view cursor);
/* From pg_snapshot's text; NULL as above. */
struct position *position_make(int64_t told_us, struct view snapshot);
/* Before both: nothing that is new to one of them is not new to it. Accepts NULL for the first. */
struct position *position_floor(const struct position *a, const struct position *b);

struct position *position_ref(struct position *position);
void position_unref(struct position *position); /* accepts NULL */

bool position_sees(const struct position *position, uint64_t xid);
/* Everything before `xid` is seen. */
bool position_sees_all_before(const struct position *position, uint64_t xid);
/* No database that stands at `now` can have given it: it was restored from a copy, say. */
bool position_is_ahead(const struct position *position, const struct position *now);
int64_t position_told_us(const struct position *position);
const char *position_snapshot(const struct position *position); /* pg_snapshot's text */
const char *position_cursor(const struct position *position);

#endif
