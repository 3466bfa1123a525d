// SPDX-License-Identifier: Apache-2.0
/*
 * A body of event batches, as runners post it, into messages of the topic `events`.
 *
 * A batch of more bytes than a message should have becomes several; their sequence numbers carry
 * the part above the lower 32 bits, so that each is told apart and the batch's own number stays
 * what it was.
 */
#ifndef FANGS_API_EVENT_BATCHES_H
#define FANGS_API_EVENT_BATCHES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"
#include "model/event_codec.h"

enum { EVENT_PART_SHIFT = 32, EVENT_PART_MAX_BYTES = 512 << 10 };

struct event_batches {
	/* Where the next message goes; its buf is empty. */
	struct buf *(*add_message)(void *ctx);
	void *ctx;
	/* What was read. */
	uint64_t batches, events;
	uint64_t by_type[EVENT_TYPE_COUNT];
};

/* `header` has everything but the sequence number. Negative (DROP) at the first bad batch: those
 * before it have been converted. */
int event_batches_convert(struct event_batches *batches, struct view body,
                          const struct events_header *header, struct arena *arena,
                          struct error *err);

#endif
