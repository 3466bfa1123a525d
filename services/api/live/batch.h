// SPDX-License-Identifier: Apache-2.0
/*
 * What one look at the database found: changes, each rendered once, from which every listener gets
 * what is new to him and of interest to him, as server-sent events.
 *
 * Only the last event to a listener carries an `id`: who loses the stream in the middle of a batch
 * and resumes gets that batch again rather than none of its rest.
 */
#ifndef FANGS_API_BATCH_H
#define FANGS_API_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "live/position.h"

enum topic { TOPIC_RUNS, TOPIC_DEVIATIONS, TOPIC_RUNNERS, TOPIC_COUNT };
enum { TOPICS_ALL = (1 << TOPIC_COUNT) - 1 };

/* An event of more than this is a reset, and so is a batch with more to tell one listener. */
enum { BATCH_FRAME_MAX_BYTES = 1 << 20 };

/* "runs,deviations" as a set; NULL and "": all. False: `*ret_unknown` is not one. */
bool topics_parse(const char *text, unsigned *ret, struct view *ret_unknown);
const char *topic_event(enum topic topic); /* "run" */

/* Why something is told: the transaction that wrote it, or (0) the time when it came to be true. */
struct cause {
	uint64_t xid;
	int64_t at_us;
};

struct item {
	enum topic topic;
	const char *package; /* NULL: belongs to none, so to all */
	const struct cause *causes;
	size_t cause_count;
	struct view json; /* one line */
};

struct batch {
	struct position *now;
	uint64_t cut_xid; /* changes of this and earlier transactions may be missing; 0: of none */
	const struct item *items;
	size_t count;
	struct arena arena; /* of what the above points at */
};
void batch_init(struct batch *batch);
void batch_release(struct batch *batch);

struct interest {
	unsigned topics;
	const char *package; /* NULL: any */
};

/* Writes what `seen` has not seen into the empty `out`, and adds up the events by topic. Behind the
 * last of them the listener stands at `now`. When that cannot be told any more it is one event
 * `reset` instead: read your lists anew. */
void batch_write(const struct batch *batch, const struct interest *interest,
                 const struct position *seen, struct buf *out, size_t counts[TOPIC_COUNT]);

/* Lines of the stream. */
void frame_hello(struct buf *out);                               /* at once */
void frame_position(struct buf *out, const struct position *at); /* also keeps the stream alive */
void frame_silence(struct buf *out);                             /* only that */

#endif
