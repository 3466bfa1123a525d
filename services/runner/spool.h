// SPDX-License-Identifier: Apache-2.0
/*
 * The events of one run on their way out: encoded as they arrive, cut into numbered batches, held
 * in bounded memory until the transport has made them durable.
 *
 * A batch is complete when it is full, when it has waited for SPOOL_FLUSH_MS, or when the spool is
 * closed; so a slow transport gets large batches and a fast one small ones. Batches are in the
 * compact form (model/event_codec.h), header included, numbered from 1 without a gap. When the
 * memory bound is hit, events are refused and counted: only then does back-pressure lose anything.
 *
 * @thread: one thread puts, one takes; the rest may be called by any.
 */
#ifndef FANGS_RUNNER_SPOOL_H
#define FANGS_RUNNER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/event.h"
#include "model/run_id.h"

enum {
	SPOOL_FLUSH_MS = 250,
	SPOOL_BATCH_EVENTS = 256,
	SPOOL_BATCH_BYTES = 128 * 1024,
};

struct spool;

struct spool_options {
	struct run_id run_id; /* canonical, for the header of each batch */
	uint32_t attempt;
	const char *runner_id; /* borrowed */
	size_t max_bytes;
};

struct spool_batch {
	struct spool_batch *next; /* the spool's */
	uint64_t seq;
	size_t event_count;
	int64_t opened_at_ms;
	bool sealed;
	struct buf message; /* a complete message of the events topic */
};

struct spool *spool_create(const struct spool_options *options);
void spool_destroy(struct spool *spool); /* accepts NULL */
DEFINE_AUTO(spool, struct spool *, spool_destroy)

/* False when the event was refused (bound hit, or closed). */
bool spool_put(struct spool *spool, const struct event *event);

/* No event will come any more; what is there is still to be taken. */
void spool_close(struct spool *spool);

/* The next batch, still owned by the spool, or NULL: after `timeout_ms`, or for good when the spool
 * is closed and empty (`*ret_end`). spool_pop() frees it when it is durable. */
const struct spool_batch *spool_peek(struct spool *spool, int64_t timeout_ms, bool *ret_end);
void spool_pop(struct spool *spool);

uint64_t spool_refused(struct spool *spool); /* events refused since creation */
uint64_t spool_last_seq(struct spool *spool);

#endif
