// SPDX-License-Identifier: Apache-2.0
/* fangs release list: what the watcher found. */
#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"

static const struct command_option options[] = {
        {"package", "NAME", "only releases of this package"},
        {"limit", "N", "how many, newest first (default 50)"},
};

static int release_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"PACKAGE", 40}, "package", FIELD_TEXT},
	        {{"VERSION", 24}, "version", FIELD_TEXT},
	        {{"PUBLISHED", 0}, "published_at", FIELD_TIME},
	        {{"DISCOVERED", 0}, "discovered_at", FIELD_TIME},
	        {{"TARBALL_SHA", 16}, "shasum", FIELD_TEXT},
	};
	const char *const query[] = {"package", args->values[0], "limit", args->values[1], NULL};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/releases", query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_release_list = {
        .noun = "release",
        .verb = "list",
        .operands = "",
        .summary = "Show the releases that were found, newest first",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .run = release_list,
};
