// SPDX-License-Identifier: Apache-2.0
/* fangs-api: the gateway between runners, people and the pipeline. */
#include "api.h"

int main(int argc, char **argv)
{
	struct api_config config = {0};
	const struct backbone_program program = {
	        .name = "fangs-api",
	        .section = "api",
	        .summary = "The gateway: runners' protocol, JSON API, dashboard and metrics.",
	        .examples = "  fangs-api --db-url postgresql://fangs@db/fangs\n"
	                    "  fangs-api --listen 0.0.0.0:8443 --tls-cert gw.pem --tls-key gw.key"
	                    " --tls-client-ca ca.pem\n",
	        .options = api_options,
	        .option_count = api_option_count,
	        .config = &config,
	        .check = api_config_check,
	        .run = api_run,
	};

	return backbone_main(&program, argc, argv);
}
