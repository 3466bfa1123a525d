// SPDX-License-Identifier: Apache-2.0
/*
 * The server's inside: a request on its way from the epoll thread through a worker to its answer.
 * Private to http/.
 *
 * A request belongs to the epoll thread until it is held (its connection suspended) and again once
 * it is answered; between these, to whoever has it: a worker's handler or the parker. Only
 * http_request_release_hold() gives it back, and nobody touches it afterwards.
 */
#ifndef FANGS_HTTP_HTTP_REQUEST_H
#define FANGS_HTTP_HTTP_REQUEST_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "http/http_body.h"
#include "http/http_connections.h"
#include "http/http_parking.h"
#include "http/http_router.h"
#include "http/http_server.h"
#include "http/http_stream.h"
#include "http/http_tls.h"
#include "http/http_workers.h"

struct http_server {
	struct MHD_Daemon *daemon;
	const struct http_route *routes;
	size_t route_count;
	void *ctx;
	bool (*admit)(void *ctx, struct http_request *request);
	bool (*welcome)(void *ctx, struct http_request *request);
	struct http_budget budget;
	int port;

	struct http_workers *workers;
	struct http_parking *parking;
	struct http_connections connections;
	struct http_tls *tls; /* NULL: plain HTTP */

	atomic_bool stopping;

	pthread_mutex_t lock;
	pthread_cond_t fewer;
	size_t open; /* requests begun and not completed; under the lock */
	size_t held; /* of them, suspended or streams; under the lock */
	bool closed; /* nothing is held any more; under the lock */
};

struct http_reply_header {
	const char *name, *value;
	struct http_reply_header *next;
};

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct arena arena;
	const char *method;
	const char *path; /* decoded */
	struct view raw_path, query;
	enum http_match match;
	struct http_matched matched;
	const char *peer;
	char *tls_name;
	const void *identity;

	bool begun;    /* headers were seen */
	bool complete; /* the body too */
	bool held;
	bool refused;
	struct http_body body;

	struct http_reply_header *reply_headers;
	struct MHD_Response *response;
	struct http_stream *stream; /* whose beginning the response is */
	unsigned status;
	bool dropped;

	struct http_parked parked;
	struct http_task task;
};

/* Keeps http_server_destroy() from ending the daemon. False when it has begun to. */
bool http_server_hold(struct http_server *server);
void http_server_let_go(struct http_server *server);

/* The epoll thread: suspends the connection; the request is the caller's. False when the server is
 * being destroyed. */
bool http_request_hold(struct http_request *request);
/* Gives the request back to the epoll thread, which sends response or closes. */
void http_request_release_hold(struct http_request *request);

/* Completes the response (taken; NULL: drops the request) and gives the request back with it. */
void http_request_answer(struct http_request *request, int status, const char *content_type,
                         struct MHD_Response *response);

#endif
