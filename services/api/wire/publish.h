// SPDX-License-Identifier: Apache-2.0
/*
 * Answering a post when what it brought is durable on the bus, and not before: the request is
 * parked while its records are on their way, and no thread waits for them.
 *
 * A publication is made by the request's handler, filled, and sent; from then on it lives by
 * itself. It ends by success (the prepared answer, or a further step), by the failure of a record
 * (503: the runner sends it again), or by its deadline (503), whichever comes first.
 */
#ifndef FANGS_API_PUBLISH_H
#define FANGS_API_PUBLISH_H

#include "api.h"
#include "base/buf.h"

struct publication;

struct publication *publication_create(struct api *api, struct http_request *request);

/* A message for the topic `events`, keyed by the run: an empty buf to be filled now. It belongs to
 * the publication. */
struct buf *publication_add(struct publication *publication, const char *run_id);

/* Where `then` runs: where the last record was found to be durable, which is a thread that must not
 * be kept (the bus's, or the caller's), or in a worker. */
enum publication_then { PUBLICATION_THEN_AT_ONCE, PUBLICATION_THEN_IN_WORKER };

/* Sends. On success `then` runs with the publication as ctx and must answer; all are done with it
 * when `then` returns. The request is nobody's after this call. */
void publication_send(struct publication *publication, enum publication_then where,
                      http_handler_fn then, void *owner);
void *publication_owner(const struct publication *publication); /* for `then` */

#endif
