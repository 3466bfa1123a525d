// SPDX-License-Identifier: Apache-2.0
/* fangs deviation suppress|unsuppress|allow, fangs run reanalyse: what a person makes of findings.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "decision.h"
#include "gateway.h"
#include "output.h"
#include "json/json_writer.h"

static const struct command_option note_options[] = {
        {"note", "TEXT", "why, for the record"},
};

static int decide(const struct cli *cli, const struct command_args *args, const char *verb,
                  const char *done, struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	decision_write(&body, args->values[0]);
	AUTO(free) char *path = gateway_path("/v1/deviations/", args->positional[0], verb);
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("deviation %.12s %s; %lld of run %.12s count\n",
		       json_string(json_get(answer, "deviation_id"), ""), done,
		       (long long)json_int(json_get(answer, "open_deviations"), 0),
		       json_string(json_get(answer, "run_id"), ""));
	return code;
}

static int deviation_suppress(const struct cli *cli, const struct command_args *args,
                              struct error *err)
{
	return decide(cli, args, "/suppress", "suppressed", err);
}

const struct command command_deviation_suppress = {
        .noun = "deviation",
        .verb = "suppress",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Let one deviation count no more; its run still waits for a decision",
        .options = note_options,
        .option_count = sizeof(note_options) / sizeof(note_options[0]),
        .run = deviation_suppress,
};

static int deviation_unsuppress(const struct cli *cli, const struct command_args *args,
                                struct error *err)
{
	return decide(cli, args, "/unsuppress", "counts again", err);
}

const struct command command_deviation_unsuppress = {
        .noun = "deviation",
        .verb = "unsuppress",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Let a suppressed deviation count again",
        .options = note_options,
        .option_count = sizeof(note_options) / sizeof(note_options[0]),
        .run = deviation_unsuppress,
};

enum { ALLOW_NOTE, ALLOW_SCOPE, ALLOW_KIND, ALLOW_VALUE };
static const struct command_option allow_options[] = {
        [ALLOW_NOTE] = {"note", "TEXT", "why, for the record"},
        [ALLOW_SCOPE] = {"scope", "WORD", "package (default) or global"},
        [ALLOW_KIND] = {"kind", "KIND", "path, to allow reading and writing alike"},
        [ALLOW_VALUE] = {"value", "VALUE",
                         "something broader: the beginning of the path, an address range, "
                         "*.example.com"},
};

static void write_allow(struct buf *body, const struct command_args *args)
{
	const char *user = getenv("USER");
	struct json_writer w = json_writer_on(body);
	json_object(&w);
	json_member_string(&w, "by", user ? user : "");
	for (size_t i = 0; i <= ALLOW_VALUE; i++) {
		if (args->values[i])
			json_member_string(&w, allow_options[i].name, args->values[i]);
	}
	json_end_object(&w);
}

static int deviation_allow(const struct cli *cli, const struct command_args *args,
                           struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	write_allow(&body, args);
	AUTO(free) char *path = gateway_path("/v1/deviations/", args->positional[0], "/allow");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("added %s %s allowlist entry %.12s — %s\n",
		       json_string(json_get(answer, "package"), "global"),
		       json_string(json_get(answer, "kind"), ""),
		       json_string(json_get(answer, "id"), ""),
		       json_string(json_get(answer, "value"), ""));
	return code;
}

const struct command command_deviation_allow = {
        .noun = "deviation",
        .verb = "allow",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Add the allow entry that covers a deviation",
        .options = allow_options,
        .option_count = sizeof(allow_options) / sizeof(allow_options[0]),
        .run = deviation_allow,
};

enum { REANALYSE_NOTE, REANALYSE_PACKAGE };
static const struct command_option reanalyse_options[] = {
        [REANALYSE_NOTE] = {"note", "TEXT", "why, for the record"},
        [REANALYSE_PACKAGE] = {"package", "NAME", "all runs of this package that wait"},
};

static int run_reanalyse(const struct cli *cli, const struct command_args *args, struct error *err)
{
	const char *package = args->values[REANALYSE_PACKAGE];
	const char *id = args->positional_count ? args->positional[0] : NULL;
	if (!package == !id) {
		error_set(err, EINVAL, "run reanalyse: either a run or --package is required");
		return EXIT_CODE_USAGE;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	decision_write(&body, args->values[REANALYSE_NOTE]);
	AUTO(free)
	char *path = gateway_path(package ? "/v1/packages/" : "/v1/runs/", package ? package : id,
	                          "/reanalyse");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("%lld runs of %s are analysed again\n",
		       (long long)json_int(json_get(answer, "runs"), 0),
		       json_string(json_get(answer, "package"), ""));
	return code;
}

const struct command command_run_reanalyse = {
        .noun = "run",
        .verb = "reanalyse",
        .operands = "[<id>]",
        .operands_max = 1,
        .summary = "Analyse runs again by the baseline and allow entries of now",
        .options = reanalyse_options,
        .option_count = sizeof(reanalyse_options) / sizeof(reanalyse_options[0]),
        .run = run_reanalyse,
};
