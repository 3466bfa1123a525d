// SPDX-License-Identifier: Apache-2.0
/* fangs-dispatcher: makes runs of releases and places runs on runners. */
#include <pthread.h>

#include "again.h"
#include "backbone/backbone.h"
#include "dispatcher.h"
#include "leases.h"
#include "model/watched_paths.h"
#include "placing.h"
#include "queries.h"
#include "releases.h"

static const char consumer_group[] = "fangs-dispatcher";

enum { TICK_MS = 1000 }; /* leases run out and back-offs end without a notification */

struct dispatcher {
	const struct backbone *backbone;
	const struct dispatcher_config *config;
	struct dispatcher_metrics metrics;
	pthread_t consumer;
	struct error consumer_err; /* read after the thread was joined */
};

/* Thread of its own: releases come in while placing waits for runners. */
static void *consume_releases(void *arg)
{
	struct dispatcher *dispatcher = arg;
	const struct backbone *backbone = dispatcher->backbone;
	struct releases releases = {dispatcher->config, &dispatcher->metrics};
	const struct consume_options options = {
	        .service = backbone->service,
	        .db = backbone->db,
	        .bus = backbone->bus,
	        .topic = BUS_RELEASES,
	        .group = consumer_group,
	        .handle = releases_handle,
	        .ctx = &releases,
	};
	if (consume(&options, &dispatcher->consumer_err) < 0)
		service_request_stop(backbone->service);
	return NULL;
}

static int count_runs(struct dispatcher *dispatcher, struct error *err)
{
	static const char *const phases[COUNTED_PHASES] = {"queued", "leased", "running"};
	int64_t counts[COUNTED_PHASES];
	AUTO(db_conn) struct db_conn *conn = db_acquire(dispatcher->backbone->db, err);

	if (!conn || query_count_runs(conn, counts, err) < 0)
		return -err->code;
	for (int i = 0; i < COUNTED_PHASES; i++)
		metric_set(metric_series(dispatcher->metrics.runs, phases[i]), (double)counts[i]);
	return 0;
}

/* Leases first: what they give back may be placed in the same turn. */
static int turn(void *ctx, struct error *err)
{
	struct dispatcher *dispatcher = ctx;
	struct db *db = dispatcher->backbone->db;

	int rc = expire_leases(db, dispatcher->config, &dispatcher->metrics, err);
	if (rc >= 0)
		rc = queue_runs_again(db, dispatcher->config, &dispatcher->metrics, err);
	if (rc >= 0)
		rc = place_runs(db, dispatcher->config, &dispatcher->metrics, err);
	return rc < 0 ? rc : count_runs(dispatcher, err);
}

static int run(const struct backbone *backbone, void *config, struct error *err)
{
	struct dispatcher dispatcher = {
	        .backbone = backbone,
	        .config = config,
	        .metrics = dispatcher_metrics_create(),
	};
	int rc = pthread_create(&dispatcher.consumer, NULL, consume_releases, &dispatcher);
	if (rc != 0)
		return error_set_errno(err, rc, "cannot start the consumer's thread");

	rc = backbone_loop(backbone, "fangs_runs", TICK_MS, turn, &dispatcher, err);
	service_request_stop(backbone->service);
	(void)pthread_join(dispatcher.consumer, NULL);
	if (rc == 0 && dispatcher.consumer_err.code) {
		*err = dispatcher.consumer_err;
		rc = -err->code;
	}
	return rc;
}

static int check(const void *config, struct error *err)
{
	return watched_paths_check(((const struct dispatcher_config *)config)->watched_paths, err);
}

int main(int argc, char **argv)
{
	struct dispatcher_config config = {0};
	const struct backbone_program program = {
	        .name = "fangs-dispatcher",
	        .section = "dispatcher",
	        .summary = "Makes runs of new releases and places runs on runners.",
	        .examples =
	                "  fangs-dispatcher --db-url postgresql://fangs@db/fangs --attempts 5\n",
	        .options = dispatcher_options,
	        .option_count = dispatcher_option_count,
	        .config = &config,
	        .check = check,
	        .relays_outbox = true,
	        .run = run,
	};
	return backbone_main(&program, argc, argv);
}
