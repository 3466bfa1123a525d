// SPDX-License-Identifier: Apache-2.0
/* Any bytes give nodes within bounds or a sentence with the place. */
#include <stdlib.h>

#include "config/config_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_nodes(const struct config_node *node)
{
	size_t count = 1;
	for (size_t i = 0; i < config_node_count(node); i++)
		count += count_nodes(config_node_at(node, i));
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct error err = {0};
	struct config_node *root = NULL;
	arena_init(&arena);
	int rc = config_yaml_parse(&arena, "f", view_of(data, size), &root, &err);
	if ((rc < 0) != (err.code != 0) || (root && count_nodes(root) > size + 1))
		abort();
	arena_release(&arena);
	return 0;
}
