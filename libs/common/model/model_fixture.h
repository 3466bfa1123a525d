// SPDX-License-Identifier: Apache-2.0
/*
 * For tests: recorded messages of existing runners, one event of each type with every field set,
 * and the comparison of events. Failures abort.
 */
#ifndef FANGS_MODEL_MODEL_FIXTURE_H
#define FANGS_MODEL_MODEL_FIXTURE_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/event_codec.h"

/* The content of a file of tests/integration/fixtures/wire, unpacked when its name ends in ".gz".
 * The caller releases `*ret`. */
void model_fixture_read(const char *name, struct buf *ret);

/* The value of the member "resp" or "body" of a recorded request (job-*.json, result-*.json...) as
 * text; the caller frees it. */
char *model_fixture_member(const char *name, const char *member);

/* One event per type with all fields set, those that only our runner has included. Static. */
enum { MODEL_FIXTURE_EVENTS = 5 };
extern const struct event model_fixture_events[MODEL_FIXTURE_EVENTS];

/* A header and a result with all fields set. */
struct events_header model_fixture_header(enum events_kind kind);
extern const struct run_result model_fixture_result;

/* A body of /v1/runs/{id}/events, its pieces fed at the offsets in `splits` (ascending). The
 * batches up to the body's end, or to what is wrong with it, are in the arena. */
struct wire_batch {
	struct run_id run_id;
	uint64_t seq;
	struct event *events;
	size_t event_count;
};
struct wire_batches {
	struct wire_batch *list;
	size_t count;
};
int model_fixture_read_split(struct view body, const size_t *splits, size_t split_count,
                             struct arena *arena, struct wire_batches *ret, struct error *err);
int model_fixture_read_wire(struct view body, struct arena *arena, struct wire_batches *ret,
                            struct error *err); /* in one piece */

/* NULL when equal, else the name of the first field that differs. */
const char *model_fixture_difference(const struct event *a, const struct event *b);

#endif
