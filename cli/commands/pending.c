// SPDX-License-Identifier: Apache-2.0
/* fangs pending: runs that deviate and wait for a person. */
#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"

static const struct command_option options[] = {
        {"package", "NAME", "only runs of this package"},
        {"severity", "WORD", "only info, warn or crit"},
        {"limit", "N", "how many, worst first (default 50)"},
};

static void print_hint(const struct json *answer)
{
	const struct json *first = json_first(json_get(answer, "items"));
	if (!first) {
		puts("no runs await review");
		return;
	}
	const char *id = json_string(json_get(first, "id"), "");
	printf("\nlook: fangs run show %.12s\naccept: fangs baseline promote %.12s\n"
	       "refuse: fangs run reject %.12s\n",
	       id, id, id);
}

static int pending(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"SEV", 0}, "max_severity", FIELD_TEXT},
	        {{"RUN", 0}, "id", FIELD_SHORT_ID},
	        {{"PACKAGE", 40}, "package", FIELD_TEXT},
	        {{"VERSION", 24}, "version", FIELD_TEXT},
	        {{"DEVIATIONS", 0}, "deviation_count", FIELD_TEXT},
	        {{"JUDGED", 0}, "judged_at", FIELD_TIME},
	};
	const char *const query[] = {"package", args->values[0], "severity", args->values[1],
	                             "limit",   args->values[2], NULL};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/pending", query, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON) {
		output_json(answer);
		return EXIT_CODE_OK;
	}
	if (json_count(json_get(answer, "items")))
		output_table(answer, fields, FIELD_COUNT(fields));
	print_hint(answer);
	return EXIT_CODE_OK;
}

const struct command command_pending = {
        .noun = "pending",
        .operands = "",
        .summary = "Show runs that deviate and wait for a decision",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .run = pending,
};
