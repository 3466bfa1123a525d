// SPDX-License-Identifier: Apache-2.0
/*
 * Leases: takes back runs whose runner gave no sign of life in time, queues them for another
 * attempt, and fails them after the last. Runs that a stopping runner hands back are queued again
 * at once, and that attempt does not count. Any number of dispatchers may do so at once; a run is
 * taken back by one of them, in one transaction that ends its attempt.
 */
#ifndef FANGS_DISPATCHER_LEASES_H
#define FANGS_DISPATCHER_LEASES_H

#include "base/error.h"
#include "db/db.h"
#include "dispatcher.h"

/* Returns the number of runs taken back, or a negative errno. */
int expire_leases(struct db *db, const struct dispatcher_config *config,
                  const struct dispatcher_metrics *metrics, struct error *err);

#endif
