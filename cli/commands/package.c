// SPDX-License-Identifier: Apache-2.0
/* fangs package add|list|remove: the packages whose releases are watched. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 4096 };

static int package_add(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "name", args->positional[0]);
	json_end_object(&w);
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", "/v1/packages", &body, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON)
		output_json(answer);
	else
		printf("watching %s; its latest release is scanned first and seeds the baseline\n"
		       "follow with: fangs run list -package %s\n",
		       args->positional[0], args->positional[0]);
	return EXIT_CODE_OK;
}

const struct command command_package_add = {
        .noun = "package",
        .verb = "add",
        .operands = "<name>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Watch a package: every new release of it is scanned",
        .run = package_add,
};

static int package_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"PACKAGE", 0}, "name", FIELD_TEXT},
	        {{"LATEST", 0}, "last_seen_version", FIELD_TEXT},
	        {{"CHECKED", 0}, "last_checked_at", FIELD_TIME},
	        {{"BASELINE", 0}, "baseline_state", FIELD_TEXT},
	        {{"RUNS", 0}, "runs", FIELD_TEXT},
	        {{"REGISTRY", 0}, "registry_state", FIELD_TEXT},
	};
	(void)args;
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/packages?limit=500", NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_package_list = {
        .noun = "package",
        .verb = "list",
        .operands = "",
        .summary = "Show the watched packages",
        .run = package_list,
};

static int package_remove(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(free) char *path = gateway_path("/v1/packages/", args->positional[0], "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "DELETE", path, NULL, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON && answer)
		output_json(answer);
	else
		printf("%s is no longer watched; its runs and baseline stay\n",
		       args->positional[0]);
	return EXIT_CODE_OK;
}

const struct command command_package_remove = {
        .noun = "package",
        .verb = "remove",
        .operands = "<name>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Stop watching a package",
        .run = package_remove,
};

enum { POLICY_SEED_RUNS, POLICY_CONTROL };
static const struct command_option policy_options[] = {
        [POLICY_SEED_RUNS] = {"seed-runs", "N", "clean complete runs that make its baseline"},
        [POLICY_CONTROL] = {"control", "on|off",
                            "run a version of the baseline again before a verdict is told"},
};

static int write_policy(struct buf *body, const struct command_args *args, struct error *err)
{
	const char *seed_runs = args->values[POLICY_SEED_RUNS];
	const char *control = args->values[POLICY_CONTROL];
	char *end = NULL;
	long runs = seed_runs ? strtol(seed_runs, &end, 10) : 1;
	struct json_writer w = json_writer_on(body);

	if (seed_runs && (end == seed_runs || *end || runs < 1))
		return error_set(err, EINVAL, "--seed-runs: '%s' is no number from 1 on",
		                 seed_runs);
	if (control && strcmp(control, "on") != 0 && strcmp(control, "off") != 0)
		return error_set(err, EINVAL, "--control must be on or off");
	json_object(&w);
	if (seed_runs)
		json_member_int(&w, "seed_runs", runs);
	if (control)
		json_member_bool(&w, "control", strcmp(control, "on") == 0);
	json_end_object(&w);
	return 0;
}

static int package_policy(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"PACKAGE", 0}, "name", FIELD_TEXT},
	        {{"SEED RUNS", 0}, "seed_runs", FIELD_TEXT},
	        {{"CONTROL", 0}, "control", FIELD_TEXT},
	};
	AUTO(free) char *path = gateway_path("/v1/packages/", args->positional[0], "/policy");
	AUTO(json) struct json *answer = NULL;
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX_BYTES);
	if (write_policy(&body, args, err) < 0)
		return EXIT_CODE_USAGE;
	int code = gateway_call(cli, "PUT", path, &body, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON)
		output_json(answer);
	else
		output_lines(answer, fields, FIELD_COUNT(fields));
	return EXIT_CODE_OK;
}

const struct command command_package_policy = {
        .noun = "package",
        .verb = "policy",
        .operands = "<name>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Say how a package's runs are judged",
        .options = policy_options,
        .option_count = sizeof(policy_options) / sizeof(policy_options[0]),
        .run = package_policy,
};
