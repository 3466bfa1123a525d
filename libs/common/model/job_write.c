// SPDX-License-Identifier: Apache-2.0
/* A job's JSON: keys in the wire's order, and what is empty left out as there. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/job.h"
#include "model/wire_parts.h"

static void write_watched_paths(struct json_writer *w, const struct job *job)
{
	json_member(w, "watched_paths");
	if (job->watched_path_count == 0) {
		json_put_null(w);
		return;
	}
	json_array(w);
	for (size_t i = 0; i < job->watched_path_count; i++) {
		json_object(w);
		json_member_string(w, "prefix", job->watched_paths[i].prefix);
		if (job->watched_paths[i].cred)
			json_member_bool(w, "cred_tagged", true);
		json_end_object(w);
	}
	json_end_array(w);
}

static size_t name_size(const char *variable)
{
	return strcspn(variable, "=");
}

static int compare_names(const void *a, const void *b)
{
	const char *left = *(const char *const *)a;
	const char *right = *(const char *const *)b;
	return view_compare(view_of(left, name_size(left)), view_of(right, name_size(right)));
}

/* The wire has an object with sorted keys. */
static void write_env(struct json_writer *w, const struct sandbox_spec *sandbox)
{
	const char *variables[JOB_ENV_MAX];
	size_t count = sandbox->env_count < JOB_ENV_MAX ? sandbox->env_count : JOB_ENV_MAX;
	if (count == 0)
		return;
	memcpy(variables, sandbox->env, count * sizeof(variables[0]));
	qsort(variables, count, sizeof(variables[0]), compare_names);
	json_member(w, "env");
	json_object(w);
	for (size_t i = 0; i < count; i++) {
		size_t size = name_size(variables[i]);
		AUTO(free) char *name = view_dup(view_of(variables[i], size));
		const char *value = variables[i] + size;
		json_member_string(w, name, *value == '=' ? value + 1 : value);
	}
	json_end_object(w);
}

static void write_command(struct json_writer *w, const struct sandbox_spec *sandbox)
{
	if (sandbox->command_count == 0)
		return;
	json_member(w, "command");
	json_array(w);
	for (size_t i = 0; i < sandbox->command_count; i++)
		json_put_string(w, sandbox->command[i]);
	json_end_array(w);
}

static void write_sandbox(struct json_writer *w, const struct sandbox_spec *sandbox)
{
	json_member(w, "sandbox");
	json_object(w);
	json_member_string(w, "image", sandbox->image ? sandbox->image : "");
	write_command(w, sandbox);
	write_env(w, sandbox);
	wire_member_text(w, "working_dir", sandbox->working_dir);
	wire_member_text(w, "user", sandbox->user);
	wire_member_text(w, "network_mode", sandbox->network_mode);
	wire_member_number(w, "memory_bytes", sandbox->memory_bytes);
	wire_member_number(w, "nano_cpus", sandbox->nano_cpus);
	wire_member_number(w, "pids_limit", sandbox->pids_limit);
	wire_member_text(w, "pull_policy", sandbox->pull_policy);
	wire_member_number(w, "grace_period", sandbox->grace_period_ns);
	wire_member_text(w, "cgroup_parent", sandbox->cgroup_parent);
	json_end_object(w);
}

static void write_fangs(struct json_writer *w, const struct job *job)
{
	char run_id[RUN_ID_TEXT_SIZE];
	run_id_format(&job->canonical_run_id, run_id);
	json_member(w, "fangs");
	json_object(w);
	json_member_string(w, "run_id", run_id);
	json_member_uint(w, "attempt", job->attempt);
	if (job->lease_expires_at_ns)
		wire_member_time(w, "lease_expires_at", job->lease_expires_at_ns);
	wire_member_text(w, "runner_id", job->runner_id);
	json_end_object(w);
}

void job_write_json(struct buf *out, const struct job *job, bool with_fangs)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	wire_member_run_id(&w, "run_id", &job->run_id);
	json_member_string(&w, "kind", job->kind ? job->kind : "");
	wire_member_text(&w, "package_name", job->package_name);
	wire_member_text(&w, "version", job->version);
	wire_member_text(&w, "cgroup_path", job->cgroup_path);
	write_watched_paths(&w, job);
	json_member_int(&w, "duration", job->duration_ns);
	wire_member_time(&w, "dispatched_at", job->dispatched_at_ns);
	if (job->has_sandbox)
		write_sandbox(&w, &job->sandbox);
	if (with_fangs)
		write_fangs(&w, job);
	json_end_object(&w);
}
