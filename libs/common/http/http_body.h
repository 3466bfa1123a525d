// SPDX-License-Identifier: Apache-2.0
/*
 * The body of one request while it arrives: kept whole for the handler or handed to the route's
 * sink, within the route's limit and the server's budget for all bodies. Private to http/.
 *
 * Invariant: what a body has charged counts as used in the server's budget until it is released.
 */
#ifndef FANGS_HTTP_HTTP_BODY_H
#define FANGS_HTTP_HTTP_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/http_server.h"

enum {
	/* What is read and thrown away of a body that is too large, so that its sender gets to
	 * reading the answer. */
	HTTP_DRAIN_MAX_BYTES = 4 << 20,
	HTTP_BUDGET_PEERS = 1024,
	HTTP_BUDGET_PEER_PART = 2,
};

/* What all bodies of a server may use together. One peer gets half of it, so that it alone cannot
 * keep the others out; peers whose hashes fall together share that half. */
struct http_budget {
	atomic_size_t used_bytes;
	size_t max_bytes;
	atomic_size_t used_by_peer_bytes[HTTP_BUDGET_PEERS];
};

struct http_body {
	const struct http_body_sink *how; /* NULL: kept in `whole` */
	void *sink;
	bool sinking; /* begun and not released */
	struct buf whole;
	size_t max_bytes;      /* of the route */
	bool cut;              /* what goes beyond is ignored instead of refused */
	size_t received_bytes; /* with what was thrown away */
	atomic_size_t charged_bytes;
	atomic_size_t *charged_to;  /* its peer's part of the budget */
	bool unwanted;              /* thrown away: its request will be refused */
	bool too_large, overloaded; /* the answer will be 413 or 503 */
};

/* `peer` is any text that tells it from others. */
void http_body_init(struct http_body *body, struct http_budget *budget,
                    const struct http_route *route, const char *peer);
/* Lets the route's sink begin: its handler will run. */
void http_body_begin(struct http_body *body, struct http_budget *budget,
                     const struct http_route *route, struct http_request *request);
/* So large by its own account that reading it makes no sense. */
bool http_body_is_hopeless(const struct http_body *body, const char *content_length);
/* False when the sender goes on and on: the connection is closed. */
bool http_body_take(struct http_body *body, struct http_budget *budget, struct view bytes);
/* Any thread. */
bool http_body_charge(struct http_body *body, struct http_budget *budget, size_t bytes);
void http_body_release(struct http_body *body, struct http_budget *budget);

#endif
