// SPDX-License-Identifier: Apache-2.0
/*
 * The verbose JSON of `POST /v1/runs/{id}/events`: batches of events with byte arrays, as existing
 * runners send and existing servers expect. Here it is written; event_wire_stream.h reads it.
 *
 * Our runner adds the members `Actor`, `StartNs`, `Package`, `Result`, `ArgvTruncated`,
 * `Protocol` and those that docs/schema.md lists as ours to the payload, which existing servers
 * ignore.
 */
#ifndef FANGS_MODEL_EVENT_WIRE_H
#define FANGS_MODEL_EVENT_WIRE_H

#include "base/buf.h"
#include "model/event.h"

/* One batch as the existing runner writes it (byte arrays of full length included). */
void event_wire_write_batch(struct buf *out, const struct run_id *run_id, uint64_t seq,
                            const struct event *events, size_t count);

/* The payload for `events.data`: the same keys without the byte arrays (Path, Argv, ArgvLens,
 * BinaryPath, DestAddr, Query, RawPayload, Comm) and the run id, as JSON that JSONB can hold: valid
 * UTF-8, U+2400 (symbol for NUL) in the place of U+0000. docs/schema.md lists the keys. */
void event_write_row_json(struct buf *out, const struct event *event);

#endif
