// SPDX-License-Identifier: Apache-2.0
/*
 * What a subcommand is: a row in the command table with its options, and a function that gets the
 * parsed arguments. `--help` is written from the same rows.
 */
#ifndef FANGS_CLI_COMMAND_H
#define FANGS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Exit codes, as documented in docs/cli.md. */
enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILED = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_NOT_FOUND = 3,
	EXIT_CODE_DEVIATIONS = 4,  /* scan submit --wait: the run deviates */
	EXIT_CODE_UNREACHABLE = 5, /* no gateway answers */
};

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

/* Shared by all commands that talk to the gateway. */
struct cli {
	const char *gateway_url;                 /* without a trailing slash */
	const char *token;                       /* bearer token, or NULL */
	const char *tls_ca, *tls_cert, *tls_key; /* PEM files, or NULL */
	enum output_format output;
};

struct command_option {
	const char *name;       /* "package": -package P, --package P, --package=P */
	const char *value_name; /* NULL: a switch */
	const char *help;
};

enum { COMMAND_OPTIONS_MAX = 12 };

struct command_args {
	const char *values[COMMAND_OPTIONS_MAX]; /* by option index; switches: "" when given */
	char **positional;
	int positional_count;
};

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	const char *operands;    /* "<name>", or "" */
	int operands_min, operands_max;
	const char *summary;
	const struct command_option *options;
	size_t option_count;
	/* Prints its result; on failure returns an exit code with `*err` set. */
	int (*run)(const struct cli *cli, const struct command_args *args, struct error *err);
};

extern const struct command command_package_add, command_package_list, command_package_remove,
        command_package_policy;
extern const struct command command_scan_submit;
extern const struct command command_run_list, command_run_show, command_run_reject,
        command_run_reanalyse;
extern const struct command command_deviation_list, command_deviation_show,
        command_deviation_suppress, command_deviation_unsuppress, command_deviation_allow;
extern const struct command command_pending;
extern const struct command command_baseline_list, command_baseline_promote, command_baseline_reset,
        command_baseline_forget;
extern const struct command command_allow_list, command_allow_add, command_allow_remove;
extern const struct command command_notifier_list, command_notifier_add, command_notifier_remove,
        command_notifier_history;
extern const struct command command_release_list;
extern const struct command command_runner_list, command_runner_remove;
extern const struct command command_settings;
extern const struct command command_status;
extern const struct command command_token_create, command_token_list, command_token_revoke;

/* `fangs up` has a configuration of its own (flags, environment, file) and parses argv itself. */
int up_main(int argc, char **argv);

#endif
