// SPDX-License-Identifier: Apache-2.0
/*
 * The request to stop, the one piece of global state that signals force on a process: a flag for
 * those who look now and then, an eventfd for those who sleep, and a thread that ends the process
 * when its drain takes too long.
 *
 * Signal handlers rather than a blocked mask, so that child processes start with plain signals.
 */
#ifndef FANGS_SERVICE_STOP_H
#define FANGS_SERVICE_STOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* SIGTERM and SIGINT request the stop, a second one exits with 130; SIGPIPE is ignored. Once per
 * process, before other threads. `drain_timeout_ms` 0: none. */
int stop_install(int64_t drain_timeout_ms, struct error *err);

/* Ends the thread; the process has drained. Signals stay handled: the next one exits. */
void stop_finish(void);

/* Any thread. */
void stop_request(void);
const atomic_bool *stop_flag(void);
int64_t stop_requested_at_ms(void); /* monotonic; 0: not requested */

/* Sleeps; false at once when the stop was or is requested. */
bool stop_sleep_ms(int64_t ms);

#endif
