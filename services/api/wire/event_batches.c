// SPDX-License-Identifier: Apache-2.0
#include "wire/event_batches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/bus.h"

#define UNNUMBERED_FROM (UINT64_C(1) << 62)

enum { PARTS_FIRST = 4 };

/* A batch without a number (they begin at 1) gets one that no other has, far above all others: it
 * cannot be told apart from a repetition, and a run with such batches is never called complete. */
static uint64_t number_of(const struct event_wire_batch *batch)
{
	return batch->seq ? batch->seq : UNNUMBERED_FROM + (uint64_t)clock_wall_ns();
}

static struct event_part *begin_part(struct event_batches *batches)
{
	size_t last = batches->count + batches->begun;

	if (last == batches->capacity) {
		batches->capacity = last ? 2 * last : PARTS_FIRST;
		batches->parts =
		        xrealloc(batches->parts, batches->capacity, sizeof(*batches->parts));
	}
	struct event_part *part = &batches->parts[last];
	*part = (struct event_part){.seq = 0};
	buf_init(&part->events, BUS_RECORD_MAX_BYTES);
	batches->begun++;
	return part;
}

static struct event_part *part_with_room(struct event_batches *batches)
{
	if (batches->begun) {
		struct event_part *part = &batches->parts[batches->count + batches->begun - 1];
		if (part->events.size <= EVENT_PART_MAX_BYTES && part->count < EVENTS_BATCH_MAX)
			return part;
	}
	return begin_part(batches);
}

static void take_event(void *ctx, const struct event *event)
{
	struct event_batches *batches = ctx;
	struct event_part *part = part_with_room(batches);
	size_t before = part->events.capacity;

	events_write_event(&part->events, event);
	part->count++;
	batches->kept_bytes += part->events.capacity - before;
	batches->begun_by_type[event->type]++;
}

static void forget_begun(void *ctx)
{
	struct event_batches *batches = ctx;

	for (; batches->begun; batches->begun--) {
		struct buf *events = &batches->parts[batches->count + batches->begun - 1].events;
		batches->kept_bytes -= events->capacity;
		buf_release(events);
	}
	memset(batches->begun_by_type, 0, sizeof(batches->begun_by_type));
}

static void take_batch(void *ctx, const struct event_wire_batch *batch)
{
	struct event_batches *batches = ctx;
	uint64_t seq = number_of(batch);

	if (!batches->begun) /* an empty one counts: its number must not look like a gap */
		(void)begin_part(batches);
	for (uint64_t i = 0; i < batches->begun; i++)
		batches->parts[batches->count + i].seq = seq + (i << EVENT_PART_SHIFT);
	batches->count += batches->begun;
	batches->begun = 0;
	batches->batches++;
	batches->events += batch->events;
	for (int type = 0; type < EVENT_TYPE_COUNT; type++)
		batches->by_type[type] += batches->begun_by_type[type];
	memset(batches->begun_by_type, 0, sizeof(batches->begun_by_type));
}

void event_batches_init(struct event_batches *batches)
{
	const struct event_wire_sink sink = {take_event, forget_begun, take_batch, batches};

	memset(batches, 0, sizeof(*batches));
	event_wire_stream_init(&batches->stream, &sink);
}

void event_batches_release(struct event_batches *batches)
{
	for (size_t i = 0; i < batches->count + batches->begun; i++)
		buf_release(&batches->parts[i].events);
	free(batches->parts);
	event_wire_stream_release(&batches->stream);
}

int event_batches_take(struct event_batches *batches, struct view piece, struct error *err)
{
	int rc = event_wire_stream_feed(&batches->stream, piece, err);

	if (rc == 0 && batches->count + batches->begun > EVENT_PARTS_MAX)
		return error_set(err, E2BIG, "more than %d batches in one body", EVENT_PARTS_MAX);
	return rc;
}

int event_batches_end(struct event_batches *batches, struct error *err)
{
	return event_wire_stream_end(&batches->stream, err);
}

size_t event_batches_memory(const struct event_batches *batches)
{
	return batches->kept_bytes + batches->stream.begun.capacity +
	       batches->capacity * sizeof(*batches->parts);
}

void event_batches_write(const struct event_batches *batches, size_t part,
                         const struct events_header *header, struct buf *out)
{
	struct events_header numbered = *header;

	numbered.kind = EVENTS_BATCH;
	numbered.seq = batches->parts[part].seq;
	events_write_batch(out, &numbered);
	buf_append_view(out, buf_view(&batches->parts[part].events));
}
