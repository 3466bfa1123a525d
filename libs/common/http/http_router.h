// SPDX-License-Identifier: Apache-2.0
/*
 * Which route answers a request: patterns of path segments, matched against the raw
 * (percent-encoded) path, most specific first: a literal segment beats "{name}", which beats
 * "{name...}".
 *
 * Segments are split before they are decoded, so an encoded slash stays inside its segment.
 */
#ifndef FANGS_HTTP_HTTP_ROUTER_H
#define FANGS_HTTP_HTTP_ROUTER_H

#include "base/arena.h"
#include "base/view.h"
#include "http/http_server.h"

enum { HTTP_PARAMS_MAX = 4 };

struct http_param {
	struct view name; /* points into the pattern */
	const char *value;
};

struct http_matched {
	const struct http_route *route;
	struct http_param params[HTTP_PARAMS_MAX];
	size_t param_count;
	const char *allow; /* HTTP_MATCH_METHOD: value of the Allow header */
};

enum http_match {
	HTTP_MATCH_FOUND,
	HTTP_MATCH_NONE,   /* no route has such a path */
	HTTP_MATCH_METHOD, /* some have, with other methods */
	HTTP_MATCH_BAD,    /* broken percent-encoding, a NUL, or a parameter that is no UTF-8 */
};

/* `path` without the query. HEAD matches GET routes. Parameter values live in the arena. */
enum http_match http_router_match(const struct http_route *routes, size_t count, const char *method,
                                  struct view path, struct arena *arena, struct http_matched *ret);

/* Decodes %XX (and '+' as a space when `form`); NUL-terminated, in the arena. NULL when the
 * encoding is broken or has a NUL. */
char *http_percent_decode(struct view text, bool form, struct arena *arena);

/* The first parameter `name` of a query string, decoded; NULL when absent or broken. */
const char *http_query_get(struct view query, const char *name, struct arena *arena);

#endif
