// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that wait for an answer from elsewhere: one thread watches their deadlines and whether
 * their peers are still there (the server itself does not look at suspended connections).
 *
 * Invariants: an entry is parked, firing (its callback runs in the timer thread) or out. After
 * http_parking_remove() the thread does not touch the entry any more.
 */
#ifndef FANGS_HTTP_HTTP_PARKING_H
#define FANGS_HTTP_HTTP_PARKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/http_server.h"

struct http_parking;

/* Embedded in a request. */
struct http_parked {
	struct http_request *request;
	struct http_park park;
	int fd;
	int64_t deadline_ms; /* INT64_MAX: none */
	struct http_parked *earlier, *later;
	bool in;
};

/* `tick` runs in the timer thread about every second. */
struct http_parking *http_parking_start(void (*tick)(void *ctx), void *ctx, struct error *err);
/* Joins the thread; nothing may be parked. Accepts NULL. */
void http_parking_destroy(struct http_parking *parking);

/* Any thread. The entry's request, park and fd are set; without a deadline when its timeout is
 * negative. */
void http_parking_add(struct http_parking *parking, struct http_parked *entry);
/* Any thread; does nothing for an entry that is out. Waits while the entry's callback runs, except
 * in that callback itself. */
void http_parking_remove(struct http_parking *parking, struct http_parked *entry);

/* From now on every parked request times out at once. */
void http_parking_expire_all(struct http_parking *parking);

#endif
