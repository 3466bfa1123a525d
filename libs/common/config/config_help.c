// SPDX-License-Identifier: Apache-2.0
/* The option table as help text, as Markdown, and the values in effect as YAML. */
#include "config/config_internal.h"
#include "json/json_writer.h"

enum { HELP_WIDTH = 88, HELP_INDENT = 8 };

static const char *placeholder(const struct config_option *option)
{
	static const char *const words[] = {
	        [CONFIG_STRING] = "TEXT",          [CONFIG_SECRET] = "TEXT|@FILE",
	        [CONFIG_BOOL] = "true|false",      [CONFIG_INT] = "N",
	        [CONFIG_DURATION_MS] = "DURATION", [CONFIG_SIZE] = "SIZE",
	        [CONFIG_LIST] = "A,B,...",         [CONFIG_NODE] = "YAML",
	};
	return option->choices ? option->choices : words[option->type];
}

/* Appends `text` broken at spaces, each line indented. */
static void append_wrapped(struct buf *out, const char *text)
{
	struct view rest = view_of_string(text);
	size_t column = 0;
	while (rest.size) {
		struct view word = view_split(&rest, ' ');
		bool breaks = column && column + 1 + word.size > HELP_WIDTH;
		if (breaks)
			buf_append_char(out, '\n');
		if (!column || breaks) {
			buf_printf(out, "%*s", HELP_INDENT, "");
			column = HELP_INDENT;
		} else {
			buf_append_char(out, ' ');
			column++;
		}
		buf_append_view(out, word);
		column += word.size;
	}
	buf_append_char(out, '\n');
}

static bool has_default(const struct config_option *option)
{
	return option->fallback && *option->fallback;
}

static void write_heading(struct config *config, const struct setting *setting, struct buf *out)
{
	const struct config_option *option = setting->option;
	if (!(setting->sources & CONFIG_IN_FLAGS)) {
		buf_printf(out, "\n  %s: (in the file only)\n", option->key);
		return;
	}
	buf_printf(out, "\n  %s", config_flag_name(&config->arena, option));
	if (option->alias_flag)
		buf_printf(out, ", %s%s", option->alias_flag[1] ? "--" : "-", option->alias_flag);
	if (option->type != CONFIG_BOOL)
		buf_printf(out, " %s", placeholder(option));
	buf_append_char(out, '\n');
}

static void write_option(struct config *config, const struct setting *setting, struct buf *out)
{
	const struct config_option *option = setting->option;
	write_heading(config, setting, out);
	append_wrapped(out, option->help);
	if (has_default(option))
		buf_printf(out, "%*sdefault: %s\n", HELP_INDENT, "", option->fallback);
	if (setting->sources & CONFIG_IN_ENV)
		buf_printf(out, "%*senvironment: %s%s%s\n", HELP_INDENT, "",
		           config_env_name(&config->arena, option, NULL),
		           option->alias_env ? ", " : "",
		           option->alias_env ? option->alias_env : "");
}

void config_write_help(struct config *config, struct buf *out)
{
	const struct config_program *program = config->program;
	buf_printf(out,
	           "%s: %s\n\nUsage: %s [flags]\n\n"
	           "A flag goes before the environment, which goes before the file of --config.\n"
	           "There, --kafka-brokers is 'kafka: {brokers: ...}'",
	           program->name, program->summary, program->name);
	if (program->section)
		buf_printf(out, ", at top level or below '%s:'", program->section);
	buf_append_string(out, ".\n");
	for (size_t i = 0; i < config->setting_count; i++)
		write_option(config, &config->settings[i], out);
	if (program->examples)
		buf_printf(out, "\nExamples:\n%s", program->examples);
}

/* A cell's text: '|' would end the cell. */
static void append_cell(struct buf *out, const char *text)
{
	for (const char *at = text; *at; at++) {
		if (*at == '|')
			buf_append_char(out, '\\');
		buf_append_char(out, *at);
	}
}

static void write_row(struct config *config, const struct setting *setting, struct buf *out)
{
	const struct config_option *option = setting->option;
	bool in_flags = setting->sources & CONFIG_IN_FLAGS;
	bool in_env = setting->sources & CONFIG_IN_ENV;
	buf_printf(out, "| %s%s%s | ", setting->sources & CONFIG_IN_FILE ? "`" : "",
	           setting->sources & CONFIG_IN_FILE ? option->key : "",
	           setting->sources & CONFIG_IN_FILE ? "`" : "");
	if (in_flags)
		buf_printf(out, "`%s`", config_flag_name(&config->arena, option));
	if (option->alias_flag)
		buf_printf(out, ", `%s%s`", option->alias_flag[1] ? "--" : "-", option->alias_flag);
	buf_append_string(out, " | ");
	if (in_env)
		buf_printf(out, "`%s`", config_env_name(&config->arena, option, NULL));
	if (in_env && option->alias_env)
		buf_printf(out, ", `%s`", option->alias_env);
	buf_append_string(out, " | ");
	append_cell(out, placeholder(option));
	buf_append_string(out, " | ");
	append_cell(out, has_default(option) ? option->fallback : "");
	buf_append_string(out, " | ");
	append_cell(out, option->help);
	buf_append_string(out, " |\n");
}

void config_write_markdown(struct config *config, struct buf *out)
{
	buf_printf(out,
	           "## %s\n\n%s\n\n"
	           "| Key | Flag | Environment | Value | Default | Meaning |\n"
	           "| --- | --- | --- | --- | --- | --- |\n",
	           config->program->name, config->program->summary);
	for (size_t i = 0; i < config->setting_count; i++)
		write_row(config, &config->settings[i], out);
}

/* Behind "password=" of a URL's query or of a connection string, up to where it ends. */
static const char *password_end(const char *start)
{
	if (*start == '\'') {
		const char *quote = strchr(start + 1, '\'');
		return quote ? quote + 1 : start + strlen(start);
	}
	return start + strcspn(start, "& ");
}

/* Writes a string; the password of a URL ("scheme://user:password@host", "?password=...") or of a
 * connection string is left out. */
static void put_redacted(struct json_writer *w, struct arena *arena, const char *text)
{
	static const char word[] = "password=";
	const char *scheme_end = strstr(text, "://");
	const char *at = scheme_end ? strchr(scheme_end + 3, '@') : NULL;
	const char *colon = at ? memchr(scheme_end + 3, ':', (size_t)(at - scheme_end - 3)) : NULL;

	if (colon)
		text = arena_printf(arena, "%.*s:[redacted]%s", (int)(colon - text), text, at);
	for (const char *hit = strstr(text, word); hit; hit = strstr(hit, word)) {
		size_t kept = (size_t)(hit - text) + sizeof(word) - 1;

		text = arena_printf(arena, "%.*s[redacted]%s", (int)kept, text,
		                    password_end(text + kept));
		hit = text + kept;
	}
	json_put_string(w, text);
}

static void put_list(struct json_writer *w, const struct config_list *list)
{
	json_array(w);
	for (size_t i = 0; i < list->count; i++)
		json_put_string(w, list->items[i]);
	json_end_array(w);
}

/* JSON scalars and lists are YAML, too. */
static void put_value(struct arena *arena, const struct setting *setting, struct json_writer *w)
{
	const void *field = (const char *)setting->target + setting->option->offset;
	switch (setting->option->type) {
	case CONFIG_SECRET:
		json_put_string(w, **(char *const *)field ? "[redacted]" : "");
		break;
	case CONFIG_STRING:
		put_redacted(w, arena, *(char *const *)field);
		break;
	case CONFIG_LIST:
		put_list(w, field);
		break;
	case CONFIG_BOOL:
		json_put_bool(w, *(const bool *)field);
		break;
	default: /* numbers as they were written: they have been checked */
		json_put_raw(w, view_of_string(setting->text ? setting->text : "0"));
	}
}

void config_write_values(struct config *config, struct buf *out)
{
	for (size_t i = 0; i < config->setting_count; i++) {
		const struct setting *setting = &config->settings[i];
		if (!(setting->sources & CONFIG_IN_FILE))
			continue;
		struct json_writer w = json_writer_on(out);
		if (setting->option->type == CONFIG_NODE) {
			buf_printf(out, "# %s: %s\n", setting->option->key,
			           setting->node ? setting->origin : "not given");
			continue;
		}
		buf_printf(out, "%s: ", setting->option->key);
		put_value(&config->arena, setting, &w);
		buf_printf(out, " # %s\n", setting->origin);
	}
}

/* A fallback is text, whatever the type is. */
static void put_default(const struct config_option *option, struct arena *scratch,
                        struct json_writer *w)
{
	const char *text = option->fallback ? option->fallback : "";

	json_member(w, "default");
	put_redacted(w, scratch, option->type == CONFIG_SECRET && *text ? "[redacted]" : text);
}

static void put_setting(const struct setting *setting, struct arena *scratch, struct json_writer *w)
{
	json_object(w);
	json_member_string(w, "key", setting->option->key);
	json_member(w, "value");
	if (setting->option->type == CONFIG_NODE)
		json_put_bool(w, setting->node != NULL);
	else if (setting->option->type == CONFIG_DURATION_MS ||
	         setting->option->type == CONFIG_SIZE)
		json_put_string(w, setting->text ? setting->text : "0");
	else
		put_value(scratch, setting, w);
	put_default(setting->option, scratch, w);
	json_member_string(w, "origin", setting->origin ? setting->origin : "default");
	json_end_object(w);
}

void config_write_settings(const struct config *config, struct arena *scratch,
                           struct json_writer *w)
{
	json_array(w);
	for (size_t i = 0; i < config->setting_count; i++) {
		if (config->settings[i].sources & CONFIG_IN_FILE)
			put_setting(&config->settings[i], scratch, w);
	}
	json_end_array(w);
}
