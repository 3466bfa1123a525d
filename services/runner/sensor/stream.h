// SPDX-License-Identifier: Apache-2.0
/*
 * Puts the captured segments of TCP streams together, by socket cookie. Segments may come twice
 * (retransmission) and out of order.
 *
 * Invariants: at most STREAMS_MAX streams are kept, of at most `limit` bytes each; the one that
 * was used least recently makes room. What has been finished is remembered as such, so that late
 * segments of it start nothing new.
 */
#ifndef FANGS_SENSOR_STREAM_H
#define FANGS_SENSOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "bpf/records.h"

enum { STREAMS_MAX = 1024, STREAM_RANGES_MAX = 256 };

struct stream_range {
	uint32_t start, end;
};

struct stream {
	uint64_t cookie; /* 0: place is free */
	uint64_t used;   /* order of last use */
	bool finished;
	uint8_t *data;
	uint32_t capacity;
	struct stream_range *ranges; /* filled, sorted, apart from each other */
	size_t range_count, range_capacity;
	uint32_t parsed; /* for the caller: bytes at the start that are done with */
	/* Of the first segment seen. */
	struct record_header header;
	struct record_address to;
	uint16_t purpose;
};

struct stream_table {
	struct stream *streams; /* STREAMS_MAX places, allocated on first use */
	uint64_t clock;
};

void stream_table_init(struct stream_table *table);
void stream_table_release(struct stream_table *table);

/* The stream of the cookie, made if it is new. `*ret_evicted`, if the call had to take an
 * unfinished stream's place, is that stream: the caller reports it and then calls
 * stream_reset(), else NULL. While that is not NULL no stream is returned: call again. */
struct stream *stream_get(struct stream_table *table, uint64_t cookie, struct stream **ret_evicted);

/* Adds bytes at an offset of the stream; what lies beyond `limit` is cut. False when the stream has
 * too many gaps. */
bool stream_add(struct stream *stream, uint32_t offset, struct view bytes, uint32_t limit);

/* The bytes from the start on, without a gap. Borrowed until the next call with this stream. */
struct view stream_prefix(const struct stream *stream);

/* Frees the bytes and remembers that nothing more is wanted. */
void stream_finish(struct stream *stream);

/* Forgets the stream. */
void stream_reset(struct stream *stream);

/* Calls `visit` for each unfinished stream. */
void stream_table_each(struct stream_table *table, void (*visit)(void *ctx, struct stream *stream),
                       void *ctx);

#endif
