// SPDX-License-Identifier: Apache-2.0
/* Flags and environment. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config/config_internal.h"

static const char env_prefix[] = "FANGS_";

static char flag_char(char c)
{
	if (c == '.' || c == '_')
		c = '-';
	return c;
}

static char env_char(char c)
{
	if (c == '.')
		c = '_';
	return (char)toupper((unsigned char)c);
}

char *config_flag_name(struct arena *arena, const struct config_option *option)
{
	char *name = arena_printf(arena, "--%s", option->key);
	for (char *at = name; *at; at++)
		*at = flag_char(*at);
	return name;
}

char *config_env_name(struct arena *arena, const struct config_option *option, const char *section)
{
	char *name = arena_printf(arena, "%s%s%s%s", env_prefix, section ? section : "",
	                          section ? "_" : "", option->key);
	for (char *at = name; *at; at++)
		*at = env_char(*at);
	return name;
}

static bool is_flag_of(const struct config_option *option, struct view name)
{
	if (option->alias_flag && view_is(name, option->alias_flag))
		return true;
	if (strlen(option->key) != name.size)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (flag_char(option->key[i]) != name.data[i])
			return false;
	return true;
}

static struct setting *find_flag(struct config *config, struct view name)
{
	for (size_t i = 0; i < config->setting_count; i++) {
		struct setting *setting = &config->settings[i];
		if ((setting->sources & CONFIG_IN_FLAGS) && is_flag_of(setting->option, name))
			return setting;
	}
	return NULL;
}

static int unknown_flag(struct config *config, struct view name, struct error *err)
{
	struct arena *arena = &config->arena;
	const char **names = arena_alloc(arena, config->setting_count, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < config->setting_count; i++)
		if (config->settings[i].sources & CONFIG_IN_FLAGS)
			names[count++] = config_flag_name(arena, config->settings[i].option);
	const char *wrong = arena_printf(arena, "--%.*s", VIEW_ARG(name));
	return error_set(err, EINVAL, "unknown flag '%s'%s; --help lists all", wrong,
	                 config_suggest(arena, wrong, names, count));
}

/* One or two dashes: the flags of the system that FANGS grew out of have one. */
static bool strip_dashes(struct view *arg)
{
	size_t dashes = 0;
	while (dashes < 2 && dashes < arg->size && arg->data[dashes] == '-')
		dashes++;
	*arg = view_of(arg->data + dashes, arg->size - dashes);
	return dashes && arg->size;
}

int config_take_args(struct config *config, int argc, char **argv, struct error *err)
{
	for (int i = 1; i < argc; i++) {
		struct view arg = view_of_string(argv[i]);
		if (!strip_dashes(&arg))
			return error_set(err, EINVAL, "unexpected argument '%s'", argv[i]);
		struct view name = view_split(&arg, '=');
		const char *value = arg.data; /* NULL unless there was a '=' */
		struct setting *setting = find_flag(config, name);
		if (!setting)
			return unknown_flag(config, name, err);
		if (!value && setting->option->type == CONFIG_BOOL)
			value = "true";
		if (!value && ++i < argc)
			value = argv[i];
		if (!value)
			return error_set(err, EINVAL, "flag '--%.*s' needs a value",
			                 VIEW_ARG(name));
		config_offer(setting, CONFIG_RANK_FLAG, value, NULL,
		             config_flag_name(&config->arena, setting->option));
	}
	return 0;
}

/* An empty variable counts as absent: that is how compose files pass "not given". */
static void offer_env(struct setting *setting, enum config_rank rank, const char *name)
{
	const char *value = getenv(name);
	if (value && *value)
		config_offer(setting, rank, value, NULL, name);
}

void config_take_env(struct config *config)
{
	const char *section = config->program->section;
	for (size_t i = 0; i < config->setting_count; i++) {
		struct setting *setting = &config->settings[i];
		const struct config_option *option = setting->option;
		if (!(setting->sources & CONFIG_IN_ENV))
			continue;
		if (option->alias_env)
			offer_env(setting, CONFIG_RANK_ENV, option->alias_env);
		offer_env(setting, CONFIG_RANK_ENV, config_env_name(&config->arena, option, NULL));
		if (section)
			offer_env(setting, CONFIG_RANK_ENV_SECTION,
			          config_env_name(&config->arena, option, section));
	}
}
