// SPDX-License-Identifier: Apache-2.0
/*
 * The messages of the `events` topic, keyed by run id: a run's batches in order, then its result.
 *
 * Wire format: Protocol Buffers (proto3 encoding of docs/events.proto), written and read without
 * copying: decoded text points into the message. Unknown fields are skipped, so that fields may be
 * added. Decoding bounds everything: at most EVENTS_BATCH_MAX events, EVENT_TEXT_MAX bytes of text.
 */
#ifndef FANGS_MODEL_EVENT_CODEC_H
#define FANGS_MODEL_EVENT_CODEC_H

#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"
#include "model/result.h"

enum { EVENTS_BATCH_MAX = 4096 };

enum events_kind { EVENTS_BATCH = 1, EVENTS_RESULT = 2 };

struct events_header {
	enum events_kind kind;
	struct run_id run_id; /* the run's own id, never an attempt's wire id */
	uint32_t attempt;
	struct view runner_id;
	uint64_t seq;       /* of the batch, from 1; of the result: last seq sent, 0 unknown */
	int64_t sent_at_ns; /* wall clock */
};

/* Writing a batch: header, then each event, then end. */
void events_write_batch(struct buf *out, const struct events_header *header);
void events_write_event(struct buf *out, const struct event *event);
void events_write_result(struct buf *out, const struct events_header *header,
                         const struct run_result *result);

/* Reading: events_read_header() first; then events_next() until it returns 0, or
 * events_read_result(). `message` must outlive what was read. */
struct events_reader {
	struct view rest;
	size_t read;
};
int events_read_header(struct view message, struct events_header *ret, struct events_reader *reader,
                       struct error *err);
/* 1: `*ret` is filled; 0: end; negative: malformed (DROP). */
int events_next(struct events_reader *reader, struct event *ret, struct error *err);
int events_read_result(struct events_reader *reader, struct run_result *ret, struct error *err);

#endif
