// SPDX-License-Identifier: Apache-2.0
#include "model/watched_paths.h"

#include <string.h>

enum { PREFIX_MAX_BYTES = 256 };

static int read_cred(const struct config_node *node, bool *ret, struct error *err)
{
	const char *text = config_node_text(node);

	if (text && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0))
		*ret = true;
	else if (!text || (strcmp(text, "false") != 0 && strcmp(text, "no") != 0))
		return config_node_error(node, err, "cred is true or false");
	return 0;
}

static int read_member(const struct config_node *map, size_t index, struct watched_path *ret,
                       struct error *err)
{
	const struct config_node *value = config_node_at(map, index);
	const char *key = config_node_key(map, index);

	if (strcmp(key, "cred") == 0)
		return read_cred(value, &ret->cred, err);
	if (strcmp(key, "prefix") != 0)
		return config_node_error(value, err, "unknown key '%s' of a watched path", key);
	ret->prefix = config_node_text(value);
	if (!ret->prefix || *ret->prefix != '/' || strlen(ret->prefix) > PREFIX_MAX_BYTES)
		return config_node_error(value, err,
		                         "a watched path's prefix is absolute, 1 to %d bytes",
		                         PREFIX_MAX_BYTES);
	return 0;
}

static int read_path(const struct config_node *node, struct watched_path *ret, struct error *err)
{
	*ret = (struct watched_path){0};
	if (config_node_kind(node) != CONFIG_NODE_MAP)
		return config_node_error(node, err, "a watched path is {prefix, cred}");
	for (size_t i = 0; i < config_node_count(node); i++) {
		int rc = read_member(node, i, ret, err);
		if (rc < 0)
			return rc;
	}
	return ret->prefix ? 0 : config_node_error(node, err, "a watched path has no prefix");
}

int watched_paths_read(const struct config_node *node, struct arena *arena,
                       struct watched_paths *ret, struct error *err)
{
	*ret = (struct watched_paths){job_default_watched_paths, job_default_watched_path_count};
	if (!node)
		return 0;
	size_t count = config_node_count(node);
	if (config_node_kind(node) == CONFIG_NODE_SCALAR) {
		/* "watched_paths:" with nothing behind it. */
		const char *text = config_node_text(node);

		return text && *text ? config_node_error(node, err, "a list is expected") : 0;
	}
	if (config_node_kind(node) != CONFIG_NODE_LIST || count > JOB_WATCHED_PATHS_MAX)
		return config_node_error(node, err,
		                         "a list of at most %d watched paths is expected",
		                         JOB_WATCHED_PATHS_MAX);
	if (count == 0)
		return 0;
	struct watched_path *list = arena_alloc(arena, count, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		int rc = read_path(config_node_at(node, i), &list[i], err);
		if (rc < 0)
			return rc;
	}
	*ret = (struct watched_paths){list, count};
	return 0;
}

int watched_paths_check(const struct config_node *node, struct error *err)
{
	struct watched_paths paths;
	struct arena arena;

	arena_init(&arena);
	int rc = watched_paths_read(node, &arena, &paths, err);
	arena_release(&arena);
	return rc;
}

void watched_paths_apply(const struct watched_paths *paths, struct job *job)
{
	/* A job does not write through the pointer. */
	job->watched_paths = (struct watched_path *)paths->list;
	job->watched_path_count = paths->count;
}
