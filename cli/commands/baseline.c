// SPDX-License-Identifier: Apache-2.0
/* fangs baseline list|promote|reset|forget: what packages are known to do. */
#include <errno.h>

#include "base/cleanup.h"
#include "decision.h"
#include "gateway.h"
#include "output.h"

static const struct command_option list_options[] = {
        {"package", "NAME", "what this package is known to do"},
        {"category", "NAME", "only this category of it"},
};

static int list_packages(const struct cli *cli, struct error *err)
{
	static const struct field fields[] = {
	        {{"PACKAGE", 0}, "package", FIELD_TEXT},
	        {{"STATE", 0}, "state", FIELD_TEXT},
	        {{"FINGERPRINTS", 0}, "fingerprints", FIELD_TEXT},
	        {{"SEEDED_BY", 0}, "seeded_by", FIELD_SHORT_ID},
	        {{"SEEDED", 0}, "seeded_at", FIELD_TIME},
	};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/baselines?limit=500", NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

static int baseline_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"CATEGORY", 0}, "category", FIELD_TEXT},
	        {{"VALUE", 60}, "value", FIELD_TEXT},
	        {{"COUNT", 0}, "occurrence_count", FIELD_TEXT},
	        {{"FIRST_SEEN", 0}, "first_seen_run_id", FIELD_SHORT_ID},
	        {{"LAST_SEEN", 0}, "last_seen_run_id", FIELD_SHORT_ID},
	};
	if (!args->values[0])
		return list_packages(cli, err);
	const char *const query[] = {"category", args->values[1], "limit", "500", NULL};
	AUTO(free) char *path = gateway_path("/v1/baselines/", args->values[0], "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, path, query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_baseline_list = {
        .noun = "baseline",
        .verb = "list",
        .operands = "",
        .summary = "Show the packages with a baseline, or what one is known to do",
        .options = list_options,
        .option_count = sizeof(list_options) / sizeof(list_options[0]),
        .run = baseline_list,
};

static const struct command_option note_options[] = {
        {"note", "TEXT", "why, for the record"},
};

static int baseline_promote_run(const struct cli *cli, const struct command_args *args,
                                struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	decision_write(&body, args->values[0]);
	AUTO(free) char *path = gateway_path("/v1/runs/", args->positional[0], "/promote");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", path, &body, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON) {
		output_json(answer);
		return EXIT_CODE_OK;
	}
	printf("Promoted run %.12s (package=%s) to baseline.\n"
	       "Merged %lld fingerprints into baseline_fingerprints.\n",
	       json_string(json_get(answer, "run_id"), ""),
	       json_string(json_get(answer, "package"), ""),
	       (long long)json_int(json_get(answer, "fingerprints_merged"), 0));
	return EXIT_CODE_OK;
}

const struct command command_baseline_promote = {
        .noun = "baseline",
        .verb = "promote",
        .operands = "<run id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Accept a run: merge what it did into its package's baseline",
        .options = note_options,
        .option_count = sizeof(note_options) / sizeof(note_options[0]),
        .run = baseline_promote_run,
};

static int remove_from(const struct cli *cli, const char *path, const char *note, struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, DECISION_MAX_BYTES);
	decision_write(&body, note);
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "DELETE", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("forgot %lld fingerprints of %s\n",
		       (long long)json_int(json_get(answer, "fingerprints_removed"), 0),
		       json_string(json_get(answer, "package"), ""));
	return code;
}

static int baseline_reset(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(free) char *path = gateway_path("/v1/baselines/", args->positional[0], "");
	int code = remove_from(cli, path, args->values[0], err);
	if (code == EXIT_CODE_OK && cli->output != OUTPUT_JSON)
		puts("the package's next complete run seeds a new baseline");
	return code;
}

const struct command command_baseline_reset = {
        .noun = "baseline",
        .verb = "reset",
        .operands = "<package>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Forget a baseline: the next complete run seeds a new one",
        .options = note_options,
        .option_count = sizeof(note_options) / sizeof(note_options[0]),
        .run = baseline_reset,
};

enum { FORGET_CATEGORY, FORGET_VALUE, FORGET_NOTE };
static const struct command_option forget_options[] = {
        [FORGET_CATEGORY] = {"category", "NAME", "of the fingerprint"},
        [FORGET_VALUE] = {"value", "TEXT", "of the fingerprint"},
        [FORGET_NOTE] = {"note", "TEXT", "why, for the record"},
};

static int baseline_forget(const struct cli *cli, const struct command_args *args,
                           struct error *err)
{
	if (!args->values[FORGET_CATEGORY] || !args->values[FORGET_VALUE]) {
		error_set(err, EINVAL, "baseline forget: --category and --value are required");
		return EXIT_CODE_USAGE;
	}
	AUTO(free)
	char *base = gateway_path("/v1/baselines/", args->positional[0], "/fingerprints?category=");
	AUTO(free)
	char *category = gateway_path(base, args->values[FORGET_CATEGORY], "&value=");
	AUTO(free) char *path = gateway_path(category, args->values[FORGET_VALUE], "");
	return remove_from(cli, path, args->values[FORGET_NOTE], err);
}

const struct command command_baseline_forget = {
        .noun = "baseline",
        .verb = "forget",
        .operands = "<package>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Forget one fingerprint: it deviates when it is seen again",
        .options = forget_options,
        .option_count = sizeof(forget_options) / sizeof(forget_options[0]),
        .run = baseline_forget,
};
