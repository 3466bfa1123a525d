// SPDX-License-Identifier: Apache-2.0
/* fangs settings: how the gateway is configured. */
#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"

static int settings(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"KEY", 0}, "key", FIELD_TEXT},
	        {{"VALUE", 50}, "value", FIELD_TEXT},
	        {{"DEFAULT", 30}, "default", FIELD_TEXT},
	        {{"FROM", 0}, "origin", FIELD_TEXT},
	};
	(void)args;
	AUTO(json) struct json *answer = NULL;
	int code = gateway_get(cli, "/v1/settings", NULL, &answer, err);
	if (code == EXIT_CODE_OK)
		output_list(cli, answer, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_settings = {
        .noun = "settings",
        .operands = "",
        .summary = "Show how the gateway is configured; secrets are not shown",
        .run = settings,
};
