// SPDX-License-Identifier: Apache-2.0
/*
 * For tests: recorded messages of existing runners, one event of each type with every field set,
 * and the comparison of events. Failures abort.
 */
#ifndef FANGS_MODEL_MODEL_FIXTURE_H
#define FANGS_MODEL_MODEL_FIXTURE_H

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

/* NULL when equal, else the name of the first field that differs. */
const char *model_fixture_difference(const struct event *a, const struct event *b);

#endif
