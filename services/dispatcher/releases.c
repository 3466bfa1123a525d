// SPDX-License-Identifier: Apache-2.0
#include "releases.h"

#include "base/arena.h"
#include "log/log.h"
#include "model/messages.h"
#include "queries.h"
#include "release_job.h"

static int queue_run(const struct releases *releases, struct db_conn *conn,
                     const struct new_run *run, struct error *err)
{
	int rc = query_insert_release_run(conn, run, err);
	if (rc > 0) {
		metric_add(releases->metrics->queued, 1);
		LOG_INFO("run queued", LOG_STR("run_id", run->id), LOG_STR("package", run->package),
		         LOG_STR("version", run->version));
	}
	return rc;
}

enum handled releases_handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                             struct error *err)
{
	const struct releases *releases = ctx;
	struct release_message release;
	enum handled handled = HANDLED_DONE;
	struct arena arena;
	struct new_run run;
	char id[RUN_ID_TEXT_SIZE];

	arena_init(&arena);
	if (release_message_read(message->value, &arena, &release, err) < 0 ||
	    release_job_make(releases->config, release.package, release.version, &arena, id, &run,
	                     err) < 0)
		handled = HANDLED_DEAD_LETTER;
	else if (queue_run(releases, conn, &run, err) < 0)
		handled = err->class == ERROR_DROP ? HANDLED_DEAD_LETTER : HANDLED_RETRY;
	arena_release(&arena);
	return handled;
}
