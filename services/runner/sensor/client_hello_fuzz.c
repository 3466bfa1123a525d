// SPDX-License-Identifier: Apache-2.0
#include "client_hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parser says of all bytes it must not contradict when it sees fewer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_hello all, part;
	enum client_hello_status status = client_hello_parse(view_of(data, size), &all);
	enum client_hello_status earlier = client_hello_parse(view_of(data, size / 2), &part);

	if (earlier != CLIENT_HELLO_MORE && earlier != status)
		abort();
	if (status == CLIENT_HELLO_NAME && all.name_size == 0)
		abort();
	return 0;
}
