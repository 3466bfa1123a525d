// SPDX-License-Identifier: Apache-2.0
#include "again.h"

#include "base/arena.h"
#include "log/log.h"
#include "queries.h"
#include "release_job.h"

enum { PER_TURN = 100 };

typedef int wanted_query(struct db_conn *conn, struct arena *arena, struct wanted_run *ret,
                         struct error *err);

/* One transaction: one run. */
struct again {
	const struct dispatcher_config *config;
	struct arena *arena;
	wanted_query *query;
	struct wanted_run wanted;
	bool found, queued;
	char id[RUN_ID_TEXT_SIZE];
	struct error job_err; /* found, but not queued */
};

static int queue_one(void *ctx, struct db_conn *conn, struct error *err)
{
	struct again *again = ctx;
	struct wanted_run *wanted = &again->wanted;
	struct new_run run;

	again->queued = false;
	int rc = again->query(conn, again->arena, wanted, err);
	again->found = rc > 0;
	if (rc <= 0)
		return rc;
	if (release_job_make(again->config, wanted->package, wanted->version, again->arena,
	                     again->id, &run, &again->job_err) < 0)
		return query_give_up_wanted(conn, wanted, err);
	again->queued = true;
	return query_insert_wanted_run(conn, &run, wanted, err);
}

static void note(const struct again *again, const struct dispatcher_metrics *metrics)
{
	const struct wanted_run *wanted = &again->wanted;

	if (again->queued) {
		metric_add(metrics->queued, 1);
		LOG_INFO("run queued", LOG_STR("run_id", again->id),
		         LOG_STR("package", wanted->package), LOG_STR("version", wanted->version),
		         LOG_STR("trigger", wanted->trigger),
		         LOG_STR("control_of", wanted->control_of));
	} else {
		LOG_WARN("version cannot be run again", LOG_STR("package", wanted->package),
		         LOG_STR("version", wanted->version), LOG_ERR(&again->job_err));
	}
}

int queue_runs_again(struct db *db, const struct dispatcher_config *config,
                     const struct dispatcher_metrics *metrics, struct error *err)
{
	static wanted_query *const queries[] = {query_wanted_control, query_wanted_seed};
	struct arena arena;
	int rc = 0, queued = 0;

	arena_init(&arena);
	for (size_t i = 0; rc >= 0 && i < sizeof(queries) / sizeof(queries[0]); i++) {
		for (int n = 0; n < PER_TURN; n++) {
			struct again again = {
			        .config = config, .arena = &arena, .query = queries[i]};
			rc = db_transaction(db, queue_one, &again, err);
			if (rc < 0 || !again.found)
				break;
			note(&again, metrics);
			queued += again.queued;
			arena_reset(&arena);
		}
	}
	arena_release(&arena);
	return rc < 0 ? rc : queued;
}
