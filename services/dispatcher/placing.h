// SPDX-License-Identifier: Apache-2.0
/*
 * Placing: gives queued runs to runners with free slots.
 *
 * Each placing is one transaction that holds the runner's row and the run's row, so that any number
 * of dispatchers may place at once: a run is placed by one of them, and a runner never gets more
 * runs than it has slots. A run that asks for no particular runner goes to the least loaded one,
 * and after a failed attempt to another one than before while there is a choice.
 */
#ifndef FANGS_DISPATCHER_PLACING_H
#define FANGS_DISPATCHER_PLACING_H

#include "base/error.h"
#include "db/db.h"
#include "dispatcher.h"

/* Places what can be placed now. Returns the number of runs placed, or a negative errno; what was
 * placed before the error stays placed. */
int place_runs(struct db *db, const struct dispatcher_config *config,
               const struct dispatcher_metrics *metrics, struct error *err);

#endif
