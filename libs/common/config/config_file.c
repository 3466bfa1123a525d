// SPDX-License-Identifier: Apache-2.0
/* The file's keys matched with the program's options. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config_internal.h"

enum { FILE_MAX_BYTES = 1024 * 1024 };

/* Top-level names that may stand in a file shared by all services although this program has no
 * option below them: the sections of the services, and the concerns that not all of them have. */
static const char *const known_sections[] = {
        "watcher", "dispatcher", "runner", "differ", "notifier", "api",     "cli",           "up",
        "bus",     "db",         "kafka",  "log",    "metrics",  "service", "watched_paths",
};

static bool is_known_section(const char *name)
{
	for (size_t i = 0; i < CONFIG_COUNT(known_sections); i++)
		if (view_is(view_of_string(name), known_sections[i]))
			return true;
	return false;
}

/* The path without the program's own section in front; NULL when it is not in there. */
static const char *without_section(const struct config *config, const char *path)
{
	struct view section = view_of_string(config->program->section);
	if (!section.size || !view_starts_with(view_of_string(path), section) ||
	    path[section.size] != '.')
		return NULL;
	return path + section.size + 1;
}

static struct setting *find_key(struct config *config, const char *key)
{
	for (size_t i = 0; key && i < config->setting_count; i++) {
		struct setting *setting = &config->settings[i];
		if ((setting->sources & CONFIG_IN_FILE) &&
		    view_is(view_of_string(key), setting->option->key))
			return setting;
	}
	return NULL;
}

static bool has_keys_below(const struct config *config, const char *group)
{
	struct view prefix = view_of_string(group);
	for (size_t i = 0; group && i < config->setting_count; i++) {
		const struct setting *setting = &config->settings[i];
		if ((setting->sources & CONFIG_IN_FILE) &&
		    view_starts_with(view_of_string(setting->option->key), prefix) &&
		    setting->option->key[prefix.size] == '.')
			return true;
	}
	return false;
}

static bool is_group(const struct config *config, const char *path)
{
	return (config->program->section &&
	        view_is(view_of_string(path), config->program->section)) ||
	       has_keys_below(config, path) ||
	       has_keys_below(config, without_section(config, path));
}

static int unknown_key(struct config *config, const char *path, const struct config_node *node,
                       struct error *err)
{
	struct arena *arena = &config->arena;
	const char **names = arena_alloc(arena, config->setting_count, sizeof(*names));
	size_t count = 0;
	if (config->program->ignores_unknown_keys)
		return 0;
	for (size_t i = 0; i < config->setting_count; i++)
		if (config->settings[i].sources & CONFIG_IN_FILE)
			names[count++] = config->settings[i].option->key;
	const char *local = without_section(config, path);
	return config_node_error(node, err, "unknown key '%s'%s", path,
	                         config_suggest(arena, local ? local : path, names, count));
}

static void offer_node(struct config *config, struct setting *setting, enum config_rank rank,
                       const char *path, const struct config_node *node)
{
	const char *text = node->kind == CONFIG_NODE_SCALAR ? node->text : NULL;
	const char *origin =
	        arena_printf(&config->arena, "%s:%zu: %s", node->file, node->line, path);
	if (!node->is_null)
		config_offer(setting, rank, text, node, origin);
}

static int visit_map(struct config *config, const char *prefix, const struct config_node *map,
                     struct error *err);

static int visit_pair(struct config *config, bool top_level, const char *path,
                      const struct config_node *node, struct error *err)
{
	struct setting *setting = find_key(config, without_section(config, path));
	if (setting) {
		offer_node(config, setting, CONFIG_RANK_FILE_SECTION, path, node);
		return 0;
	}
	setting = find_key(config, path);
	if (setting) {
		offer_node(config, setting, CONFIG_RANK_FILE, path, node);
		return 0;
	}
	if (is_group(config, path)) {
		if (node->kind == CONFIG_NODE_MAP)
			return visit_map(config, path, node, err);
		return node->is_null ? 0 : config_node_error(node, err, "'%s' must be a map", path);
	}
	if (top_level && is_known_section(path))
		return 0;
	return unknown_key(config, path, node, err);
}

static int visit_map(struct config *config, const char *prefix, const struct config_node *map,
                     struct error *err)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *path = map->keys[i];
		if (prefix)
			path = arena_printf(&config->arena, "%s.%s", prefix, path);
		int rc = visit_pair(config, !prefix, path, map->items[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int config_take_file(struct config *config, const char *path, struct error *err)
{
	AUTO(buf) struct buf text;
	struct config_node *root = NULL;
	buf_init(&text, FILE_MAX_BYTES);
	int rc = file_read(path, &text, err);
	if (rc < 0) {
		(void)error_wrap(err, "configuration file");
		return rc;
	}
	rc = config_yaml_parse(&config->arena, path, buf_view(&text), &root, err);
	if (rc < 0 || !root || root->is_null)
		return rc;
	if (root->kind != CONFIG_NODE_MAP)
		return config_node_error(root, err, "a map of keys is expected");
	return visit_map(config, NULL, root, err);
}
