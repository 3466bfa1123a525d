// SPDX-License-Identifier: Apache-2.0
/*
 * Reads a body of event batches while it arrives: any number of them, with or without separators,
 * fed in pieces of any size. Each event is handed on as soon as its last byte is there.
 *
 * One pass over the bytes without a tree: keys match ignoring case and come in any order, unknown
 * ones are skipped, null leaves a field at zero, short arrays are padded and long ones cut,
 * integers are exact, text is checked UTF-8 (invalid bytes become U+FFFD) and may hold U+0000. A
 * payload that is JSON, but not what its type promises, is no error: it becomes an event of type
 * EVENT_UNKNOWN with its own text.
 *
 * Invariants: kept between pieces is at most one value that has begun (an event, a key, the value
 * of another member), up to EVENT_WIRE_VALUE_MAX bytes; only such a value is looked at again. What
 * is handed on, and the error, do not depend on how the body was cut into pieces.
 */
#ifndef FANGS_MODEL_EVENT_WIRE_STREAM_H
#define FANGS_MODEL_EVENT_WIRE_STREAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"
#include "json/json_scan.h"

enum { EVENT_WIRE_VALUE_MAX = 2 << 20 };

struct event_wire_batch {
	struct run_id run_id;
	uint64_t seq;    /* 0: none was given */
	uint64_t events; /* how many were handed on for it */
};

struct event_wire_sink {
	/* Belongs to the batch that ends next; valid during the call. */
	void (*event)(void *ctx, const struct event *event);
	/* The batch names its events once more: those handed on for it so far do not count. */
	void (*restart)(void *ctx);
	void (*batch)(void *ctx, const struct event_wire_batch *batch);
	void *ctx;
};

/* Where in the text the reader stands: what has to come next. */
enum event_wire_place {
	EVENT_WIRE_BATCH, /* or the end of the body */
	EVENT_WIRE_FIRST_KEY,
	EVENT_WIRE_KEY,
	EVENT_WIRE_COLON,
	EVENT_WIRE_RUN_ID,
	EVENT_WIRE_SEQ,
	EVENT_WIRE_EVENTS,
	EVENT_WIRE_OTHER, /* the value of a key that is not known */
	EVENT_WIRE_MEMBER_END,
	EVENT_WIRE_FIRST_EVENT,
	EVENT_WIRE_EVENT,
	EVENT_WIRE_EVENT_END,
};

struct event_wire_stream {
	struct event_wire_sink sink;
	struct event_wire_batch batch;
	enum event_wire_place place;
	enum event_wire_place member; /* behind the colon */
	uint64_t offset;              /* in the body, of what is read next */
	struct buf begun;             /* a value whose end is not here yet */
	struct json_scan scan;        /* standing behind it */
	size_t usual_size;            /* the last event's */
	struct arena arena;           /* text of one value that needed unescaping */
};

void event_wire_stream_init(struct event_wire_stream *stream, const struct event_wire_sink *sink);
void event_wire_stream_release(struct event_wire_stream *stream);

/* Negative (DROP) with "field: what is wrong at offset N" as soon as it is certain that the body is
 * bad, the offset being the body's; the stream takes no more then. `err` is not NULL. */
int event_wire_stream_feed(struct event_wire_stream *stream, struct view piece, struct error *err);
/* The body has ended. */
int event_wire_stream_end(struct event_wire_stream *stream, struct error *err);

#endif
