// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>

#include "config/config_internal.h"

enum config_node_kind config_node_kind(const struct config_node *node)
{
	return node->kind;
}

size_t config_node_count(const struct config_node *node)
{
	return node->count;
}

const struct config_node *config_node_at(const struct config_node *node, size_t index)
{
	return index < node->count ? node->items[index] : NULL;
}

const char *config_node_key(const struct config_node *node, size_t index)
{
	return node->kind == CONFIG_NODE_MAP && index < node->count ? node->keys[index] : NULL;
}

const struct config_node *config_node_get(const struct config_node *map, const char *key)
{
	for (size_t i = 0; map->kind == CONFIG_NODE_MAP && i < map->count; i++)
		if (view_is(view_of_string(map->keys[i]), key))
			return map->items[i];
	return NULL;
}

const char *config_node_text(const struct config_node *scalar)
{
	return scalar->kind == CONFIG_NODE_SCALAR ? scalar->text : NULL;
}

int config_node_error(const struct config_node *node, struct error *err, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(err, EINVAL, "%s:%zu: %s", node->file, node->line, text);
}
