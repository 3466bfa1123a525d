// SPDX-License-Identifier: Apache-2.0
/*
 * A fixed pool of threads that run queued requests' handlers, first come, first served. The queue
 * needs no bound of its own: the server bounds its connections, and each has one request.
 */
#ifndef FANGS_HTTP_HTTP_WORKERS_H
#define FANGS_HTTP_HTTP_WORKERS_H

#include "base/error.h"
#include "http/http_server.h"

struct http_workers;

/* Embedded in a request. */
struct http_task {
	struct http_request *request;
	http_handler_fn handler;
	void *ctx;
	struct http_task *next;
};

struct http_workers *http_workers_start(int count, struct error *err);
/* Runs what is queued, then joins. Accepts NULL. */
void http_workers_destroy(struct http_workers *workers);

/* Any thread; `task` is not touched any more once its handler was called. */
void http_workers_submit(struct http_workers *workers, struct http_task *task);

#endif
