// SPDX-License-Identifier: Apache-2.0
/*
 * Reads what changed from the database.
 *
 * Triggers log changes of what views show into `live_changes` (fangs_0009_live.sql), so whoever
 * writes is heard: the services, other gateways, the existing CLI, a person with psql. This was
 * preferred to
 *  - pg_notify: notifying transactions commit one after the other in the whole cluster, which the
 *    differ's batches would pay for, and nothing can be resumed;
 *  - a changed_at column: each change would touch one more index of the large tables, and time
 *    does not follow the order of commits.
 * A gateway looks a few times a second, by one index probe, only while somebody listens, and once
 * for all who do.
 *
 * That a runner fell silent is written nowhere: it is found by the age of its last sign of life.
 */
#ifndef FANGS_API_CHANGES_H
#define FANGS_API_CHANGES_H

#include "db/db.h"
#include "live/batch.h"

struct question {
	const struct position *since; /* what is not seen there; NULL: only where we are now */
	unsigned topics;
	bool silence; /* look for silent runners too; otherwise they stay told as in `since` */
};

/* Takes an initialised batch. */
int changes_read(struct db *db, const struct question *question, struct batch *ret,
                 struct error *err);
/* Forgets old changes. Any gateway may, any number of them. */
int changes_prune(struct db *db, struct error *err);

#endif
