// SPDX-License-Identifier: Apache-2.0
/*
 * How fast the event batches of existing runners are read: a recorded session (1,742 events of
 * about 1 KB each), over and over. Beside it what it costs to look at every byte once (memchr),
 * what the same events cost on the bus, and how large they are there.
 *
 *   wire_parse [seconds]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"

static const char SESSION[] = "events-1.0.1.ndjson.gz";
enum { BUS_MAX = 64 * 1024 * 1024 };

struct bench {
	struct buf session; /* as posted */
	struct buf bus;     /* the same, as one message per batch: size and content in turn */
	size_t bus_bytes;
	struct arena arena;
};

/* One pass over the session; returns the number of events. */
typedef size_t (*pass_fn)(struct bench *bench);

static size_t look_at_bytes(struct bench *bench)
{
	struct view text = buf_view(&bench->session);
	return memchr(text.data, '\0', text.size) ? 1 : 0;
}

static size_t read_wire(struct bench *bench)
{
	struct event_wire_reader reader;
	struct event_wire_batch batch;
	size_t events = 0;
	struct view rest = buf_view(&bench->session);
	while (rest.size) { /* a request each, as existing runners send them */
		event_wire_reader_init(&reader, view_split(&rest, '\n'), &bench->arena);
		while (event_wire_next(&reader, &batch, NULL) > 0)
			events += batch.event_count;
		arena_reset(&bench->arena);
	}
	return events;
}

static size_t write_bus(struct bench *bench)
{
	struct event_wire_reader reader;
	struct event_wire_batch batch;
	size_t events = 0;
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	buf_reset(&bench->bus);
	event_wire_reader_init(&reader, buf_view(&bench->session), &bench->arena);
	bench->bus_bytes = 0;
	while (event_wire_next(&reader, &batch, NULL) > 0) {
		size_t size = 0;
		size_t start = bench->bus.size;
		buf_append(&bench->bus, &size, sizeof(size));
		events_write_batch(&bench->bus, &header);
		for (size_t i = 0; i < batch.event_count; i++)
			events_write_event(&bench->bus, &batch.events[i]);
		size = bench->bus.size - start - sizeof(size);
		memcpy(bench->bus.data + start, &size, sizeof(size));
		bench->bus_bytes += size;
		events += batch.event_count;
		arena_reset(&bench->arena);
	}
	return events;
}

static size_t read_bus(struct bench *bench)
{
	size_t events = 0;
	struct view rest = buf_view(&bench->bus);
	while (rest.size) {
		size_t size = 0;
		struct events_header header;
		struct events_reader reader;
		struct event event;
		memcpy(&size, rest.data, sizeof(size));
		struct view message = view_of(rest.data + sizeof(size), size);
		rest = view_of(message.data + size, rest.size - sizeof(size) - size);
		if (events_read_header(message, &header, &reader, NULL) < 0)
			return 0;
		while (events_next(&reader, &event, NULL) > 0)
			events++;
	}
	return events;
}

/* Seconds that one pass takes, measured over at least `seconds`. */
static double measure(struct bench *bench, pass_fn pass, double seconds)
{
	int64_t start = clock_monotonic_ns();
	int64_t elapsed = 0;
	size_t passes = 0;
	do {
		(void)pass(bench);
		passes++;
		elapsed = clock_monotonic_ns() - start;
	} while ((double)elapsed < seconds * (double)NS_PER_S);
	return (double)elapsed / (double)NS_PER_S / (double)passes;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	struct bench bench = {.bus_bytes = 0};
	arena_init(&bench.arena);
	buf_init(&bench.bus, BUS_MAX);
	model_fixture_read(SESSION, &bench.session);
	double events = (double)write_bus(&bench);
	double bytes = (double)bench.session.size;
	double wire = measure(&bench, read_wire, seconds);
	double look = measure(&bench, look_at_bytes, seconds);
	double bus = measure(&bench, read_bus, seconds);
	(void)printf("events                %8.0f of %.0f bytes on the wire, %.0f on the bus\n",
	             events, bytes / events, (double)bench.bus_bytes / events);
	(void)printf("wire: read            %8.0f events/s, %.0f MB/s, %.1f times a memchr pass\n",
	             events / wire, bytes / wire / 1e6, wire / look);
	(void)printf("bus: read             %8.0f events/s\n", events / bus);
	buf_release(&bench.session);
	buf_release(&bench.bus);
	arena_release(&bench.arena);
	return 0;
}
