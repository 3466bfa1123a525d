// SPDX-License-Identifier: Apache-2.0
/*
 * A job: what a runner is told to do. Its JSON is the /v1 wire's; the `jobs` topic carries the same
 * JSON with our keys below "fangs" (attempt, lease, kept out of what an existing runner reads).
 */
#ifndef FANGS_MODEL_JOB_H
#define FANGS_MODEL_JOB_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"
#include "model/package.h"
#include "model/run_id.h"

enum { JOB_WATCHED_PATHS_MAX = 256, JOB_COMMAND_MAX = 64, JOB_ENV_MAX = 64 };

struct watched_path {
	const char *prefix; /* absolute, 1 to 256 bytes */
	bool cred;
};

struct sandbox_spec { /* zero values mean the driver's defaults */
	const char *image;
	const char **command;
	size_t command_count;
	const char **env; /* "K=V" */
	size_t env_count;
	const char *working_dir, *user, *network_mode, *pull_policy, *cgroup_parent;
	int64_t memory_bytes, nano_cpus, pids_limit, grace_period_ns;
};

struct job {
	struct run_id run_id; /* as told to the runner: the attempt's wire id */
	const char *kind;     /* "sandbox_scan" or "sensor_only" */
	const char *package_name, *version, *cgroup_path;
	struct watched_path *watched_paths;
	size_t watched_path_count;
	int64_t duration_ns;
	int64_t dispatched_at_ns;
	bool has_sandbox;
	struct sandbox_spec sandbox;
	/* Ours, on the jobs topic only. */
	struct run_id canonical_run_id; /* the run's own id; equals run_id on attempt 1 */
	uint32_t attempt;
	int64_t lease_expires_at_ns; /* wall clock; 0: none */
	const char *runner_id;
};

/* The 14 default watched paths; static. */
extern const struct watched_path job_default_watched_paths[];
extern const size_t job_default_watched_path_count;

/* Fills `*ret` with the default scan of an npm package: the documented command, user 0:0, grace 2
 * s, duration 60 s. Name and version are validated first (no shell metacharacters can get into the
 * command): DROP when they are no npm name or semver. `registry` is a URL that npm shall use, or
 * NULL for its own default. */
int job_default_scan(struct arena *arena, const char *package, const char *version,
                     const char *registry, struct job *ret, struct error *err);

/* Empty text and zero numbers are left out, as existing servers do. */
void job_write_json(struct buf *out, const struct job *job, bool with_fangs);
/* As lenient as existing servers (json_fields.h); strings live in the arena and are never NULL, a
 * missing time is the zero time (INT64_MIN), and without a "fangs" member the attempt is 1 and
 * canonical_run_id the run_id. DROP with the field and what is wrong. */
int job_read_json(struct view json, struct arena *arena, struct job *ret, struct error *err);
/* The same for a member of a larger document. */
struct json;
int job_read(const struct json *value, struct arena *arena, struct job *ret, struct error *err);

#endif
