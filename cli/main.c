// SPDX-License-Identifier: Apache-2.0
/* The `fangs` command: finds the subcommand in the table, parses its arguments, runs it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "command.h"
#include "service/service.h"

static const struct command *const commands[] = {
        &command_package_add,        &command_package_list,
        &command_package_remove,     &command_package_policy,
        &command_release_list,       &command_scan_submit,
        &command_run_list,           &command_run_show,
        &command_run_reject,         &command_run_reanalyse,
        &command_deviation_list,     &command_deviation_show,
        &command_deviation_suppress, &command_deviation_unsuppress,
        &command_deviation_allow,    &command_pending,
        &command_baseline_list,      &command_baseline_promote,
        &command_baseline_reset,     &command_baseline_forget,
        &command_allow_list,         &command_allow_add,
        &command_allow_remove,       &command_notifier_list,
        &command_notifier_add,       &command_notifier_remove,
        &command_notifier_history,   &command_runner_list,
        &command_runner_remove,      &command_status,
        &command_settings,           &command_token_create,
        &command_token_list,         &command_token_revoke,
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const char default_gateway[] = "http://127.0.0.1:8443";

/* Options that every subcommand takes; their getopt values stand above those of its own. */
enum {
	GLOBAL_GATEWAY = 1000,
	GLOBAL_OUTPUT,
	GLOBAL_JSON,
	GLOBAL_HELP,
	GLOBAL_TOKEN,
	GLOBAL_TLS_CA,
	GLOBAL_TLS_CERT,
	GLOBAL_TLS_KEY,
};
static const struct option global_options[] = {
        {"gateway", required_argument, NULL, GLOBAL_GATEWAY},
        {"orchestrator", required_argument, NULL, GLOBAL_GATEWAY}, /* the existing CLI's name */
        {"output", required_argument, NULL, GLOBAL_OUTPUT},
        {"json", no_argument, NULL, GLOBAL_JSON},
        {"help", no_argument, NULL, GLOBAL_HELP},
        {"token", required_argument, NULL, GLOBAL_TOKEN},
        {"tls-ca", required_argument, NULL, GLOBAL_TLS_CA},
        {"tls-cert", required_argument, NULL, GLOBAL_TLS_CERT},
        {"tls-key", required_argument, NULL, GLOBAL_TLS_KEY},
};
enum { GLOBAL_COUNT = sizeof(global_options) / sizeof(global_options[0]) };

static void print_usage(FILE *out)
{
	fputs("fangs: delta detector for the npm supply chain\n\n"
	      "Examples:\n"
	      "  fangs up                          run everything on this host\n"
	      "  fangs package add left-pad        watch a package\n"
	      "  fangs scan submit -package left-pad -version 1.3.0 --wait\n"
	      "  fangs pending                     runs that wait for a decision\n"
	      "  fangs baseline promote 18ea77     accept what a run did\n"
	      "  fangs run reject 18ea77           or refuse it\n\n"
	      "Commands:\n  up                                start all services on this host\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "%s%s%s %s", commands[i]->noun,
		               commands[i]->verb ? " " : "",
		               commands[i]->verb ? commands[i]->verb : "", commands[i]->operands);
		fprintf(out, "  %-32s  %s\n", name, commands[i]->summary);
	}
	fprintf(out,
	        "\nOptions of every command:\n"
	        "  --gateway URL      default %s, or $FANGS_GATEWAY\n"
	        "  --token TOKEN      or @FILE with it, or $FANGS_TOKEN\n"
	        "  --tls-ca FILE, --tls-cert FILE, --tls-key FILE\n"
	        "                     for https, or $FANGS_TLS_CA, ..._CERT, ..._KEY\n"
	        "  -o, --output FORM  table (default) or json\n"
	        "  --help\n  --version\n\n"
	        "`fangs COMMAND --help` tells a command's own options.\n"
	        "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 the scan deviates,\n"
	        "5 no gateway answers.\n",
	        default_gateway);
}

static void print_command_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: fangs %s%s%s [options] %s\n\n%s.\n", command->noun,
	        command->verb ? " " : "", command->verb ? command->verb : "", command->operands,
	        command->summary);
	if (command->option_count)
		fputs("\nOptions:\n", out);
	for (size_t i = 0; i < command->option_count; i++) {
		const struct command_option *option = &command->options[i];
		char name[64];
		(void)snprintf(name, sizeof(name), "--%s%s%s", option->name,
		               option->value_name ? " " : "",
		               option->value_name ? option->value_name : "");
		fprintf(out, "  %-24s  %s\n", name, option->help);
	}
}

/* "rm" is the existing CLI's other word. */
static bool is_verb(const char *word, const char *verb)
{
	return strcmp(word, verb) == 0 || (strcmp(word, "rm") == 0 && strcmp(verb, "remove") == 0);
}

/* Finds the row for argv[1] (and argv[2]); `*ret_words` tells how many words named it. */
static const struct command *find_command(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = commands[i];
		if (argc < 2 || strcmp(argv[1], command->noun) != 0)
			continue;
		if (!command->verb) {
			*ret_words = 1;
			return command;
		}
		if (argc > 2 && is_verb(argv[2], command->verb)) {
			*ret_words = 2;
			return command;
		}
	}
	return NULL;
}

static void print_unknown(int argc, char **argv)
{
	bool noun_known = false;
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		noun_known = noun_known || strcmp(argv[1], commands[i]->noun) == 0;
	if (!noun_known) {
		fprintf(stderr, "fangs: unknown command '%s'; see `fangs --help`\n", argv[1]);
		return;
	}
	fprintf(stderr, "fangs %s: %s%s; one of:", argv[1],
	        argc > 2 ? "unknown subcommand " : "missing subcommand", argc > 2 ? argv[2] : "");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i]->noun) == 0 && commands[i]->verb)
			fprintf(stderr, " %s", commands[i]->verb);
	fputc('\n', stderr);
}

static bool parse_output(const char *text, enum output_format *ret)
{
	if (!text)
		return false;
	if (strcmp(text, "json") == 0)
		*ret = OUTPUT_JSON;
	else if (strcmp(text, "table") == 0)
		*ret = OUTPUT_TABLE;
	else
		return false;
	return true;
}

static struct option *merge_options(const struct command *command)
{
	struct option *all = xcalloc(command->option_count + GLOBAL_COUNT + 1, sizeof(*all));
	for (size_t i = 0; i < command->option_count; i++)
		all[i] = (struct option){command->options[i].name,
		                         command->options[i].value_name ? required_argument
		                                                        : no_argument,
		                         NULL, (int)i};
	memcpy(all + command->option_count, global_options, sizeof(global_options));
	return all;
}

/* False when the option is none of those which say who asks. */
static bool take_credential(int option, struct cli *cli)
{
	switch (option) {
	case GLOBAL_TOKEN:
		cli->token = optarg;
		return true;
	case GLOBAL_TLS_CA:
		cli->tls_ca = optarg;
		return true;
	case GLOBAL_TLS_CERT:
		cli->tls_cert = optarg;
		return true;
	case GLOBAL_TLS_KEY:
		cli->tls_key = optarg;
		return true;
	default:
		return false;
	}
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Returns -1 to go on, or an exit code. */
static int parse_args(const struct command *command, int argc, char **argv, struct cli *cli,
                      struct command_args *args)
{
	struct option *all = merge_options(command);
	int code = -1;
	int option = 0;
	while (code < 0 && (option = getopt_long_only(argc, argv, "o:h", all, NULL)) != -1) {
		if (option < (int)command->option_count)
			args->values[option] = optarg ? optarg : "";
		else if (take_credential(option, cli))
			continue;
		else if (option == GLOBAL_GATEWAY)
			cli->gateway_url = optarg;
		else if (option == GLOBAL_JSON)
			cli->output = OUTPUT_JSON;
		else if (option == GLOBAL_HELP || option == 'h') {
			print_command_usage(stdout, command);
			code = EXIT_CODE_OK;
		} else if (option == GLOBAL_OUTPUT || option == 'o') {
			if (!parse_output(optarg, &cli->output)) {
				fprintf(stderr, "fangs: --output takes table or json, not '%s'\n",
				        optarg ? optarg : "");
				code = EXIT_CODE_USAGE;
			}
		} else
			code = EXIT_CODE_USAGE; /* getopt has said why */
	}
	free(all);
	args->positional = argv + optind;
	args->positional_count = argc - optind;
	return code;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct cli cli = {
	        .gateway_url = environment("FANGS_GATEWAY"),
	        .token = environment("FANGS_TOKEN"),
	        .tls_ca = environment("FANGS_TLS_CA"),
	        .tls_cert = environment("FANGS_TLS_CERT"),
	        .tls_key = environment("FANGS_TLS_KEY"),
	};
	struct command_args args = {0};
	if (!cli.gateway_url)
		cli.gateway_url = default_gateway;
	int code = parse_args(command, argc, argv, &cli, &args);
	if (code >= 0)
		return code;
	if (args.positional_count < command->operands_min ||
	    args.positional_count > command->operands_max) {
		print_command_usage(stderr, command);
		return EXIT_CODE_USAGE;
	}
	char *gateway = xstrdup(cli.gateway_url);
	size_t size = strlen(gateway);
	while (size && gateway[size - 1] == '/')
		gateway[--size] = '\0';
	cli.gateway_url = gateway;
	struct error err = {0};
	code = command->run(&cli, &args, &err);
	if (err.code)
		fprintf(stderr, "fangs: %s\n", err.text);
	free(gateway);
	if (fflush(stdout) != 0 && code == EXIT_CODE_OK)
		code = EXIT_CODE_FAILED;
	return code;
}

int main(int argc, char **argv)
{
	int words = 0;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_CODE_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return EXIT_CODE_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("fangs %s\n", service_version());
		return EXIT_CODE_OK;
	}
	if (strcmp(argv[1], "up") == 0)
		return up_main(argc - 1, argv + 1);
	const struct command *command = find_command(argc, argv, &words);
	if (!command) {
		print_unknown(argc, argv);
		return EXIT_CODE_USAGE;
	}
	return run_command(command, argc - words, argv + words);
}
