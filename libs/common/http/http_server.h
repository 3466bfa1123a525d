// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP server over libmicrohttpd: routes from a table, bounded bodies, handlers in worker threads,
 * answers now or later.
 *
 * One epoll thread reads and writes; a complete request (headers and body within the route's
 * limit) goes to a pool of workers, where its handler may block on the database. A handler either
 * answers with http_reply...() or keeps the request (a long poll, a stream) and answers from any
 * thread before `park_deadline`. Every request is answered exactly once and is invalid after that.
 *
 * Unmatched requests: 404 or 405 with Allow, as the route table says. HEAD is answered wherever
 * GET is, without a body, and reaches the handler only on routes with `head_runs_handler`; on the
 * others it is 204 and nothing happens.
 *
 * Bounds: the request line and headers fit 5 KiB; a body its route's limit; all bodies together
 * `buffered_max_bytes`, those of one peer half of it (beyond: 503 with Retry-After); a request must
 * arrive completely within `read_timeout_ms` after its first line, however slowly its client sends.
 */
#ifndef FANGS_HTTP_HTTP_SERVER_H
#define FANGS_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

struct http_server;
struct http_request; /* opaque; lives from the handler's call to its answer */

typedef void (*http_handler_fn)(void *ctx, struct http_request *request);

/* Takes a body piece by piece as it arrives, instead of having it kept until it is complete. All
 * calls come from the epoll thread, one request's in order, and never block. Memory that grows with
 * the body must be charged, see http_request_charge(). */
struct http_body_sink {
	/* The headers are here, a body may follow. What it returns is http_request_sink() until the
	 * request has ended; NULL: the body is read and thrown away. */
	void *(*begin)(struct http_request *request);
	/* Bytes of the body; they are gone afterwards. */
	void (*take)(void *sink, struct view bytes);
	/* Once for each begin: when the request has ended, after its answer was sent or dropped; in
	 * place of the handler when the client went away in mid-body, or as soon as the body is
	 * known to be too large or too much (the rest is then read and thrown away). */
	void (*release)(void *sink);
};

struct http_route {
	const char *method;
	/* Segments; "{name}" matches one segment (percent-decoded for http_request_param()), a last
	 * "{name...}" matches the rest of the path: "/v1/runs/{run_id}/events". */
	const char *pattern;
	size_t body_max_bytes;             /* a larger body: 413 (or cut, see body_truncates) */
	const struct http_body_sink *sink; /* NULL: http_request_body() has the whole body */
	http_handler_fn handler;
	int access;             /* the application's, for `admit`: see http_request_access() */
	bool body_truncates;    /* read only the first body_max_bytes and ignore the rest */
	bool head_runs_handler; /* GET routes whose HEAD must run the handler */
	bool immediate;         /* the handler never blocks: it runs in the epoll thread, so that it
	                         * answers even when all workers wait for a database */
};

struct http_server_options {
	const char *listen; /* "127.0.0.1:8443", "[::]:8443"; port 0: any */
	const struct http_route *routes;
	size_t route_count;
	void *ctx; /* handed to handlers */
	/* Runs before each handler, in its thread; false: it has answered. NULL: all pass. */
	bool (*admit)(void *ctx, struct http_request *request);
	/* Runs in the epoll thread when the headers are here, and never blocks; false: the body is
	 * not worth reading, as `admit` will refuse the request. It is thrown away as it arrives.
	 * NULL: all are. */
	bool (*welcome)(void *ctx, struct http_request *request);
	int workers;                  /* 0: 8 */
	int connections_max;          /* 0: 20000 */
	int connections_per_peer_max; /* 0: unlimited */
	int64_t idle_timeout_ms;      /* 0: 75000; a parked request does not count as idle */
	int64_t read_timeout_ms;      /* 0: 30000 */
	size_t buffered_max_bytes;    /* 0: 256 MiB */
	const char *tls_cert_file, *tls_key_file, *tls_client_ca_file; /* NULL: plain HTTP */
};

struct http_server *http_server_start(const struct http_server_options *options, struct error *err);
int http_server_port(const struct http_server *server);

/* Stops accepting, lets parked requests time out at once, waits up to `timeout_ms` until everything
 * is answered and sent. */
void http_server_stop(struct http_server *server, int64_t timeout_ms);
/* Waits for handlers that still run. Accepts NULL. */
void http_server_destroy(struct http_server *server);

/* Inspect a request; views and strings live as long as it. */
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);
const char *http_request_param(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name); /* or NULL */
struct view http_request_query_string(const struct http_request *request); /* as it was sent */
const char *http_request_header(const struct http_request *request, const char *name); /* or NULL */
const char *http_request_peer(const struct http_request *request); /* numeric address */
/* Of the client's certificate: its common name, else its first DNS name; NULL without either. */
const char *http_request_tls_name(const struct http_request *request);
bool http_request_is_chunked(const struct http_request *request);
int http_request_access(const struct http_request *request); /* of its route */
/* What `admit` wants handlers to know of the asker; lives in the request's arena. NULL at first. */
void http_request_set_identity(struct http_request *request, const void *identity);
const void *http_request_identity(const struct http_request *request);
/* What its route's sink began; NULL without one. */
void *http_request_sink(const struct http_request *request);
/* A sink needs so many more bytes of memory, until the request ends. False when all bodies together
 * (or its peer's) would exceed their bound: the request will be answered 503 and the sink released
 * when begin or take returns. A handler may charge too, but answers 503 itself. */
bool http_request_charge(struct http_request *request, size_t bytes);
struct view http_request_body(const struct http_request *request);
struct arena *http_request_arena(struct http_request *request);

/* Answer; the bytes are copied, the request is gone afterwards. Any thread. */
void http_reply(struct http_request *request, int status, const char *content_type,
                struct view body);
void http_reply_json(struct http_request *request, int status, struct view json); /* adds "\n" */
/* {"error":"<text>"}\n with that status. */
void http_reply_error(struct http_request *request, int status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void http_reply_empty(struct http_request *request, int status); /* no body, no content type */
/* Before the answer. */
void http_reply_header(struct http_request *request, const char *name, const char *value);

/* Ends the request without an answer: the connection is closed. */
void http_request_drop(struct http_request *request);

/* Keeps the request beyond the handler. When nothing answered within `timeout_ms`, `on_timeout`
 * runs in the server's timer thread; when the peer closes first, `on_gone` does. Each runs at most
 * once per park and means "end this request now": by an answer, or by http_request_drop() (what is
 * answered to a peer that is gone leads nowhere).
 *
 * Who parks a request for others to answer parks it and tells them in one go under a lock of his
 * own, and under the same lock it is decided who ends it: exactly one does. Answering waits until a
 * callback for the same request that is running has returned (unless it is the callback which
 * answers), so `ctx` may be freed after the answer; no lock that the callbacks take may be held
 * while answering. */
struct http_park {
	int64_t timeout_ms;
	void (*on_timeout)(void *ctx, struct http_request *request);
	void (*on_gone)(void *ctx, struct http_request *request);
	void *ctx;
};
void http_request_park(struct http_request *request, const struct http_park *park);

/* Hands a parked request back to the workers, where `handler` runs as a route's does. As answering,
 * it ends the park. Any thread. */
void http_request_dispatch(struct http_request *request, http_handler_fn handler, void *ctx);

/* An answer without an end (server-sent events): status 200 and the headers go out now, the body as
 * it is sent, until the stream is closed or its client leaves. The request is gone; the stream
 * takes its place as the connection's, and neither idle nor read timeouts end it.
 *
 * A stream lives until its owner calls http_stream_close(), which he does exactly once, whether or
 * not it was lost in the meantime. Headers of the answer: http_reply_header() before. */
struct http_stream;
struct http_stream_options {
	const char *content_type;
	size_t unsent_max_bytes; /* a client that reads too slowly loses its stream */
	/* The client left, was too slow, or the server stops: what is sent from now on leads
	 * nowhere. Called at most once, in the epoll thread (never out of the functions below), so
	 * it must not block long; not after http_stream_close() has returned. It may close. */
	void (*on_gone)(void *ctx, struct http_stream *stream);
	void *ctx;
};
/* May be called with a lock held that on_gone takes, unless the request was parked. on_gone may
 * have been called when this returns. */
struct http_stream *http_reply_stream(struct http_request *request,
                                      const struct http_stream_options *options);
/* Copies; any thread; never blocks and calls nothing back. False: the stream is lost and on_gone
 * has been or will be called. */
bool http_stream_send(struct http_stream *stream, struct view bytes);
/* Ends the answer after what was sent so far, frees the stream. Waits for an on_gone that runs in
 * another thread: no lock that it takes may be held. False: the stream was lost. Also allowed after
 * http_server_destroy(). */
bool http_stream_close(struct http_stream *stream);

#endif
