// SPDX-License-Identifier: Apache-2.0
/*
 * Clients that send slowly on purpose: each connection has a deadline by which its next request
 * must be complete, which no trickle of bytes moves. A connection that misses it is shut down.
 */
#ifndef FANGS_HTTP_HTTP_CONNECTIONS_H
#define FANGS_HTTP_HTTP_CONNECTIONS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct http_connection {
	int fd;
	int64_t deadline_ms; /* INT64_MAX while a request is being answered */
	struct http_connection *previous, *next;
};

struct http_connections {
	pthread_mutex_t lock;
	struct http_connection *first;
	size_t open, peak; /* since memory was last given back */
	int64_t idle_timeout_ms;
	int64_t read_timeout_ms;
};

void http_connections_init(struct http_connections *connections, int64_t idle_timeout_ms,
                           int64_t read_timeout_ms);
void http_connections_release(struct http_connections *connections);

/* The epoll thread: a connection opened (owned by the set until it closes), waits for its next
 * request, received a request line, received the whole request, closed. */
struct http_connection *http_connections_open(struct http_connections *connections, int fd);
void http_connections_await(struct http_connections *connections, struct http_connection *c);
void http_connections_begin(struct http_connections *connections, struct http_connection *c);
void http_connections_complete(struct http_connections *connections, struct http_connection *c);
void http_connections_close(struct http_connections *connections, struct http_connection *c);

/* Any thread. After most connections have left it gives their memory back, which the allocator
 * would keep. */
void http_connections_sweep(struct http_connections *connections);

#endif
