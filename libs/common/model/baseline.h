// SPDX-License-Identifier: Apache-2.0
/*
 * What a package is known to do: merging a run into its baseline, by the differ (a clean or first
 * run) or by the gateway (a person's decision), and taking back. All within the caller's
 * transaction; idempotent.
 */
#ifndef FANGS_MODEL_BASELINE_H
#define FANGS_MODEL_BASELINE_H

#include <stdint.h>

#include "db/db.h"

/* A person's decision, for the table `decisions`; "" for what was not said. */
struct baseline_decision {
	const char *by, *note;
};

/* Merges the fingerprints of `run_id` into baseline_fingerprints and baseline_actors, creates the
 * package's `baselines` row and sets runs.is_baseline; deviations stay, as a record of what was
 * accepted. Returns the number of merged fingerprints (pairs of category and value), or a negative
 * errno: -ENOENT (DROP) unknown run, -EINVAL (DROP) run without a package name. A run that is a
 * baseline already merges nothing and returns 0.
 *
 * A value is kept with the lowest line of versions (version_line.h) which showed it: only that and
 * higher ones know it. */

/* By the differ itself, whose transaction may judge the run before or after. The baseline is
 * `seeding` until it was made of as many runs as the package's policy says, or else `seeds_asked`.
 */
int64_t baseline_learn(struct db_conn *conn, const char *run_id, int64_t seeds_asked,
                       struct error *err);
/* By a person: trusted at once. The run must be judged (else -EINVAL); one that was rejected may be
 * promoted after all. */
int64_t baseline_promote(struct db_conn *conn, const char *run_id,
                         const struct baseline_decision *decision, struct error *err);

/* The run waits for nobody any more and stays out of the baseline; its deviations stand. 1, or 0
 * when it was rejected before; -ENOENT, or -EINVAL when it is not judged yet or is in the baseline
 * already (all DROP). */
int baseline_reject(struct db_conn *conn, const char *run_id,
                    const struct baseline_decision *decision, struct error *err);

/* Forgets everything (state `reset`): the package's next complete run seeds a new baseline. Returns
 * the number of fingerprints, -ENOENT (DROP) when there is no baseline. */
int64_t baseline_reset(struct db_conn *conn, const char *package,
                       const struct baseline_decision *decision, struct error *err);

/* Forgets one fingerprint: it deviates when it is seen again. 1, or 0 when it is not there. */
int baseline_forget(struct db_conn *conn, const char *package, const char *category,
                    const char *value, const struct baseline_decision *decision, struct error *err);

#endif
