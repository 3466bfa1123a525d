// SPDX-License-Identifier: Apache-2.0
/*
 * Merging a run into its package's baseline: used by the differ (a clean or first run) and by the
 * gateway (a person's decision). All within the caller's transaction; idempotent per run.
 */
#ifndef FANGS_MODEL_BASELINE_H
#define FANGS_MODEL_BASELINE_H

#include <stdint.h>

#include "db/db.h"

/* Merges the fingerprints of `run_id` into baseline_fingerprints and baseline_actors, creates the
 * package's `baselines` row and sets runs.is_baseline; deviations stay, as a record of what was
 * accepted. Returns the number of merged fingerprints (pairs of category and value), or a negative
 * errno: -ENOENT (DROP) unknown run, -EINVAL (DROP) run without a package name. A run that is a
 * baseline already merges nothing and returns 0.
 *
 * `decided_by` NULL: by the differ itself, whose transaction may judge the run before or after.
 * Otherwise the run must be judged (else -EINVAL), and a row in `decisions` says by whom ("" is
 * nobody named). */
int64_t baseline_promote(struct db_conn *conn, const char *run_id, const char *decided_by,
                         struct error *err);

#endif
