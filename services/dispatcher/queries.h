// SPDX-License-Identifier: Apache-2.0
/*
 * The dispatcher's SQL. Functions run inside the caller's transaction and return 0 or a negative
 * errno; those that look for a row return 1 when there is one. Strings live in the arena given.
 */
#ifndef FANGS_DISPATCHER_QUERIES_H
#define FANGS_DISPATCHER_QUERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"
#include "db/db.h"

/* A run for a release, unless the release has one. 1: inserted, 0: there was one. */
struct new_run {
	const char *id, *package, *version, *image, *job_json;
};
int query_insert_release_run(struct db_conn *conn, const struct new_run *run, struct error *err);

/* A version that is to be run again. */
struct wanted_run {
	const char *package, *version;
	const char *trigger;    /* control or seed */
	const char *control_of; /* the run whose verdict waits; "" */
	const char *target_runner;
};
/* Locks one that is asked for, and has no run yet. A baseline gets its seeds one after the other,
 * and no more than three times as many as it asks for. 0 when there is none. */
int query_wanted_control(struct db_conn *conn, struct arena *arena, struct wanted_run *ret,
                         struct error *err);
int query_wanted_seed(struct db_conn *conn, struct arena *arena, struct wanted_run *ret,
                      struct error *err);
int query_insert_wanted_run(struct db_conn *conn, const struct new_run *run,
                            const struct wanted_run *wanted, struct error *err);
/* It will never be run: nobody waits for it any longer. */
int query_give_up_wanted(struct db_conn *conn, const struct wanted_run *wanted, struct error *err);

/* Runners which are alive and have free slots, least loaded first: no more than the runs that wait
 * may need, of `total` that could take one. */
struct free_runners {
	const char **ids;
	size_t count;
	int64_t total;
};
int query_free_runners(struct db_conn *conn, int64_t runner_timeout_ms, struct arena *arena,
                       struct free_runners *ret, struct error *err);

/* Locks the runner's row until the transaction ends. 0 when it is gone, silent, draining, or
 * another transaction has it. */
struct runner {
	const char *id;
	bool kafka;
	int32_t jobs_partition; /* kafka only */
	int64_t slots;
};
int query_lock_runner(struct db_conn *conn, const char *id, int64_t runner_timeout_ms,
                      struct arena *arena, struct runner *ret, struct error *err);

/* Gives the oldest run that may go to the (locked) runner to it. With `avoid_repeat` runs whose
 * last attempt it had are left to others. 0 when there is none or the runner is full. */
struct placed_run {
	const char *id;
	int64_t attempt;
	const char *job_json;
	int64_t lease_expires_at_ns;
	double waited_s;
};
int query_lease_run(struct db_conn *conn, const struct runner *runner, int64_t lease_ms,
                    bool avoid_repeat, struct arena *arena, struct placed_run *ret,
                    struct error *err);
int query_insert_attempt(struct db_conn *conn, const struct placed_run *run, const char *wire_id,
                         const char *runner_id, struct error *err);
int query_notify_runner(struct db_conn *conn, const char *runner_id, struct error *err);

/* Locks one run whose lease ran out or was handed back, or whose job was fetched and not begun in
 * time. */
struct expired_run {
	const char *id, *runner_id;
	int64_t attempt;
	int64_t failures; /* attempts so far, this one included, that were not handed back */
	bool never_begun, handed_back;
};
int query_lock_expired_run(struct db_conn *conn, int64_t offer_timeout_ms, struct arena *arena,
                           struct expired_run *ret, struct error *err);
int query_end_attempt(struct db_conn *conn, const char *run_id, int64_t attempt,
                      const char *outcome, struct error *err);
/* Back to the queue with attempt + 1; the delay may be 0. */
int query_requeue_run(struct db_conn *conn, const char *run_id, int64_t delay_ms,
                      struct error *err);
/* Phase 'finished' without a lease: nobody will place it again. */
int query_finish_run(struct db_conn *conn, const char *run_id, struct error *err);

/* Runs in the phases queued, leased and running, in this order. */
enum { COUNTED_PHASES = 3 };
int query_count_runs(struct db_conn *conn, int64_t counts[COUNTED_PHASES], struct error *err);

#endif
