// SPDX-License-Identifier: Apache-2.0
#include "access/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 256 };

bool guard_same_site(const char *origin, const char *host, const char *fetch_site)
{
	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	if (!origin)
		return true;
	/* "null" is the origin of sandboxed frames and local files. */
	const char *name = strstr(origin, "://");
	return name && host && strcasecmp(name + strlen("://"), host) == 0;
}

static bool is_v4(const char *name)
{
	struct in_addr address;

	return inet_pton(AF_INET, name, &address) == 1;
}

bool guard_known_host(const char *host, const struct config_list *hosts)
{
	char name[HOST_MAX];

	if (!host || strlen(host) >= sizeof(name))
		return false;
	if (*host == '[') /* an IPv6 address: no name begins like this */
		return true;
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, ":"), host);
	if (strcasecmp(name, "localhost") == 0 || is_v4(name))
		return true;
	for (size_t i = 0; i < hosts->count; i++) {
		if (strcasecmp(hosts->items[i], name) == 0)
			return true;
	}
	return false;
}

static bool changes_something(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

bool guard_admit(struct http_request *request, const struct config_list *hosts)
{
	const char *origin = http_request_header(request, "Origin");
	const char *host = http_request_header(request, "Host");

	if (!changes_something(http_request_method(request)))
		return true;
	if (!guard_same_site(origin, host, http_request_header(request, "Sec-Fetch-Site"))) {
		http_reply_error(request, 403, "requests from other web sites are refused");
		return false;
	}
	if (origin && hosts && !guard_known_host(host, hosts)) {
		http_reply_error(request, 403,
		                 "this gateway is not known by that name: see api.hosts");
		return false;
	}
	return true;
}

bool guard_admit_body(struct http_request *request)
{
	static const char wanted[] = "application/json";
	const char *type = http_request_header(request, "Content-Type");

	if (http_request_body(request).size == 0 ||
	    (type && strncasecmp(type, wanted, sizeof(wanted) - 1) == 0))
		return true;
	http_reply_error(request, 415, "Content-Type must be application/json");
	return false;
}
