// SPDX-License-Identifier: Apache-2.0
/*
 * How jobs reach the runner and events leave it: over HTTP to any /v1 server, or over the bus.
 *
 * A transport is used by the intake thread (next_job) and makes one channel per attempt, which
 * belongs to that attempt's sending thread. Sending waits until what was sent is durable. The
 * outcome of a send is in the error's class: RETRY, send the same again later; DROP, the receiver
 * will never take it; and the code ESTALE with any class, the attempt is no longer this runner's.
 */
#ifndef FANGS_RUNNER_TRANSPORT_H
#define FANGS_RUNNER_TRANSPORT_H

#include "attempt.h"
#include "base/error.h"
#include "model/result.h"
#include "spool.h"

struct transport_channel;

struct transport {
	const struct transport_ops *ops;
};

struct transport_ops {
	const char *name; /* as in configuration and registration: "http", "kafka" */
	void (*destroy)(struct transport *transport);

	/* Once before the runner registers; NULL when there is nothing to do. */
	int (*prepare)(struct transport *transport, struct error *err);

	/* Waits for a job, at most some 30 s and not beyond the service's stop. 1: `*ret` is
	 * filled, its text is in the arena; 0: none. On a job that cannot be read: DROP, and
	 * `ret->run_id` is set when at least that much was legible, so that its failure can be
	 * reported. */
	int (*next_job)(struct transport *transport, struct arena *arena, struct job *ret,
	                struct error *err);

	/* The attempt must outlive the channel. */
	struct transport_channel *(*open)(struct transport *transport, struct attempt *attempt,
	                                  struct error *err);
	int (*send_batch)(struct transport_channel *channel, const struct spool_batch *batch,
	                  struct error *err);
	int (*send_result)(struct transport_channel *channel, const struct run_result *result,
	                   struct error *err);
	void (*close)(struct transport_channel *channel); /* accepts NULL */
};

#endif
