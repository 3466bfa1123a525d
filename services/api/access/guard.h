// SPDX-License-Identifier: Apache-2.0
/*
 * The gateway has no log-in, so that any page in a browser on this host could make that browser
 * change something here. What changes something is therefore refused when a browser says that it
 * comes from elsewhere. Programs send none of these headers.
 */
#ifndef FANGS_API_GUARD_H
#define FANGS_API_GUARD_H

#include <stdbool.h>

#include "http/http_server.h"

/* For http_server_options.admit. */
bool guard_admit(void *ctx, struct http_request *request);

/* Whether a browser's request comes from this server's own pages; each may be NULL. */
bool guard_same_site(const char *origin, const char *host, const char *fetch_site);

#endif
