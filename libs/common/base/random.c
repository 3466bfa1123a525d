// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hex.h"

void random_bytes(void *data, size_t size)
{
	char *at = data;
	while (size) {
		ssize_t got = getrandom(at, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort();
		at += got;
		size -= (size_t)got;
	}
}

uint64_t random_below(uint64_t bound)
{
	/* Rejection keeps it uniform: values below `floor` would favour small results. */
	uint64_t floor = (0 - bound) % bound;
	uint64_t value = 0;
	do {
		random_bytes(&value, sizeof(value));
	} while (value < floor);
	return value % bound;
}

void random_hex(char *text, size_t size)
{
	unsigned char bytes[64];
	while (size) {
		size_t step = size < sizeof(bytes) ? size : sizeof(bytes);
		random_bytes(bytes, step);
		hex_encode(bytes, step, text);
		text += 2 * step;
		size -= step;
	}
}

int64_t backoff_ms(unsigned failures, int64_t base_ms, int64_t max_ms)
{
	int64_t delay = base_ms;
	for (unsigned i = 1; i < failures && delay < max_ms; i++)
		delay *= 2;
	if (delay > max_ms)
		delay = max_ms;
	return delay * 3 / 4 + (int64_t)random_below((uint64_t)(delay / 2 + 1));
}
