// SPDX-License-Identifier: Apache-2.0
/*
 * The verbose JSON of `POST /v1/runs/{id}/events`: batches of events with byte arrays, as existing
 * runners send and existing servers expect.
 *
 * Reading is one pass over the bytes without a tree: keys match ignoring case, unknown keys and
 * trailing white space are skipped, null leaves a field at zero, short arrays are padded and long
 * ones cut, integers are exact, text is checked UTF-8 (invalid bytes become U+FFFD) and may hold
 * U+0000. Our runner adds the members `Actor`, `StartNs`, `Result`, `ArgvTruncated`, `Protocol` to
 * the payload, which existing servers ignore. A payload that is JSON, but not what its type
 * promises, is no error: it becomes an event of type EVENT_UNKNOWN with its own text.
 */
#ifndef FANGS_MODEL_EVENT_WIRE_H
#define FANGS_MODEL_EVENT_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"

/* Reader of a body that holds any number of batches, with or without separators. */
struct event_wire_reader {
	struct view body;
	size_t offset;
	struct arena *arena; /* text that needed unescaping */
};

struct event_wire_batch {
	struct run_id run_id;
	uint64_t seq;
	struct event *events; /* in the arena; at most EVENTS_BATCH_MAX (event_codec.h) */
	size_t event_count;
};

void event_wire_reader_init(struct event_wire_reader *reader, struct view body,
                            struct arena *arena);
/* 1: `*ret` is filled; 0: end of body; negative: DROP with "field and offset". */
int event_wire_next(struct event_wire_reader *reader, struct event_wire_batch *ret,
                    struct error *err);

/* One batch as the existing runner writes it (byte arrays of full length included). */
void event_wire_write_batch(struct buf *out, const struct run_id *run_id, uint64_t seq,
                            const struct event *events, size_t count);

/* The payload for `events.data`: the same keys without the byte arrays (Path, Argv, ArgvLens,
 * BinaryPath, DestAddr, Query, RawPayload, Comm) and the run id, as JSON that JSONB can hold: valid
 * UTF-8, U+2400 (symbol for NUL) in the place of U+0000. docs/schema.md lists the keys. */
void event_write_row_json(struct buf *out, const struct event *event);

#endif
