// SPDX-License-Identifier: Apache-2.0
#include "cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	cgroup_tree_destroy(cgroup_tree_parse(view_of(data, size), &err));
	return 0;
}
