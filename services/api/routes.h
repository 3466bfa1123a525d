// SPDX-License-Identifier: Apache-2.0
/* Every path that the gateway answers, in one table. */
#ifndef FANGS_API_ROUTES_H
#define FANGS_API_ROUTES_H

#include "http/http_server.h"

extern const struct http_route api_routes[];
extern const size_t api_route_count;

/* The rows that a listener serves when the gateway has two (`split`): runners and command lines
 * here, dashboard and metrics there, the JSON API and the probes on both. The caller frees it. */
enum routes_listener { ROUTES_MAIN, ROUTES_OPS };
size_t routes_select(enum routes_listener listener, bool split, struct http_route **ret);

#endif
