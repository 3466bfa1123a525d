// SPDX-License-Identifier: Apache-2.0
/* fangs baseline promote: accept what a run did as the package's normal behaviour. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 4096 };

static int baseline_promote_run(const struct cli *cli, const struct command_args *args,
                                struct error *err)
{
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	const char *user = getenv("USER");
	json_object(&w);
	json_member_string(&w, "by", user ? user : "");
	json_end_object(&w);
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
        .run = baseline_promote_run,
};
