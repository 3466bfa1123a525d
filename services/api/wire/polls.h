// SPDX-License-Identifier: Apache-2.0
/*
 * Long polls for jobs. A poll looks for a job in the database, and when there is none it is parked
 * until the database notifies that its runner was given one, any of its deadlines passes, or its
 * client leaves.
 *
 * Invariants: a poll is in the table from polls_enter() until it is answered, either looking (a
 * worker has it) or parked. A wake that comes while it is looking makes it look once more, so that
 * none is missed.
 */
#ifndef FANGS_API_POLLS_H
#define FANGS_API_POLLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/http_server.h"

enum { POLLS_BUCKETS = 1024 };

struct poll {
	void *owner; /* the caller's */
	struct http_request *request;
	const char *runner_id;
	int64_t deadline_ms;
	/* The table's. */
	struct polls *polls;
	bool parked, woken;
	struct poll *next;
};

struct polls {
	pthread_mutex_t lock;
	struct poll *buckets[POLLS_BUCKETS]; /* by runner id */
	size_t count;
	http_handler_fn look; /* looks again; gets the poll as ctx */
};

void polls_init(struct polls *polls, http_handler_fn look);
void polls_release(struct polls *polls); /* the server is gone */

/* The poll lives in its request's arena; owner, request, runner_id and deadline_ms are set. */
void polls_enter(struct polls *polls, struct poll *poll);
/* Before the caller answers a poll that is looking. */
void polls_leave(struct polls *polls, struct poll *poll);
/* Nothing was found: false when the caller shall look again, otherwise the poll is not his any
 * more. */
bool polls_park(struct polls *polls, struct poll *poll);

/* There may be a job for that runner; NULL: for any. */
void polls_wake(struct polls *polls, const char *runner_id);

size_t polls_count(struct polls *polls);

#endif
