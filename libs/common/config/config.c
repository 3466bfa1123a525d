// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "config/config_internal.h"
#include "log/log.h"

enum { OUTPUT_MAX_BYTES = 1024 * 1024 };

static const struct config_option builtin_options[] = {
        {.key = "log.level",
         .type = CONFIG_STRING,
         .offset = offsetof(struct config_builtin, log_level),
         .fallback = "info",
         .choices = "debug|info|warn|error",
         .help = "The least severe entries that are logged."},
        {.key = "log.format",
         .type = CONFIG_STRING,
         .offset = offsetof(struct config_builtin, log_format),
         .fallback = "json",
         .choices = "json|text",
         .help = "One JSON object a line for machines, or text for people."},
};

static const struct config_option file_option = {
        .key = "config",
        .type = CONFIG_STRING,
        .offset = offsetof(struct config_builtin, file),
        .help = "The YAML file to read; none when empty.",
};

static const struct config_option command_options[] = {
        {.key = "check_config",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct config_builtin, check),
         .help = "Read and check the configuration, then exit."},
        {.key = "print_config",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct config_builtin, print),
         .help = "Print the configuration in effect, secrets redacted, then exit."},
        {.key = "help",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct config_builtin, help),
         .alias_flag = "h",
         .help = "Print this help, then exit."},
        {.key = "help_markdown",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct config_builtin, help_markdown),
         .help = "Print this help as a Markdown table, then exit."},
        {.key = "version",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct config_builtin, version),
         .help = "Print the version, then exit."},
};

static void add_settings(struct config *config, const struct config_option *options, size_t count,
                         void *target, unsigned sources)
{
	config->settings = xrealloc(config->settings, config->setting_count + count,
	                            sizeof(*config->settings));
	for (size_t i = 0; i < count; i++) {
		bool subtree = options[i].type == CONFIG_NODE;
		config->settings[config->setting_count++] = (struct setting){
		        .option = &options[i],
		        .target = target,
		        .sources = subtree ? CONFIG_IN_FILE : sources,
		        .text = options[i].fallback,
		        .origin = "default",
		};
	}
}

static struct config *config_create(const struct config_program *program)
{
	const unsigned everywhere = CONFIG_IN_FILE | CONFIG_IN_ENV | CONFIG_IN_FLAGS;
	struct config *config = xcalloc(1, sizeof(*config));
	config->program = program;
	arena_init(&config->arena);
	for (size_t i = 0; i < program->table_count; i++) {
		const struct config_table *table = &program->tables[i];
		add_settings(config, table->options, table->count, table->target, everywhere);
	}
	add_settings(config, builtin_options, CONFIG_COUNT(builtin_options), &config->builtin,
	             everywhere);
	add_settings(config, &file_option, 1, &config->builtin, CONFIG_IN_ENV | CONFIG_IN_FLAGS);
	add_settings(config, command_options, CONFIG_COUNT(command_options), &config->builtin,
	             CONFIG_IN_FLAGS);
	return config;
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	arena_release(&config->arena);
	free(config->settings);
	free(config);
}

DEFINE_AUTO(config, struct config *, config_destroy)

void config_offer(struct setting *setting, enum config_rank rank, const char *text,
                  const struct config_node *node, const char *origin)
{
	if (rank < setting->rank)
		return;
	setting->rank = rank;
	setting->text = text;
	setting->node = node;
	setting->origin = origin;
}

/* Fills the targets; `only_builtin` for what must be known before the file is read. */
static int apply_all(struct config *config, bool only_builtin, struct error *err)
{
	for (size_t i = 0; i < config->setting_count; i++) {
		const struct setting *setting = &config->settings[i];
		if (only_builtin && setting->target != &config->builtin)
			continue;
		int rc = config_apply(config, setting, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int print(void (*write)(struct config *config, struct buf *out), struct config *config,
                 struct error *err)
{
	AUTO(buf) struct buf out;
	buf_init(&out, OUTPUT_MAX_BYTES);
	write(config, &out);
	if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout) != 0)
		return error_set_errno(err, errno, "cannot write to standard output");
	return 0;
}

static void write_version(struct config *config, struct buf *out)
{
	buf_printf(out, "%s %s\n", config->program->name, FANGS_VERSION);
}

static void write_checked(struct config *config, struct buf *out)
{
	buf_printf(out, "%s: the configuration is valid\n", config->program->name);
}

typedef void (*output_fn)(struct config *config, struct buf *out);

/* What is answered without reading the file, so that it works with a broken one. */
static output_fn early_output(const struct config_builtin *builtin)
{
	if (builtin->help)
		return config_write_help;
	if (builtin->help_markdown)
		return config_write_markdown;
	return builtin->version ? write_version : NULL;
}

static output_fn late_output(const struct config_builtin *builtin)
{
	if (builtin->print)
		return config_write_values;
	return builtin->check ? write_checked : NULL;
}

/* Called as soon as flags and environment are known, so that a mistake in the file is logged under
 * the right name and form, and again when the file is read. */
static void setup_log(const struct config *config)
{
	const struct config_program *program = config->program;
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = LOG_FORMAT_JSON;
	const char *level_name = config->builtin.log_level;
	const char *format_name = config->builtin.log_format;
	if (level_name)
		(void)log_level_parse(level_name, &level); /* checked: `choices` */
	if (format_name)
		(void)log_format_parse(format_name, &format);
	log_setup(program->section ? program->section : program->name, level, format);
}

static int check_together(const struct config_program *program, struct error *err)
{
	return program->check ? program->check(program->check_target, err) : 0;
}

static int load(struct config *config, int argc, char **argv, enum config_action *ret_action,
                struct error *err)
{
	int rc = 0;
	setup_log(config); /* the defaults */
	config_take_env(config);
	if ((rc = config_take_args(config, argc, argv, err)) < 0 ||
	    (rc = apply_all(config, true, err)) < 0)
		return rc;
	setup_log(config);
	output_fn output = early_output(&config->builtin);
	if (!output) {
		const char *path = config->builtin.file;
		if ((*path && (rc = config_take_file(config, path, err)) < 0) ||
		    (rc = apply_all(config, false, err)) < 0 ||
		    (rc = check_together(config->program, err)) < 0)
			return rc;
		output = late_output(&config->builtin);
	}
	*ret_action = output ? CONFIG_EXIT : CONFIG_RUN;
	if (output)
		return print(output, config, err);
	setup_log(config);
	return 0;
}

struct config *config_load(const struct config_program *program, int argc, char **argv,
                           enum config_action *ret_action, struct error *err)
{
	AUTO(config) struct config *config = config_create(program);
	if (load(config, argc, argv, ret_action, err) < 0)
		return NULL;
	struct config *loaded = config;
	config = NULL;
	return loaded;
}
