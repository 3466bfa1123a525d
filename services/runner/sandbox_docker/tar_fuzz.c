// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view file = tar_first_file(view_of(data, size));
	/* What is found lies within the input. */
	if (file.size > 0 && ((const uint8_t *)file.data < data || file.size > size ||
	                      (const uint8_t *)file.data + file.size > data + size))
		__builtin_trap();
	return 0;
}
