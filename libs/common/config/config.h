// SPDX-License-Identifier: Apache-2.0
/*
 * Typed configuration from one option table: flag over environment over YAML file over default.
 *
 * A program hands config_load() tables of `struct config_option`; each row names a key, a type, a
 * default and a help text, and points at the field of the program's own struct to fill. The same
 * rows give `--help`, the environment names and the reference page (`--help-markdown`).
 *
 * Key "lease.seconds" is `lease: {seconds: 30}` in YAML, `--lease-seconds` as a flag and
 * `FANGS_LEASE_SECONDS` in the environment. In a file shared by all services, a service's own keys
 * stand below a section with its name (`dispatcher: {lease: {seconds: 30}}`) or at top level;
 * sections of other services are skipped, but must be known names. An unknown key is an error that
 * names file and line; an unknown flag names the nearest known one.
 *
 * Built-in for every program: --config FILE, --check-config, --print-config (secrets redacted),
 * --help, --help-markdown, --version, --log-level, --log-format.
 */
#ifndef FANGS_CONFIG_CONFIG_H
#define FANGS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"

enum config_type {
	CONFIG_STRING,      /* char * (owned by the config, "" when unset) */
	CONFIG_SECRET,      /* as STRING, never printed; a value "@FILE" is read from that file */
	CONFIG_BOOL,        /* bool; a flag without value means true */
	CONFIG_INT,         /* int64_t, checked against min and max */
	CONFIG_DURATION_MS, /* int64_t milliseconds; "250ms", "30s", "5m", "24h"; min/max in ms */
	CONFIG_SIZE,        /* int64_t bytes; "64k", "16M", "1G" or a number */
	CONFIG_LIST,        /* struct config_list of strings; YAML list, or comma-separated text */
	CONFIG_NODE, /* struct config_node *: a YAML subtree for the program to read; file only */
};

struct config_list {
	char **items;
	size_t count;
};

/* A YAML subtree, with its position for messages. Borrowed from the config. */
struct config_node;

struct config_option {
	const char *key; /* dotted, lower case, words by '_' : "kafka.brokers" */
	enum config_type type;
	size_t offset;          /* of the field in the program's struct */
	const char *fallback;   /* default as text; NULL: empty, 0, false */
	int64_t min, max;       /* INT, DURATION_MS, SIZE; both 0: unchecked */
	const char *help;       /* one or two sentences; the unit where there is one */
	const char *choices;    /* STRING: "a|b|c" restricts the value; NULL: any */
	const char *alias_flag; /* a further flag spelling without "--", or NULL */
	const char *alias_env;  /* a further environment name, or NULL */
};

/* Rows of one concern, filled into one struct: libraries export theirs (db_options...). */
struct config_table {
	const struct config_option *options;
	size_t count;
	void *target;
};

struct config_program {
	const char *name;     /* "fangs-dispatcher" */
	const char *section;  /* "dispatcher"; NULL: top level only */
	const char *summary;  /* first line of --help */
	const char *examples; /* shown in --help, may be NULL */
	const struct config_table *tables;
	size_t table_count;
	/* Refuses values that each are good but not together; NULL: none. Called with
	 * `check_target` when everything is filled, also for --check-config. */
	int (*check)(const void *check_target, struct error *err);
	const void *check_target;
	/* Keys of the file that it does not know are left to the programs that it starts. */
	bool ignores_unknown_keys;
};

struct config; /* owns everything that the filled structs point at */

enum config_action {
	CONFIG_RUN,
	CONFIG_EXIT, /* --help, --version, --check-config and the like did their work: exit 0 */
};

/* Reads argv, environment and file, fills the targets and sets up the log (log_setup()).
 * NULL and `*err` on bad input; `*ret_action` tells whether to go on. The caller frees the result
 * by config_destroy() after the last use of any filled string. */
struct config *config_load(const struct config_program *program, int argc, char **argv,
                           enum config_action *ret_action, struct error *err);
void config_destroy(struct config *config);

/* The values in effect as a JSON array of {"key","value","default","origin"}; secrets as
 * "[redacted]", of a CONFIG_NODE only whether it is given. `scratch` is for what has to be put
 * together. Any thread. */
struct arena;
struct json_writer;
void config_write_settings(const struct config *config, struct arena *scratch,
                           struct json_writer *w);

/* Walking a CONFIG_NODE: kinds, children, scalars. */
enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_LIST, CONFIG_NODE_MAP };
enum config_node_kind config_node_kind(const struct config_node *node);
size_t config_node_count(const struct config_node *node);
const struct config_node *config_node_at(const struct config_node *node, size_t index);
/* Of the index-th pair of a map; NULL for other kinds. */
const char *config_node_key(const struct config_node *node, size_t index);
const struct config_node *config_node_get(const struct config_node *map, const char *key);
const char *config_node_text(const struct config_node *scalar); /* NULL for other kinds */
/* Sets `*err` to "<file>:<line>: <message>" of that node; returns -EINVAL. */
int config_node_error(const struct config_node *node, struct error *err, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define CONFIG_COUNT(options) (sizeof(options) / sizeof((options)[0]))

#endif
