// SPDX-License-Identifier: Apache-2.0
/*
 * GET /v1/live: runs, deviations and runners as server-sent events, each in the shape of its list's
 * items, from whichever gateway. Resumable by Last-Event-ID at any of them. See hub.h and
 * changes.h.
 */
#ifndef FANGS_API_LIVE_H
#define FANGS_API_LIVE_H

#include "db/db.h"
#include "failure.h"
#include "http/http_server.h"
#include "live/hub.h"
#include "metrics/metrics.h"

struct live {
	struct db *db;
	struct failures *failures;
	struct hub *hub;
	struct metric *events[TOPIC_COUNT];
	struct metric *slow;
};

/* All borrowed. */
int live_start(struct live *live, struct db *db, struct failures *failures, int64_t streams_max,
               struct error *err);
/* Ends all streams; before the server is destroyed. */
void live_stop(struct live *live);
void live_release(struct live *live); /* no handler runs any more; also when it never started */

void live_handle(void *api, struct http_request *request);

#endif
