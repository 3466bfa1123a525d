// SPDX-License-Identifier: Apache-2.0
/*
 * A body of event batches, as runners post it, into messages of the topic `events`, while it
 * arrives: an event is encoded as soon as it is there, and its text is forgotten.
 *
 * A batch of more bytes or events than a message should have becomes several; their sequence
 * numbers carry the part above the lower 32 bits, so that each is told apart and the batch's own
 * number stays what it was.
 */
#ifndef FANGS_API_EVENT_BATCHES_H
#define FANGS_API_EVENT_BATCHES_H

#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"
#include "model/event_codec.h"
#include "model/event_wire_stream.h"

enum { EVENT_PART_SHIFT = 32, EVENT_PART_MAX_BYTES = 512 << 10 };
/* Of one body. Recorded runs have 30; a body of empty batches could have millions. */
enum { EVENT_PARTS_MAX = 4096 };

/* One message without its header. */
struct event_part {
	uint64_t seq;
	struct buf events;
	size_t count;
};

struct event_batches {
	/* Complete batches. */
	struct event_part *parts;
	size_t count;
	uint64_t batches, events;
	uint64_t by_type[EVENT_TYPE_COUNT];

	/* The batch that is being read: its parts stand behind the others. */
	struct event_wire_stream stream;
	size_t begun, capacity;
	uint64_t begun_by_type[EVENT_TYPE_COUNT];
	size_t kept_bytes;
};

void event_batches_init(struct event_batches *batches);
void event_batches_release(struct event_batches *batches);

/* Negative (DROP) at the first bad batch: those before it are complete. Nothing may be added after
 * an error. */
int event_batches_take(struct event_batches *batches, struct view piece, struct error *err);
int event_batches_end(struct event_batches *batches, struct error *err);

/* How much memory all of it takes. */
size_t event_batches_memory(const struct event_batches *batches);

/* The message of a part; `header` has everything but kind and sequence number. */
void event_batches_write(const struct event_batches *batches, size_t part,
                         const struct events_header *header, struct buf *out);

#endif
