// SPDX-License-Identifier: Apache-2.0
#include "wire/event_batches.h"

#include "base/clock.h"
#include "model/event_wire.h"

#define UNNUMBERED_FROM (UINT64_C(1) << 62)

/* A batch without a number (they begin at 1) gets one that no other has, far above all others: it
 * cannot be told apart from a repetition, and a run with such batches is never called complete. */
static uint64_t number_of(const struct event_wire_batch *batch)
{
	return batch->seq ? batch->seq : UNNUMBERED_FROM + (uint64_t)clock_wall_ns();
}

static struct buf *begin_part(struct event_batches *batches, const struct events_header *header,
                              uint64_t seq, uint64_t part)
{
	struct events_header numbered = *header;
	struct buf *message = batches->add_message(batches->ctx);

	numbered.kind = EVENTS_BATCH;
	numbered.seq = seq + (part << EVENT_PART_SHIFT);
	events_write_batch(message, &numbered);
	return message;
}

static void convert(struct event_batches *batches, const struct event_wire_batch *batch,
                    const struct events_header *header)
{
	uint64_t part = 0;
	uint64_t seq = number_of(batch);
	struct buf *message = begin_part(batches, header, seq, part);

	for (size_t i = 0; i < batch->event_count; i++) {
		if (message->size > EVENT_PART_MAX_BYTES)
			message = begin_part(batches, header, seq, ++part);
		events_write_event(message, &batch->events[i]);
		batches->by_type[batch->events[i].type]++;
	}
	batches->batches++;
	batches->events += batch->event_count;
}

int event_batches_convert(struct event_batches *batches, struct view body,
                          const struct events_header *header, struct arena *arena,
                          struct error *err)
{
	struct event_wire_reader reader;
	struct event_wire_batch batch;
	int rc;

	event_wire_reader_init(&reader, body, arena);
	while ((rc = event_wire_next(&reader, &batch, err)) > 0)
		convert(batches, &batch, header);
	return rc;
}
