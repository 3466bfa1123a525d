// SPDX-License-Identifier: Apache-2.0
/*
 * Hands what changed to everybody who listens. One thread looks at the database a few times a
 * second, once for all listeners, and only while there are any. Where each of them stands is a
 * position (position.h); one who comes back with his cursor is told what he missed by the next look
 * like everybody else, so nothing can fall between catching up and listening on.
 *
 * Listeners are let go after `life_ms`, to come back by their cursor: whoever lost his access
 * meanwhile is refused then. While the database is away streams stay, and nothing is lost.
 *
 * Streams are used by the hub's thread only, from hub_join() on.
 */
#ifndef FANGS_API_HUB_H
#define FANGS_API_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/http_server.h"
#include "live/changes.h"

struct hub;
struct listener;

struct hub_options {
	void *ctx; /* handed to the functions below */
	int (*read)(void *ctx, const struct question *question, struct batch *ret,
	            struct error *err);
	int (*prune)(void *ctx, struct error *err); /* NULL: somebody else does */
	bool (*send)(struct http_stream *stream, struct view bytes);
	bool (*close)(struct http_stream *stream);
	void (*sent)(void *ctx, enum topic topic, size_t count); /* NULL: nobody counts */
	void (*cut)(void *ctx);                                  /* one reads too slowly */
	/* Reading began to fail (the error), or works again (NULL). */
	void (*note)(void *ctx, const struct error *err);
	size_t listeners_max;
	int64_t interval_ms; /* between looks */
	int64_t keep_alive_ms;
	int64_t life_ms;
};

struct hub *hub_start(const struct hub_options *options, struct error *err);
/* Closes all streams; listeners are refused from now on. Accepts NULL. */
void hub_stop(struct hub *hub);
void hub_free(struct hub *hub); /* stopped, and nobody joins any more; accepts NULL */
size_t hub_count(struct hub *hub);

/* Room for one more: NULL when there is none. Takes the position (may be NULL: from now on);
 * `interest` is copied. */
struct listener *hub_reserve(struct hub *hub, const struct interest *interest,
                             struct position *seen);
/* Its stream is open: it begins. */
void hub_join(struct listener *listener, struct http_stream *stream);
/* As http_stream_options.on_gone, with the listener as ctx; may come before hub_join(). */
void hub_on_gone(void *listener, struct http_stream *stream);

#endif
