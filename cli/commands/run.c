// SPDX-License-Identifier: Apache-2.0
/* fangs run list|show|reject: runs and what became of them. */
#include "base/cleanup.h"
#include "decision.h"
#include "gateway.h"
#include "output.h"

static const struct command_option list_options[] = {
        {"package", "NAME", "only runs of this package"},
        {"state", "STATE", "only pending, done or failed runs"},
        {"limit", "N", "how many, newest first (default 50)"},
        {"version", "VERSION", "only of this version"},
        {"phase", "PHASE", "only queued, leased, running, finished or judged runs"},
        {"verdict", "WORD", "only seeded, clean, deviates, incomplete or none"},
        {"runner", "ID", "only on this runner"},
        {"since", "TIME", "only from then on (2026-11-22T20:18:54Z)"},
        {"until", "TIME", "only before then"},
};

static int run_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"RUN", 0}, "id", FIELD_SHORT_ID},
	        {{"PACKAGE", 40}, "package", FIELD_TEXT},
	        {{"VERSION", 24}, "version", FIELD_TEXT},
	        {{"STATE", 0}, "state", FIELD_TEXT},
	        {{"PHASE", 0}, "phase", FIELD_TEXT},
	        {{"VERDICT", 0}, "verdict", FIELD_TEXT},
	        {{"BASE", 0}, "is_baseline", FIELD_STAR},
	        {{"DEVIATIONS", 0}, "deviation_count", FIELD_TEXT},
	        {{"STARTED", 0}, "started_at", FIELD_TIME},
	};
	const char *query[2 * COMMAND_OPTIONS_MAX + 1] = {NULL};
	for (size_t i = 0; i < sizeof(list_options) / sizeof(list_options[0]); i++) {
		query[2 * i] = list_options[i].name; /* as the gateway calls it */
		query[2 * i + 1] = args->values[i];
	}
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/runs", query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_run_list = {
        .noun = "run",
        .verb = "list",
        .operands = "",
        .summary = "Show runs, newest first",
        .options = list_options,
        .option_count = sizeof(list_options) / sizeof(list_options[0]),
        .run = run_list,
};

static const struct field run_fields[] = {
        {{"run:", 0}, "id", FIELD_TEXT},
        {{"package:", 0}, "package", FIELD_TEXT},
        {{"version:", 0}, "version", FIELD_TEXT},
        {{"state:", 0}, "state", FIELD_TEXT},
        {{"phase:", 0}, "phase", FIELD_TEXT},
        {{"verdict:", 0}, "verdict", FIELD_TEXT},
        {{"complete:", 0}, "complete", FIELD_YES_NO},
        {{"incomplete because:", 0}, "incomplete_reason", FIELD_TEXT},
        {{"baseline:", 0}, "is_baseline", FIELD_YES_NO},
        {{"decision:", 0}, "decision", FIELD_TEXT},
        {{"attempt:", 0}, "attempt", FIELD_TEXT},
        {{"runner:", 0}, "runner_id", FIELD_TEXT},
        {{"started:", 0}, "started_at", FIELD_TIME},
        {{"finished:", 0}, "finished_at", FIELD_TIME},
        {{"failure:", 0}, "failure_reason", FIELD_TEXT},
        {{"image:", 0}, "image", FIELD_TEXT},
        {{"image digest:", 0}, "image_digest", FIELD_TEXT},
        {{"node:", 0}, "node_version", FIELD_TEXT},
        {{"npm:", 0}, "npm_version", FIELD_TEXT},
        {{"sensor:", 0}, "sensor_tier", FIELD_TEXT},
        {{"events:", 0}, "events_stored", FIELD_TEXT},
        {{"events lost:", 0}, "events_dropped", FIELD_TEXT},
        {{"deviations:", 0}, "deviation_count", FIELD_TEXT},
        {{"that count:", 0}, "open_deviations", FIELD_TEXT},
};

static int run_show(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field deviation_fields[] = {
	        {{"DEVIATION", 0}, "id", FIELD_SHORT_ID},
	        {{"SEV", 0}, "severity", FIELD_TEXT},
	        {{"SUPPRESSED", 0}, "suppressed_by", FIELD_TEXT},
	        {{"CATEGORY", 0}, "category", FIELD_TEXT},
	        {{"VALUE", 60}, "value", FIELD_TEXT},
	        {{"WHO", 0}, "actor", FIELD_TEXT},
	        {{"PROCESS", 50}, "process", FIELD_TEXT},
	};
	AUTO(free) char *path = gateway_path("/v1/runs/", args->positional[0], "");
	AUTO(json) struct json *run = NULL;
	int code = gateway_call(cli, "GET", path, NULL, &run, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON) {
		output_json(run);
		return EXIT_CODE_OK;
	}
	output_lines(run, run_fields, FIELD_COUNT(run_fields));
	if (json_int(json_get(run, "deviation_count"), 0) == 0)
		return EXIT_CODE_OK;
	const char *id = json_string(json_get(run, "id"), "");
	AUTO(free) char *deviations_path = gateway_path("/v1/runs/", id, "/deviations?limit=500");
	AUTO(json) struct json *deviations = NULL;
	code = gateway_call(cli, "GET", deviations_path, NULL, &deviations, err);
	if (code == EXIT_CODE_OK) {
		putchar('\n');
		output_table(deviations, deviation_fields, FIELD_COUNT(deviation_fields));
	}
	return code;
}

const struct command command_run_show = {
        .noun = "run",
        .verb = "show",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Show one run with its deviations",
        .run = run_show,
};

static const struct command_option reject_options[] = {
        {"note", "TEXT", "why, for the record"},
};

static int run_reject(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	decision_write(&body, args->values[0]);
	AUTO(free) char *path = gateway_path("/v1/runs/", args->positional[0], "/reject");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("rejected run %.12s (package=%s); its deviations stand\n",
		       json_string(json_get(answer, "run_id"), ""),
		       json_string(json_get(answer, "package"), ""));
	return code;
}

const struct command command_run_reject = {
        .noun = "run",
        .verb = "reject",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Refuse what a run did: it stays out of the baseline",
        .options = reject_options,
        .option_count = sizeof(reject_options) / sizeof(reject_options[0]),
        .run = run_reject,
};
