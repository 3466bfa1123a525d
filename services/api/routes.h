// SPDX-License-Identifier: Apache-2.0
/* Every path that the gateway answers, in one table. */
#ifndef FANGS_API_ROUTES_H
#define FANGS_API_ROUTES_H

#include "http/http_server.h"

extern const struct http_route api_routes[];
extern const size_t api_route_count;

#endif
