// SPDX-License-Identifier: Apache-2.0
/*
 * A background thread that can be told to end: it works, sleeps by worker_sleep_ms(), and returns
 * when that says so.
 */
#ifndef FANGS_BASE_WORKER_H
#define FANGS_BASE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct worker;

/* Runs `run(ctx, worker)` in a thread of its own, named for debuggers (at most 15 bytes). */
struct worker *worker_start(const char *name, void (*run)(void *ctx, struct worker *worker),
                            void *ctx, struct error *err);
/* Asks the thread to end, waits for it, frees; accepts NULL. Not from the thread itself. */
void worker_stop(struct worker *worker);

/* For the thread: false once it should end. The sleep returns early then. */
bool worker_running(struct worker *worker);
bool worker_sleep_ms(struct worker *worker, int64_t ms);

#endif
