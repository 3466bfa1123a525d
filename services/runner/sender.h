// SPDX-License-Identifier: Apache-2.0
/*
 * The thread that carries one attempt's batches from its spool to the transport, in order, each
 * until it is durable: any failure is retried with back-off until the attempt is lost, or given up
 * at the runner's stop. A batch that the receiver will never take is counted as lost.
 *
 * @thread: the attempt's own.
 */
#ifndef FANGS_RUNNER_SENDER_H
#define FANGS_RUNNER_SENDER_H

#include "attempt.h"
#include "base/error.h"
#include "model/result.h"
#include "runner_metrics.h"
#include "spool.h"
#include "transport.h"

struct sender;

struct sender_options {
	struct transport *transport;
	struct attempt *attempt;
	struct spool *spool;
	const struct runner_metrics *metrics;
};

struct sender_totals {
	uint64_t events_sent;
	uint64_t events_undelivered;
};

/* What is borrowed must outlive it. */
struct sender *sender_start(const struct sender_options *options, struct error *err);

/* Waits until the closed spool is empty, or the attempt is lost or given up. */
void sender_finish(struct sender *sender, struct sender_totals *ret);

/* After sender_finish(). 0 when the result is durable; -ESTALE when the attempt is lost, -ETIMEDOUT
 * when it was given up, other errors when the receiver will never take it. */
int sender_send_result(struct sender *sender, const struct run_result *result, struct error *err);

void sender_destroy(struct sender *sender); /* after sender_finish(); accepts NULL */

#endif
