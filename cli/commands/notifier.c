// SPDX-License-Identifier: Apache-2.0
/* fangs notifier list|add|remove|history: webhooks that are told of verdicts. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 64 << 10 };

static int notifier_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"NAME", 0}, "name", FIELD_TEXT},
	        {{"TEMPLATE", 0}, "template", FIELD_TEXT},
	        {{"URL", 50}, "url", FIELD_TEXT},
	        {{"ENABLED", 0}, "enabled", FIELD_YES_NO},
	        {{"MIN_SEV", 0}, "min_severity", FIELD_TEXT},
	        {{"HMAC", 0}, "secret_env", FIELD_TEXT},
	        {{"UPDATED", 0}, "updated_at", FIELD_TIME},
	};
	(void)args;
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/notifiers?limit=500", NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_notifier_list = {
        .noun = "notifier",
        .verb = "list",
        .operands = "",
        .summary = "Show the webhooks that are told of verdicts",
        .run = notifier_list,
};

enum {
	ADD_NAME,
	ADD_URL,
	ADD_TEMPLATE,
	ADD_SECRET_ENV,
	ADD_MIN_SEVERITY,
	ADD_HEADERS,
	ADD_ENABLED
};
static const struct command_option add_options[] = {
        [ADD_NAME] = {"name", "NAME", "what to call it; one with that name is replaced"},
        [ADD_URL] = {"url", "URL", "where to post to: https, or http on this host"},
        [ADD_TEMPLATE] = {"template", "WORD", "generic (default), slack or discord"},
        [ADD_SECRET_ENV] = {"secret-env", "VARIABLE",
                            "with the key of the signature, in the notifier's environment"},
        [ADD_MIN_SEVERITY] = {"min-severity", "WORD", "info, warn or crit"},
        [ADD_HEADERS] = {"headers", "JSON", "more headers, {\"Name\":\"value\"}"},
        [ADD_ENABLED] = {"enabled", "BOOL", "false keeps it without using it"},
};

static int write_notifier(struct buf *body, const struct command_args *args, struct error *err)
{
	static const char *const members[] = {[ADD_URL] = "url",
	                                      [ADD_TEMPLATE] = "template",
	                                      [ADD_SECRET_ENV] = "secret_env",
	                                      [ADD_MIN_SEVERITY] = "min_severity"};
	const char *headers = args->values[ADD_HEADERS];
	const char *enabled = args->values[ADD_ENABLED];
	struct json_writer w = json_writer_on(body);

	json_object(&w);
	for (size_t i = ADD_URL; i <= ADD_MIN_SEVERITY; i++) {
		if (args->values[i])
			json_member_string(&w, members[i], args->values[i]);
	}
	if (headers) {
		AUTO(json) struct json *parsed = json_parse(view_of_string(headers), true, err);
		if (!parsed)
			return error_wrap(err, "--headers");
		json_member_raw(&w, "headers", view_of_string(headers));
	}
	if (enabled && strcmp(enabled, "true") != 0 && strcmp(enabled, "false") != 0)
		return error_set(err, EINVAL, "--enabled takes true or false, not '%s'", enabled);
	if (enabled)
		json_member_bool(&w, "enabled", strcmp(enabled, "true") == 0);
	json_end_object(&w);
	return 0;
}

static int notifier_add(const struct cli *cli, const struct command_args *args, struct error *err)
{
	const char *name = args->values[ADD_NAME];
	if (!name || !args->values[ADD_URL]) {
		error_set(err, EINVAL, "notifier add: --name and --url are required");
		return EXIT_CODE_USAGE;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	if (write_notifier(&body, args, err) < 0)
		return EXIT_CODE_USAGE;
	AUTO(free) char *path = gateway_path("/v1/notifiers/", name, "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "PUT", path, &body, &answer, err);
	if (code == EXIT_CODE_OK && cli->output == OUTPUT_JSON)
		output_json(answer);
	else if (code == EXIT_CODE_OK)
		printf("notifier \"%s\" saved\n", name);
	return code;
}

const struct command command_notifier_add = {
        .noun = "notifier",
        .verb = "add",
        .operands = "",
        .summary = "Add or replace a webhook",
        .options = add_options,
        .option_count = sizeof(add_options) / sizeof(add_options[0]),
        .run = notifier_add,
};

static int notifier_remove(const struct cli *cli, const struct command_args *args,
                           struct error *err)
{
	AUTO(free) char *path = gateway_path("/v1/notifiers/", args->positional[0], "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "DELETE", path, NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		printf("notifier \"%s\" removed\n", args->positional[0]);
	return code;
}

const struct command command_notifier_remove = {
        .noun = "notifier",
        .verb = "remove",
        .operands = "<name>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Remove a webhook and its history",
        .run = notifier_remove,
};

static const struct command_option history_options[] = {
        {"run", "ID", "only of this run"},
        {"notifier", "NAME", "only of this webhook"},
        {"status", "STATUS", "only sent, failed or permanent"},
        {"limit", "N", "how many, newest first (default 50)"},
};

static int notifier_history(const struct cli *cli, const struct command_args *args,
                            struct error *err)
{
	static const struct field fields[] = {
	        {{"NOTIFIER", 0}, "notifier", FIELD_TEXT},
	        {{"RUN", 0}, "run_id", FIELD_SHORT_ID},
	        {{"ATTEMPT", 0}, "attempt", FIELD_TEXT},
	        {{"STATUS", 0}, "status", FIELD_TEXT},
	        {{"HTTP", 0}, "response_code", FIELD_TEXT},
	        {{"DEVS", 0}, "deviation_count", FIELD_TEXT},
	        {{"LAST_AT", 0}, "last_attempted_at", FIELD_TIME},
	        {{"ERROR", 40}, "error_msg", FIELD_TEXT},
	};
	const char *const query[] = {"run",           args->values[0], "notifier",
	                             args->values[1], "status",        args->values[2],
	                             "limit",         args->values[3], NULL};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/notifications", query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_notifier_history = {
        .noun = "notifier",
        .verb = "history",
        .operands = "",
        .summary = "Show what was sent",
        .options = history_options,
        .option_count = sizeof(history_options) / sizeof(history_options[0]),
        .run = notifier_history,
};
