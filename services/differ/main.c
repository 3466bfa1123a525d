// SPDX-License-Identifier: Apache-2.0
/* fangs-differ: turns events into fingerprints, deviations, verdicts and baselines. */
#include "backbone/backbone.h"
#include "differ.h"

static int run(const struct backbone *backbone, void *config, struct error *err)
{
	struct differ *differ =
	        differ_create(config, backbone->service, backbone->db, backbone->bus, err);
	if (!differ)
		return -err->code;
	int rc = differ_run(differ, err);
	differ_destroy(differ);
	return rc;
}

int main(int argc, char **argv)
{
	struct differ_config config = {0};
	const struct backbone_program program = {
	        .name = DIFFER_NAME,
	        .section = "differ",
	        .summary = "Compares what each run did with its package's baseline, and judges it.",
	        .examples = "  fangs-differ --db-url postgresql://fangs@db/fangs --bus-driver kafka"
	                    " --kafka-brokers broker:9092\n",
	        .options = differ_options,
	        .option_count = differ_option_count,
	        .config = &config,
	        .relays_outbox = true,
	        .run = run,
	};
	return backbone_main(&program, argc, argv);
}
