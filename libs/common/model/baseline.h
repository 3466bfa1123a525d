// SPDX-License-Identifier: Apache-2.0
/*
 * Merging a run into its package's baseline: used by the differ (a clean or first run) and by the
 * gateway (a person's decision). All within the caller's transaction; idempotent per run.
 */
#ifndef FANGS_MODEL_BASELINE_H
#define FANGS_MODEL_BASELINE_H

#include <stdint.h>

#include "db/db.h"

/* Merges run_fingerprints of `run_id` into baseline_fingerprints and baseline_actors, creates the
 * package's `baselines` row, sets runs.is_baseline. Returns the number of merged fingerprints, or a
 * negative errno: -ENOENT (DROP) unknown run, -EINVAL (DROP) run without a package name or not
 * judged yet. A run that is a baseline already merges nothing and returns 0.
 * `decided_by` NULL: by the differ itself; otherwise a row in `decisions` says who. */
int64_t baseline_promote(struct db_conn *conn, const char *run_id, const char *decided_by,
                         struct error *err);

#endif
