// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the config module share: one `struct setting` per option row collects the
 * offers of the sources, and the highest rank wins whatever the order of reading.
 */
#ifndef FANGS_CONFIG_CONFIG_INTERNAL_H
#define FANGS_CONFIG_CONFIG_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/config.h"

struct config_node {
	enum config_node_kind kind;
	const char *file;
	size_t line;
	const char *text;           /* scalars; "" when null */
	bool is_null;               /* a scalar without a value: as if the key were absent */
	struct config_node **items; /* lists and maps */
	const char **keys;          /* maps: as many as items */
	size_t count, capacity;
};

enum config_rank {
	CONFIG_RANK_DEFAULT,
	CONFIG_RANK_FILE,         /* at top level, perhaps meant for several services */
	CONFIG_RANK_FILE_SECTION, /* in the service's own section */
	CONFIG_RANK_ENV,
	CONFIG_RANK_ENV_SECTION, /* FANGS_DISPATCHER_... */
	CONFIG_RANK_FLAG,
};

enum { CONFIG_IN_FILE = 1, CONFIG_IN_ENV = 2, CONFIG_IN_FLAGS = 4 };

struct setting {
	const struct config_option *option;
	void *target;     /* the struct that has the field */
	unsigned sources; /* CONFIG_IN_... */
	enum config_rank rank;
	const char *text; /* the winning value; NULL: unset, or see `node` */
	const struct config_node *node;
	const char *origin; /* "--db-url", "FANGS_DB_URL", "fangs.yaml:12: db.url" */
};

/* The options that every program has. */
struct config_builtin {
	char *file, *log_level, *log_format;
	bool check, print, help, help_markdown, version;
};

struct config {
	struct arena arena; /* everything that the filled structs point at */
	const struct config_program *program;
	struct config_builtin builtin;
	struct setting *settings;
	size_t setting_count;
};

/* Offers; kept when no higher rank was there before. `text` is borrowed. */
void config_offer(struct setting *setting, enum config_rank rank, const char *text,
                  const struct config_node *node, const char *origin);

/* The sources. */
int config_take_args(struct config *config, int argc, char **argv, struct error *err);
void config_take_env(struct config *config);
int config_take_file(struct config *config, const char *path, struct error *err);

/* Reads YAML into nodes of the arena; an empty document leaves `*ret_root` NULL. */
int config_yaml_parse(struct arena *arena, const char *file, struct view text,
                      struct config_node **ret_root, struct error *err);

/* Converts the winning value and stores it in the target's field. */
int config_apply(struct config *config, const struct setting *setting, struct error *err);

/* Spellings of an option: "--db-url", "FANGS_DB_URL"; `section` may be NULL. */
char *config_flag_name(struct arena *arena, const struct config_option *option);
char *config_env_name(struct arena *arena, const struct config_option *option, const char *section);

/* " (did you mean '<x>'?)" when one of `names` is near `wrong`, else "". */
const char *config_suggest(struct arena *arena, const char *wrong, const char *const *names,
                           size_t count);

/* What --help, --help-markdown and --print-config show. */
void config_write_help(struct config *config, struct buf *out);
void config_write_markdown(struct config *config, struct buf *out);
void config_write_values(struct config *config, struct buf *out);

#endif
