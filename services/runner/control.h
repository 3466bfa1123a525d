// SPDX-License-Identifier: Apache-2.0
/*
 * The runner's relation to its gateway: registration and heartbeats, on a thread of its own.
 *
 * A heartbeat names what runs here (which renews the leases), what has ended and what is handed
 * back; the answer names what is no longer this runner's. A gateway that has forgotten the runner
 * says so in an answer or by a 404 to a poll; the runner registers again at once. A server that
 * knows nothing of our extensions (the "fangs" members) ignores them, and everything still works
 * without.
 *
 * @thread: any, unless it says otherwise.
 */
#ifndef FANGS_RUNNER_CONTROL_H
#define FANGS_RUNNER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/run_id.h"
#include "runner_config.h"
#include "slots.h"

struct control;

struct control_options {
	const struct runner_config *config;
	struct service *service;
	struct slots *slots; /* what runs here, and where cancellations go */
	const char *sensor_tier;
};

/* What is borrowed must outlive it. */
struct control *control_create(const struct control_options *options, struct error *err);
/* Registers (retrying until it works or the service stops) and starts the heartbeats. */
int control_start(struct control *control, struct error *err);
/* Heartbeats go on while the service drains, until this. */
void control_stop(struct control *control);
void control_destroy(struct control *control);

/* A heartbeat soon: something has changed. */
void control_poke(struct control *control);
/* The gateway was heard not to know this runner. */
void control_register_again(struct control *control);
/* The result of this attempt is durable: the next heartbeat says so. */
void control_note_finished(struct control *control, const struct run_id *run_id);
/* This attempt ends without a result: the next heartbeat says so, and the run is placed again.
 * False when the server does not take runs back: it waits for the result. */
bool control_hand_back(struct control *control, const struct run_id *run_id);

/* What the gateway last told. */
int32_t control_jobs_partition(struct control *control); /* -1: none */
int64_t control_poll_interval_ms(struct control *control);

#endif
