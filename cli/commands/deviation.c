// SPDX-License-Identifier: Apache-2.0
/* fangs deviation list|show: what releases did that their predecessors never did. */
#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"

static const struct command_option list_options[] = {
        {"package", "NAME", "only deviations of this package"},
        {"severity", "WORD", "only info, warn or crit"},
        {"run", "ID", "only deviations of this run"},
        {"category", "NAME", "only this category"},
        {"limit", "N", "how many, newest first (default 50)"},
        {"run-id", "ID", "as --run"},
        {"actor", "WORD", "only by manager, package or unknown"},
        {"suppressed", "YES", "only those that do not count (true), or that do (false)"},
};

static int deviation_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"DEVIATION", 0}, "id", FIELD_SHORT_ID},
	        {{"DETECTED", 0}, "detected_at", FIELD_TIME},
	        {{"SEV", 0}, "severity", FIELD_TEXT},
	        {{"CATEGORY", 0}, "category", FIELD_TEXT},
	        {{"VALUE", 60}, "value", FIELD_TEXT},
	        {{"PACKAGE", 40}, "package", FIELD_TEXT},
	        {{"VERSION", 24}, "version", FIELD_TEXT},
	        {{"RUN", 0}, "run_id", FIELD_SHORT_ID},
	};
	const char *const query[] = {
	        "package",    args->values[0],
	        "severity",   args->values[1],
	        "category",   args->values[3],
	        "limit",      args->values[4],
	        "run",        args->values[2] ? args->values[2] : args->values[5],
	        "actor",      args->values[6],
	        "suppressed", args->values[7],
	        NULL};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/deviations", query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_deviation_list = {
        .noun = "deviation",
        .verb = "list",
        .operands = "",
        .summary = "Show deviations, newest first",
        .options = list_options,
        .option_count = sizeof(list_options) / sizeof(list_options[0]),
        .run = deviation_list,
};

static int deviation_show(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"deviation:", 0}, "id", FIELD_TEXT},
	        {{"run:", 0}, "run_id", FIELD_TEXT},
	        {{"package:", 0}, "package", FIELD_TEXT},
	        {{"version:", 0}, "version", FIELD_TEXT},
	        {{"category:", 0}, "category", FIELD_TEXT},
	        {{"value:", 0}, "value", FIELD_TEXT},
	        {{"severity:", 0}, "severity", FIELD_TEXT},
	        {{"who:", 0}, "actor", FIELD_TEXT},
	        {{"process:", 0}, "process", FIELD_TEXT},
	        {{"why:", 0}, "reason", FIELD_TEXT},
	        {{"detected:", 0}, "detected_at", FIELD_TIME},
	        {{"suppressed:", 0}, "suppressed", FIELD_YES_NO},
	        {{"suppressed by:", 0}, "suppressed_by", FIELD_TEXT},
	        {{"suppressed because:", 0}, "suppressed_why", FIELD_TEXT},
	};
	AUTO(free) char *path = gateway_path("/v1/deviations/", args->positional[0], "");
	AUTO(json) struct json *deviation = NULL;
	int code = gateway_call(cli, "GET", path, NULL, &deviation, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON) {
		output_json(deviation);
		return EXIT_CODE_OK;
	}
	output_lines(deviation, fields, FIELD_COUNT(fields));
	const struct json *evidence = json_get(deviation, "evidence");
	if (evidence) {
		fputs("\nevidence:\n", stdout);
		output_json(evidence);
	}
	return EXIT_CODE_OK;
}

const struct command command_deviation_show = {
        .noun = "deviation",
        .verb = "show",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Show one deviation with its evidence",
        .run = deviation_show,
};
