// SPDX-License-Identifier: Apache-2.0
/* fangs-watcher: polls the npm registry for watched packages and announces new releases. */
#include "backbone/backbone.h"
#include "watcher.h"

enum { TICK_MS = 1000 }; /* longest time between a package falling due and its poll */

static int wake(void *ctx, struct error *err)
{
	return watcher_wake(ctx, err);
}

static int run(const struct backbone *backbone, void *config, struct error *err)
{
	struct watcher *watcher = watcher_start(config, backbone->service, backbone->db, err);
	if (!watcher)
		return -err->code;
	int rc = backbone_loop(backbone, "fangs_packages", TICK_MS, wake, watcher, err);
	watcher_stop(watcher);
	return rc;
}

int main(int argc, char **argv)
{
	struct watcher_config config = {0};
	const struct backbone_program program = {
	        .name = "fangs-watcher",
	        .section = "watcher",
	        .summary =
	                "Polls the npm registry for watched packages and announces new releases.",
	        .examples = "  fangs-watcher --db-url postgresql://fangs@db/fangs"
	                    " --watcher-interval 1m\n",
	        .options = watcher_options,
	        .option_count = watcher_option_count,
	        .config = &config,
	        .relays_outbox = true,
	        .run = run,
	};
	return backbone_main(&program, argc, argv);
}
