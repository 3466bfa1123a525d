// SPDX-License-Identifier: Apache-2.0
/* fangs runner list|remove: where scans run. */
#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"

static int runner_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"RUNNER", 0}, "id", FIELD_TEXT},
	        {{"ALIVE", 0}, "alive", FIELD_YES_NO},
	        {{"STATUS", 0}, "status", FIELD_TEXT},
	        {{"TRANSPORT", 0}, "transport", FIELD_TEXT},
	        {{"SLOTS", 0}, "slots", FIELD_TEXT},
	        {{"BUSY", 0}, "busy", FIELD_TEXT},
	        {{"SENSOR", 0}, "sensor_tier", FIELD_TEXT},
	        {{"KERNEL", 0}, "kernel_version", FIELD_TEXT},
	        {{"SEEN", 0}, "last_seen_at", FIELD_TIME},
	};
	(void)args;
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/runners?limit=500", NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_runner_list = {
        .noun = "runner",
        .verb = "list",
        .operands = "",
        .summary = "Show the runners",
        .run = runner_list,
};

static int runner_remove(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(free) char *path = gateway_path("/v1/runners/", args->positional[0], "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "DELETE", path, NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		printf("runner \"%s\" removed\n", args->positional[0]);
	return code;
}

const struct command command_runner_remove = {
        .noun = "runner",
        .verb = "remove",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Forget a runner that is gone",
        .run = runner_remove,
};
