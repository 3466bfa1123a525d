// SPDX-License-Identifier: Apache-2.0
/* Fuzz target: a registry document of any bytes. */
#include <stddef.h>
#include <stdint.h>

#include "packument.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packument packument;
	struct error err = {0};
	struct arena arena;

	arena_init(&arena);
	(void)packument_read(view_of(data, size), &arena, &packument, &err);
	arena_release(&arena);
	return 0;
}
