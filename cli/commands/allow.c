// SPDX-License-Identifier: Apache-2.0
/* fangs allow list|add|remove: what never deviates. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 64 << 10 };

static const struct command_option list_options[] = {
        {"package", "NAME", "what holds for this package, the global entries included"},
        {"kind", "KIND", "only cidr, path, path_read, path_write, sni, dns or exec"},
};

static int allow_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"ID", 0}, "id", FIELD_SHORT_ID},          {{"SCOPE", 0}, "scope", FIELD_TEXT},
	        {{"PACKAGE", 40}, "package", FIELD_TEXT},   {{"KIND", 0}, "kind", FIELD_TEXT},
	        {{"VALUE", 40}, "value", FIELD_TEXT},       {{"NOTE", 30}, "note", FIELD_TEXT},
	        {{"CREATED", 0}, "created_at", FIELD_TIME},
	};
	const char *const query[] = {"package", args->values[0], "kind", args->values[1],
	                             "limit",   "500",           NULL};
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/allow-entries", query, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_allow_list = {
        .noun = "allow",
        .verb = "list",
        .operands = "",
        .summary = "Show what never deviates",
        .options = list_options,
        .option_count = sizeof(list_options) / sizeof(list_options[0]),
        .run = allow_list,
};

enum { ADD_KIND, ADD_VALUE, ADD_PACKAGE, ADD_NOTE };
static const struct command_option add_options[] = {
        [ADD_KIND] = {"kind", "KIND", "cidr, path, path_read, path_write, sni, dns or exec"},
        [ADD_VALUE] = {"value", "VALUE",
                       "an address range, the beginning of paths, the name of a host or all below "
                       "it (*.example.com), a program or a folder of them (/opt/)"},
        [ADD_PACKAGE] = {"package", "NAME", "only for this package"},
        [ADD_NOTE] = {"note", "TEXT", "why"},
};

static void write_entry(struct buf *body, const struct command_args *args)
{
	const char *user = getenv("USER");
	struct json_writer w = json_writer_on(body);
	json_object(&w);
	json_member_string(&w, "by", user ? user : "");
	for (size_t i = 0; i <= ADD_NOTE; i++) {
		if (args->values[i])
			json_member_string(&w, add_options[i].name, args->values[i]);
	}
	json_end_object(&w);
}

static int allow_add(const struct cli *cli, const struct command_args *args, struct error *err)
{
	if (!args->values[ADD_KIND] || !args->values[ADD_VALUE]) {
		error_set(err, EINVAL, "allow add: --kind and --value are required");
		return EXIT_CODE_USAGE;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	write_entry(&body, args);
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", "/v1/allow-entries", &body, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	const char *package = args->values[ADD_PACKAGE];
	if (cli->output == OUTPUT_JSON)
		output_json(answer);
	else
		printf("added %s%s%s allowlist entry %.12s — %s\n", package ? package : "global",
		       package ? "/" : " ", args->values[ADD_KIND],
		       json_string(json_get(answer, "id"), ""),
		       json_string(json_get(answer, "value"), ""));
	return EXIT_CODE_OK;
}

const struct command command_allow_add = {
        .noun = "allow",
        .verb = "add",
        .operands = "",
        .summary = "Add something that never deviates",
        .options = add_options,
        .option_count = sizeof(add_options) / sizeof(add_options[0]),
        .run = allow_add,
};

static int allow_remove(const struct cli *cli, const struct command_args *args, struct error *err)
{
	AUTO(free) char *path = gateway_path("/v1/allow-entries/", args->positional[0], "");
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "DELETE", path, NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		printf("removed allowlist entry %.12s\n", args->positional[0]);
	return code;
}

const struct command command_allow_remove = {
        .noun = "allow",
        .verb = "remove",
        .operands = "<id>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Remove such an entry",
        .run = allow_remove,
};
