// SPDX-License-Identifier: Apache-2.0
#include "release_job.h"

#include "base/buf.h"
#include "base/clock.h"
#include "model/job.h"
#include "model/watched_paths.h"

enum { JOB_TEXT_MAX = 64 * 1024 };

static int make_job(const struct dispatcher_config *config, const char *package,
                    const char *version, struct arena *arena, struct job *ret, struct error *err)
{
	struct watched_paths watched;
	int rc = job_default_scan(arena, package, version, config->npm_registry, ret, err);
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

int release_job_make(const struct dispatcher_config *config, const char *package,
                     const char *version, struct arena *arena, char id[RUN_ID_TEXT_SIZE],
                     struct new_run *ret, struct error *err)
{
	struct job job;
	AUTO(buf) struct buf json;

	buf_init(&json, JOB_TEXT_MAX);
	if (make_job(config, package, version, arena, &job, err) < 0)
		return -err->code;
	run_id_format(&job.run_id, id);
	job_write_json(&json, &job, false);
	*ret = (struct new_run){
	        .id = id,
	        .package = job.package_name,
	        .version = job.version,
	        .image = job.sandbox.image,
	        .job_json = arena_strdup(arena, json.data),
	};
	return 0;
}
