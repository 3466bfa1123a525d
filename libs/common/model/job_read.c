// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "model/job.h"
#include "model/wire_parts.h"
#include "json/json.h"
#include "json/json_fields.h"

enum { PREFIX_MAX = 256 }; /* the kernel side's longest prefix */

static int read_watched_path(struct json_pull *pull, struct watched_path *ret, struct arena *arena,
                             struct error *err)
{
	static const struct json_field rows[] = {
	        JSON_FIELD("prefix", STRING, struct watched_path, prefix),
	        JSON_FIELD("cred_tagged", BOOL, struct watched_path, cred),
	};
	static const struct json_fields fields = JSON_FIELDS(rows);
	struct json_pull before = *pull;
	*ret = (struct watched_path){.prefix = ""};
	int rc = json_read_fields(pull, &fields, ret, arena, err);
	if (rc == 0 && (*ret->prefix != '/' || strlen(ret->prefix) > PREFIX_MAX))
		rc = json_pull_fail(&before, err,
		                    "prefix must be an absolute path of at most 256 bytes");
	return rc;
}

static int read_watched_paths(struct json_pull *pull, void *target, struct arena *arena,
                              struct error *err)
{
	struct job *job = target;
	struct watched_path paths[JOB_WATCHED_PATHS_MAX];
	size_t count = 0;
	int more = json_pull_array(pull, err);
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		if (count == JOB_WATCHED_PATHS_MAX)
			return json_pull_fail(pull, err, "more than 256 paths");
		more = read_watched_path(pull, &paths[count++], arena, err);
	}
	if (more < 0)
		return more;
	job->watched_path_count = count;
	job->watched_paths = arena_alloc(arena, count, sizeof(*job->watched_paths));
	memcpy(job->watched_paths, paths, count * sizeof(paths[0]));
	return 0;
}

static int read_command(struct json_pull *pull, void *target, struct arena *arena,
                        struct error *err)
{
	struct job *job = target;
	const char *words[JOB_COMMAND_MAX];
	size_t count = 0;
	int more = json_pull_array(pull, err);
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		if (count == JOB_COMMAND_MAX)
			return json_pull_fail(pull, err, "more than 64 words");
		more = json_pull_cstring(pull, arena, &words[count++], err);
	}
	if (more < 0)
		return more;
	job->sandbox.command_count = count;
	job->sandbox.command = arena_alloc(arena, count, sizeof(words[0]));
	memcpy(job->sandbox.command, words, count * sizeof(words[0]));
	return 0;
}

static int read_env(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	struct job *job = target;
	const char *variables[JOB_ENV_MAX];
	size_t count = 0;
	struct view name;
	int more = json_pull_object(pull, err);
	while (more >= 0 && (more = json_pull_key(pull, arena, &name, err)) > 0) {
		const char *value = NULL;
		if (count == JOB_ENV_MAX)
			return json_pull_fail(pull, err, "more than 64 variables");
		if (name.size == 0 || memchr(name.data, '\0', name.size))
			return json_pull_fail(pull, err, "bad name of a variable");
		more = json_pull_cstring(pull, arena, &value, err);
		if (more == 0)
			variables[count++] = arena_printf(arena, "%.*s=%s", VIEW_ARG(name), value);
	}
	if (more < 0)
		return more;
	job->sandbox.env_count = count;
	job->sandbox.env = arena_alloc(arena, count, sizeof(variables[0]));
	memcpy(job->sandbox.env, variables, count * sizeof(variables[0]));
	return 0;
}

static int read_sandbox(struct json_pull *pull, void *target, struct arena *arena,
                        struct error *err)
{
	static const struct json_field rows[] = {
	        JSON_FIELD("image", STRING, struct job, sandbox.image),
	        JSON_FIELD_BY("command", read_command),
	        JSON_FIELD_BY("env", read_env),
	        JSON_FIELD("working_dir", STRING, struct job, sandbox.working_dir),
	        JSON_FIELD("user", STRING, struct job, sandbox.user),
	        JSON_FIELD("network_mode", STRING, struct job, sandbox.network_mode),
	        JSON_FIELD("memory_bytes", I64, struct job, sandbox.memory_bytes),
	        JSON_FIELD("nano_cpus", I64, struct job, sandbox.nano_cpus),
	        JSON_FIELD("pids_limit", I64, struct job, sandbox.pids_limit),
	        JSON_FIELD("pull_policy", STRING, struct job, sandbox.pull_policy),
	        JSON_FIELD("grace_period", I64, struct job, sandbox.grace_period_ns),
	        JSON_FIELD("cgroup_parent", STRING, struct job, sandbox.cgroup_parent),
	};
	static const struct json_fields fields = JSON_FIELDS(rows);
	((struct job *)target)->has_sandbox = true;
	return json_read_fields(pull, &fields, target, arena, err);
}

static int read_canonical_run_id(struct json_pull *pull, void *target, struct arena *arena,
                                 struct error *err)
{
	return wire_read_run_id_text(pull, arena, &((struct job *)target)->canonical_run_id, err);
}

static const struct json_field fangs_rows[] = {
        JSON_FIELD_BY("run_id", read_canonical_run_id),
        JSON_FIELD("attempt", U32, struct job, attempt),
        JSON_FIELD("lease_expires_at", TIME, struct job, lease_expires_at_ns),
        JSON_FIELD("runner_id", STRING, struct job, runner_id),
};
static const struct json_fields fangs_fields = JSON_FIELDS(fangs_rows);

static const struct json_field job_rows[] = {
        JSON_FIELD("run_id", BYTES, struct job, run_id),
        JSON_FIELD("kind", STRING, struct job, kind),
        JSON_FIELD("package_name", STRING, struct job, package_name),
        JSON_FIELD("version", STRING, struct job, version),
        JSON_FIELD("cgroup_path", STRING, struct job, cgroup_path),
        JSON_FIELD_BY("watched_paths", read_watched_paths),
        JSON_FIELD("duration", I64, struct job, duration_ns),
        JSON_FIELD("dispatched_at", TIME, struct job, dispatched_at_ns),
        JSON_FIELD_BY("sandbox", read_sandbox),
        JSON_FIELD_NESTED("fangs", fangs_fields),
};
static const struct json_fields job_fields = JSON_FIELDS(job_rows);

int job_read_json(struct view json, struct arena *arena, struct job *ret, struct error *err)
{
	struct job job = {
	        .kind = "",
	        .package_name = "",
	        .version = "",
	        .cgroup_path = "",
	        .dispatched_at_ns = INT64_MIN, /* the zero time */
	        .sandbox = {.image = "",
	                    .working_dir = "",
	                    .user = "",
	                    .network_mode = "",
	                    .pull_policy = "",
	                    .cgroup_parent = ""},
	        .runner_id = "",
	};
	int rc = json_read_document(json, &job_fields, &job, arena, err);
	if (rc < 0)
		return rc;
	if (job.attempt == 0) { /* from a server that knows no attempts */
		job.attempt = 1;
		job.canonical_run_id = job.run_id;
	}
	*ret = job;
	return 0;
}

int job_read(const struct json *value, struct arena *arena, struct job *ret, struct error *err)
{
	if (!json_is_object(value))
		return error_set(err, EINVAL, "no job given");
	AUTO(free) char *text = json_to_text(value);
	return job_read_json(view_of_string(text), arena, ret, err);
}
