// SPDX-License-Identifier: Apache-2.0
#include "releases.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "log/log.h"
#include "model/job.h"
#include "model/messages.h"
#include "model/watched_paths.h"
#include "queries.h"

enum { JOB_TEXT_MAX = 64 * 1024 };

static int make_job(const struct dispatcher_config *config, const struct release_message *release,
                    struct arena *arena, struct job *ret, struct error *err)
{
	struct watched_paths watched;
	int rc = job_default_scan(arena, release->package, release->version, config->npm_registry,
	                          ret, err);
	if (rc == 0)
		rc = watched_paths_read(config->watched_paths, arena, &watched, err);
	if (rc < 0)
		return rc;
	watched_paths_apply(&watched, ret);
	ret->run_id = ret->canonical_run_id = run_id_new();
	ret->dispatched_at_ns = clock_wall_ns();
	ret->duration_ns = config->scan_duration_ms * NS_PER_MS;
	ret->sandbox.image = config->image;
	ret->sandbox.grace_period_ns = config->grace_ms * NS_PER_MS;
	return 0;
}

static int queue_run(const struct releases *releases, struct db_conn *conn, const struct job *job,
                     struct error *err)
{
	char id[RUN_ID_TEXT_SIZE];
	AUTO(buf) struct buf json;

	run_id_format(&job->run_id, id);
	buf_init(&json, JOB_TEXT_MAX);
	job_write_json(&json, job, false);
	struct new_run run = {
	        .id = id,
	        .package = job->package_name,
	        .version = job->version,
	        .image = job->sandbox.image,
	        .job_json = json.data,
	};
	int rc = query_insert_release_run(conn, &run, err);
	if (rc > 0) {
		metric_add(releases->metrics->queued, 1);
		LOG_INFO("run queued", LOG_STR("run_id", id), LOG_STR("package", run.package),
		         LOG_STR("version", run.version));
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
	struct job job;

	arena_init(&arena);
	if (release_message_read(message->value, &arena, &release, err) < 0 ||
	    make_job(releases->config, &release, &arena, &job, err) < 0)
		handled = HANDLED_DEAD_LETTER;
	else if (queue_run(releases, conn, &job, err) < 0)
		handled = err->class == ERROR_DROP ? HANDLED_DEAD_LETTER : HANDLED_RETRY;
	arena_release(&arena);
	return handled;
}
