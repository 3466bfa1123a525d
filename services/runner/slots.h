// SPDX-License-Identifier: Apache-2.0
/*
 * The places in which jobs run: a thread per job, at most as many as there are slots.
 *
 * @thread: any, but only one starts jobs.
 */
#ifndef FANGS_RUNNER_SLOTS_H
#define FANGS_RUNNER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "base/error.h"
#include "metrics/metrics.h"

struct slots;

/* `active` is a gauge that follows the number of jobs; may be NULL. */
struct slots *slots_create(size_t count, struct metric *active);
void slots_destroy(struct slots *slots); /* none may be active */

/* A new attempt, to be filled and handed to slots_start() or slots_discard(). */
struct attempt *slots_new_attempt(void);
void slots_discard(struct attempt *attempt);

/* False when there was no free slot within the time. */
bool slots_wait_free(struct slots *slots, int64_t timeout_ms);

/* Runs `run(ctx, attempt)` in a thread of its own and frees the attempt after it. Takes the attempt
 * in any case. Needs a free slot. */
int slots_start(struct slots *slots, struct attempt *attempt,
                void (*run)(void *ctx, struct attempt *attempt), void *ctx, struct error *err);

/* Ids (as told to the runner) of what runs; returns their number, at most `max`. */
size_t slots_active(struct slots *slots, struct run_id *ids, size_t max);
size_t slots_count(const struct slots *slots);

/* The attempt is no longer this runner's: it ends without a result. False when it does not run. */
bool slots_cancel(struct slots *slots, const struct run_id *run_id);

/* All end soon, because the runner stops; what cannot be sent until then is given up. */
void slots_interrupt(struct slots *slots, int64_t give_up_at_ms);
/* False when jobs were still running after the time. */
bool slots_wait_idle(struct slots *slots, int64_t timeout_ms);

#endif
