// SPDX-License-Identifier: Apache-2.0
/*
 * YAML text to nodes with positions, over libyaml's events. Anchors and aliases are refused: no
 * configuration needs them, and without them a node's size is bounded by the text's.
 */
#include <errno.h>
#include <yaml.h>

#include "config/config_internal.h"

enum { DEPTH_MAX = 32 };

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; valid while `has_event` */
	bool has_event;
	struct arena *arena;
	const char *file;
	struct error *err;
};

static int fail(struct reader *reader, size_t line, const char *what)
{
	return error_set(reader->err, EINVAL, "%s:%zu: %s", reader->file, line, what);
}

/* Steps to the next event. */
static int advance(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = yaml_parser_parse(&reader->parser, &reader->event) != 0;
	if (reader->has_event)
		return 0;
	const yaml_parser_t *parser = &reader->parser;
	size_t line =
	        parser->problem_mark.line ? parser->problem_mark.line : parser->context_mark.line;
	return fail(reader, line + 1, parser->problem ? parser->problem : "not YAML");
}

static struct config_node *node_create(struct reader *reader, enum config_node_kind kind)
{
	struct config_node *node = arena_alloc(reader->arena, 1, sizeof(*node));
	node->kind = kind;
	node->file = reader->file;
	node->line = reader->event.start_mark.line + 1;
	return node;
}

/* The outgrown arrays stay in the arena: doubling bounds them by the final ones' size. */
static void node_add(struct arena *arena, struct config_node *node, const char *key,
                     struct config_node *child)
{
	if (node->count == node->capacity) {
		size_t capacity = node->capacity ? 2 * node->capacity : 4;
		struct config_node **items = arena_alloc(arena, capacity, sizeof(void *));
		const char **keys = arena_alloc(arena, capacity, sizeof(void *));
		for (size_t i = 0; i < node->count; i++) {
			items[i] = node->items[i];
			keys[i] = node->keys[i];
		}
		node->items = items;
		node->keys = keys;
		node->capacity = capacity;
	}
	node->items[node->count] = child;
	node->keys[node->count++] = key;
}

static struct view scalar_view(const yaml_event_t *event)
{
	return view_of(event->data.scalar.value, event->data.scalar.length);
}

static bool is_null_scalar(const yaml_event_t *event)
{
	struct view text = scalar_view(event);
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (text.size == 0 || view_is(text, "~") || view_is(text, "null"));
}

static int read_scalar(struct reader *reader, struct config_node **ret_node)
{
	struct view text = scalar_view(&reader->event);
	struct config_node *node = node_create(reader, CONFIG_NODE_SCALAR);
	if (memchr(text.data, '\0', text.size))
		return fail(reader, node->line, "a value holds a NUL byte");
	node->is_null = is_null_scalar(&reader->event);
	node->text = node->is_null ? "" : arena_copy(reader->arena, text).data;
	*ret_node = node;
	return 0;
}

static int read_node(struct reader *reader, int depth, struct config_node **ret_node);

static int read_list(struct reader *reader, int depth, struct config_node **ret_node)
{
	struct config_node *list = node_create(reader, CONFIG_NODE_LIST);
	for (;;) {
		struct config_node *item = NULL;
		int rc = advance(reader);
		if (rc == 0 && reader->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (rc == 0)
			rc = read_node(reader, depth + 1, &item);
		if (rc < 0)
			return rc;
		node_add(reader->arena, list, NULL, item);
	}
	*ret_node = list;
	return 0;
}

/* Reads the key that the current event is. */
static int read_key(struct reader *reader, const struct config_node *map, const char **ret_key)
{
	size_t line = reader->event.start_mark.line + 1;
	if (reader->event.type != YAML_SCALAR_EVENT)
		return fail(reader, line, "a key must be plain text");
	const char *key = arena_copy(reader->arena, scalar_view(&reader->event)).data;
	if (config_node_get(map, key))
		return error_set(reader->err, EINVAL, "%s:%zu: '%s' appears twice", reader->file,
		                 line, key);
	*ret_key = key;
	return 0;
}

static int read_map(struct reader *reader, int depth, struct config_node **ret_node)
{
	struct config_node *map = node_create(reader, CONFIG_NODE_MAP);
	for (;;) {
		struct config_node *value = NULL;
		const char *key = NULL;
		int rc = advance(reader);
		if (rc == 0 && reader->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (rc < 0 || (rc = read_key(reader, map, &key)) < 0 ||
		    (rc = advance(reader)) < 0 || (rc = read_node(reader, depth + 1, &value)) < 0)
			return rc;
		node_add(reader->arena, map, key, value);
	}
	*ret_node = map;
	return 0;
}

/* Reads the node that begins with the current event. */
static int read_node(struct reader *reader, int depth, struct config_node **ret_node)
{
	size_t line = reader->event.start_mark.line + 1;
	if (depth > DEPTH_MAX)
		return fail(reader, line, "nested too deeply");
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, ret_node);
	case YAML_SEQUENCE_START_EVENT:
		return read_list(reader, depth, ret_node);
	case YAML_MAPPING_START_EVENT:
		return read_map(reader, depth, ret_node);
	case YAML_ALIAS_EVENT:
		return fail(reader, line, "aliases (*name) are not supported");
	default:
		return fail(reader, line, "a value is expected");
	}
}

/* stream start, [document start, node, document end], stream end */
static int read_stream(struct reader *reader, struct config_node **ret_root)
{
	int rc = 0;
	if ((rc = advance(reader)) < 0 || (rc = advance(reader)) < 0)
		return rc;
	if (reader->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if ((rc = advance(reader)) < 0 || (rc = read_node(reader, 0, ret_root)) < 0 ||
	    (rc = advance(reader)) < 0 || (rc = advance(reader)) < 0)
		return rc;
	if (reader->event.type != YAML_STREAM_END_EVENT)
		return fail(reader, reader->event.start_mark.line + 1,
		            "a second document; one is expected");
	return 0;
}

int config_yaml_parse(struct arena *arena, const char *file, struct view text,
                      struct config_node **ret_root, struct error *err)
{
	struct reader reader = {
	        .arena = arena,
	        .file = arena_strdup(arena, file),
	        .err = err,
	};
	if (!yaml_parser_initialize(&reader.parser))
		return error_set(err, ENOMEM, "cannot create a YAML parser");
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.size);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	*ret_root = NULL;
	int rc = read_stream(&reader, ret_root);
	if (reader.has_event)
		yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return rc;
}
