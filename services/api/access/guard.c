// SPDX-License-Identifier: Apache-2.0
#include "access/guard.h"

#include <string.h>
#include <strings.h>

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

static bool changes_something(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

bool guard_admit(void *ctx, struct http_request *request)
{
	(void)ctx;
	if (!changes_something(http_request_method(request)) ||
	    guard_same_site(http_request_header(request, "Origin"),
	                    http_request_header(request, "Host"),
	                    http_request_header(request, "Sec-Fetch-Site")))
		return true;
	http_reply_error(request, 403, "requests from other web sites are refused");
	return false;
}
