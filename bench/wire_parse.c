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
#include "model/event_wire_stream.h"
#include "model/model_fixture.h"

static const char SESSION[] = "events-1.0.1.ndjson.gz";
enum { BUS_MAX = 64 * 1024 * 1024, PIECE = 3 * 1024, COPIES = 100 };

struct bench {
	struct buf session; /* as posted */
	struct buf copies;  /* COPIES times */
	struct buf bus;     /* the same, as one message per batch: size and content in turn */
	size_t bus_bytes;
	size_t piece; /* in which the wire is read */
};

/* One pass over the session; returns the number of events. */
typedef size_t (*pass_fn)(struct bench *bench);

/* Over a copy that no cache holds, as bytes from a network never are. */
static size_t look_at_bytes(struct bench *bench)
{
	struct view text = buf_view(&bench->copies);
	return memchr(text.data, '\0', text.size) ? 1 : 0;
}

static void count_event(void *ctx, const struct event *event)
{
	size_t *events = ctx;
	*events += event->type != EVENT_UNKNOWN;
}

static void forget_events(void *ctx)
{
	(void)ctx;
}

static void end_batch(void *ctx, const struct event_wire_batch *batch)
{
	(void)ctx;
	(void)batch;
}

/* A stream for each request, as existing runners send them. */
static size_t read_wire(struct bench *bench)
{
	size_t events = 0;
	const struct event_wire_sink sink = {count_event, forget_events, end_batch, &events};
	struct view rest = buf_view(&bench->session);
	while (rest.size) {
		struct view body = view_split(&rest, '\n');
		struct event_wire_stream stream;
		struct error err;
		event_wire_stream_init(&stream, &sink);
		while (body.size) {
			size_t size = body.size < bench->piece ? body.size : bench->piece;
			if (event_wire_stream_feed(&stream, view_of(body.data, size), &err) < 0)
				abort();
			body = view_of(body.data + size, body.size - size);
		}
		if (event_wire_stream_end(&stream, &err) < 0)
			abort();
		event_wire_stream_release(&stream);
	}
	return events;
}

/* One message per batch, encoded while the wire is read. */
struct encoder {
	struct buf batch;
	struct bench *bench;
	size_t events;
};

static void encode_event(void *ctx, const struct event *event)
{
	struct encoder *encoder = ctx;
	events_write_event(&encoder->batch, event);
	encoder->events++;
}

static void encode_batch(void *ctx, const struct event_wire_batch *batch)
{
	struct encoder *encoder = ctx;
	struct buf *bus = &encoder->bench->bus;
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	size_t start = bus->size;
	size_t size = 0;
	header.seq = batch->seq;
	buf_append(bus, &size, sizeof(size));
	events_write_batch(bus, &header);
	buf_append_view(bus, buf_view(&encoder->batch));
	size = bus->size - start - sizeof(size);
	memcpy(bus->data + start, &size, sizeof(size));
	encoder->bench->bus_bytes += size;
	buf_reset(&encoder->batch);
}

static size_t write_bus(struct bench *bench)
{
	struct encoder encoder = {.bench = bench};
	const struct event_wire_sink sink = {encode_event, forget_events, encode_batch, &encoder};
	struct event_wire_stream stream;
	struct error err;
	buf_init(&encoder.batch, BUS_MAX);
	buf_reset(&bench->bus);
	bench->bus_bytes = 0;
	event_wire_stream_init(&stream, &sink);
	if (event_wire_stream_feed(&stream, buf_view(&bench->session), &err) < 0 ||
	    event_wire_stream_end(&stream, &err) < 0)
		abort();
	event_wire_stream_release(&stream);
	buf_release(&encoder.batch);
	return encoder.events;
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
	buf_init(&bench.bus, BUS_MAX);
	model_fixture_read(SESSION, &bench.session);
	buf_init(&bench.copies, COPIES * bench.session.size);
	double events = (double)write_bus(&bench);
	double bytes = (double)bench.session.size;
	bench.piece = SIZE_MAX;
	double wire = measure(&bench, read_wire, seconds);
	bench.piece = PIECE;
	double pieces = measure(&bench, read_wire, seconds);
	double both = measure(&bench, write_bus, seconds);
	for (int i = 0; i < COPIES; i++)
		buf_append_view(&bench.copies, buf_view(&bench.session));
	double look = measure(&bench, look_at_bytes, seconds) / COPIES;
	double bus = measure(&bench, read_bus, seconds);
	(void)printf("events                %8.0f of %.0f bytes on the wire, %.0f on the bus\n",
	             events, bytes / events, (double)bench.bus_bytes / events);
	(void)printf("wire: read            %8.0f events/s, %.0f MB/s, %.1f times a memchr pass\n",
	             events / wire, bytes / wire / 1e6, wire / look);
	(void)printf("memchr pass           %8.0f events/s\n", events / look);
	(void)printf("wire: in pieces       %8.0f events/s, of %d bytes\n", events / pieces, PIECE);
	(void)printf("wire to bus           %8.0f events/s\n", events / both);
	(void)printf("bus: read             %8.0f events/s\n", events / bus);
	buf_release(&bench.session);
	buf_release(&bench.copies);
	buf_release(&bench.bus);
	return 0;
}
