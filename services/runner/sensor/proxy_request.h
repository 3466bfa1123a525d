// SPDX-License-Identifier: Apache-2.0
/*
 * What a stream's first bytes ask of a proxy, before they go through it: CONNECT of HTTP/1, SOCKS 4
 * and 5. Only what the client sends is read; the bytes may end anywhere.
 */
#ifndef FANGS_SENSOR_PROXY_REQUEST_H
#define FANGS_SENSOR_PROXY_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum { PROXY_HOST_MAX = 255 };

enum proxy_status {
	PROXY_NONE,   /* no request to a proxy */
	PROXY_MORE,   /* cut before its target is known */
	PROXY_TARGET, /* `host` and `port` are set */
	PROXY_BAD,    /* a request, but its target cannot be read; `size` may be set */
};

struct proxy_request {
	char host[PROXY_HOST_MAX + 1]; /* a name or an address (IPv6 without brackets) */
	uint16_t port;
	size_t size; /* of the request: what follows goes through the tunnel. 0: its end is cut */
};

enum proxy_status proxy_request_parse(struct view bytes, struct proxy_request *ret);

#endif
