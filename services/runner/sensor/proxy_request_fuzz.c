// SPDX-License-Identifier: Apache-2.0
#include "proxy_request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parser says of all bytes it must not contradict when it sees fewer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_request all, part;
	enum proxy_status status = proxy_request_parse(view_of(data, size), &all);
	enum proxy_status earlier = proxy_request_parse(view_of(data, size / 2), &part);

	if (earlier != PROXY_MORE && earlier != status)
		abort();
	if (all.size > size || (part.size && part.size != all.size))
		abort();
	if (status == PROXY_TARGET && all.host[0] == '\0')
		abort();
	if (earlier == PROXY_TARGET && (part.port != all.port || strcmp(part.host, all.host) != 0))
		abort();
	return 0;
}
