// SPDX-License-Identifier: Apache-2.0
/*
 * Any page in a browser on this host, or on one that can reach the gateway, could make that browser
 * change something here. What changes something is therefore refused when a browser says that it
 * comes from elsewhere, and when its body is of a type that a plain form can send. Programs send
 * none of the headers in question.
 */
#ifndef FANGS_API_GUARD_H
#define FANGS_API_GUARD_H

#include <stdbool.h>

#include "config/config.h"
#include "http/http_server.h"

/* False when it was answered: 403. `hosts` is not NULL where nothing but the address protects the
 * gateway: a browser must then have reached it by one of these names, by localhost or by an
 * address, as a name of somebody else's may have come to lead here. */
bool guard_admit(struct http_request *request, const struct config_list *hosts);
/* For routes of the JSON API: false when it was answered: 415. */
bool guard_admit_body(struct http_request *request);

/* Whether a browser's request comes from this server's own pages; each may be NULL. */
bool guard_same_site(const char *origin, const char *host, const char *fetch_site);
/* Whether a Host header is localhost, an address or in the list; NULL is not. */
bool guard_known_host(const char *host, const struct config_list *hosts);

#endif
