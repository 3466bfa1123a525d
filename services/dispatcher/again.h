// SPDX-License-Identifier: Apache-2.0
/*
 * Runs of a version that was run before, which nobody asked for by name: controls, for verdicts
 * that wait (the differ's rows in `controls`), and seeds, for baselines that are made of more than
 * one run. Any number of dispatchers may make them at once.
 */
#ifndef FANGS_DISPATCHER_AGAIN_H
#define FANGS_DISPATCHER_AGAIN_H

#include "base/error.h"
#include "db/db.h"
#include "dispatcher.h"

/* Queues what is missing now. Returns the number of runs queued, or a negative errno. */
int queue_runs_again(struct db *db, const struct dispatcher_config *config,
                     const struct dispatcher_metrics *metrics, struct error *err);

#endif
