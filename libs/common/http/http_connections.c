// SPDX-License-Identifier: Apache-2.0
#include "http/http_connections.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { WORTH_A_TRIM = 1024 };

void http_connections_init(struct http_connections *connections, int64_t idle_timeout_ms,
                           int64_t read_timeout_ms)
{
	pthread_mutex_init(&connections->lock, NULL);
	connections->first = NULL;
	connections->open = connections->peak = 0;
	connections->idle_timeout_ms = idle_timeout_ms;
	connections->read_timeout_ms = read_timeout_ms;
}

void http_connections_release(struct http_connections *connections)
{
	pthread_mutex_destroy(&connections->lock);
}

static void set_deadline(struct http_connections *connections, struct http_connection *c,
                         int64_t deadline_ms)
{
	pthread_mutex_lock(&connections->lock);
	c->deadline_ms = deadline_ms;
	pthread_mutex_unlock(&connections->lock);
}

struct http_connection *http_connections_open(struct http_connections *connections, int fd)
{
	struct http_connection *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	pthread_mutex_lock(&connections->lock);
	c->next = connections->first;
	if (c->next)
		c->next->previous = c;
	connections->first = c;
	if (++connections->open > connections->peak)
		connections->peak = connections->open;
	pthread_mutex_unlock(&connections->lock);
	http_connections_await(connections, c);
	return c;
}

void http_connections_await(struct http_connections *connections, struct http_connection *c)
{
	set_deadline(connections, c,
	             clock_monotonic_ms() + connections->idle_timeout_ms +
	                     connections->read_timeout_ms);
}

void http_connections_begin(struct http_connections *connections, struct http_connection *c)
{
	set_deadline(connections, c, clock_monotonic_ms() + connections->read_timeout_ms);
}

void http_connections_complete(struct http_connections *connections, struct http_connection *c)
{
	set_deadline(connections, c, INT64_MAX);
}

void http_connections_close(struct http_connections *connections, struct http_connection *c)
{
	pthread_mutex_lock(&connections->lock);
	*(c->previous ? &c->previous->next : &connections->first) = c->next;
	if (c->next)
		c->next->previous = c->previous;
	connections->open--;
	pthread_mutex_unlock(&connections->lock);
	free(c);
}

static bool most_have_left(struct http_connections *connections)
{
	if (connections->peak < WORTH_A_TRIM || connections->open > connections->peak / 2)
		return false;
	connections->peak = connections->open;
	return true;
}

void http_connections_sweep(struct http_connections *connections)
{
	int64_t now_ms = clock_monotonic_ms();
	bool trim;

	pthread_mutex_lock(&connections->lock);
	for (struct http_connection *c = connections->first; c; c = c->next) {
		if (c->deadline_ms > now_ms)
			continue;
		/* The server sees the end of the stream and cleans up. */
		(void)shutdown(c->fd, SHUT_RDWR);
		c->deadline_ms = INT64_MAX;
	}
	trim = most_have_left(connections);
	pthread_mutex_unlock(&connections->lock);
	if (trim)
		(void)malloc_trim(0);
}
