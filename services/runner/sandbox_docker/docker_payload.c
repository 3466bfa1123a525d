// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_payload.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "sandbox_docker/docker_seccomp.h"
#include "json/json_writer.h"

static const char DEFAULT_USER[] = "1000:1000";
static const char DEFAULT_NETWORK[] = "bridge";

static const struct ulimit {
	const char *name;
	int64_t soft, hard;
} ulimits[] = {
        {"nofile", 1024, 2048},
        {"nproc", 256, 256},
        {"fsize", 256 << 20, 256 << 20},
};

/* npm's own traffic and writes are the same in every run and only hide what a package does. A job
 * that sets one of these keeps its own. */
static const struct variable {
	const char *name, *value;
} quiet_npm[] = {
        {"npm_config_audit", "false"},
        {"npm_config_fund", "false"},
        {"npm_config_update_notifier", "false"},
};

static const char *or_default(const char *text, const char *fallback)
{
	return text && text[0] != '\0' ? text : fallback;
}

static int64_t or_number(int64_t number, int64_t fallback)
{
	return number > 0 ? number : fallback;
}

/* npm reads npm_config_* in any case. */
static bool job_sets(const struct sandbox_spec *spec, const char *name)
{
	size_t size = strlen(name);
	for (size_t i = 0; i < spec->env_count; i++) {
		struct view entry = view_of_string(spec->env[i]);
		if (entry.size > size && entry.data[size] == '=' &&
		    view_equal_ignoring_case(view_of(entry.data, size), view_of(name, size)))
			return true;
	}
	return false;
}

static void write_variable(struct json_writer *w, const struct sandbox_spec *spec, const char *name,
                           const char *value)
{
	if (job_sets(spec, name))
		return;
	enum { TEXT_MAX = 1024 };
	char text[TEXT_MAX];
	(void)snprintf(text, sizeof(text), "%s=%s", name, value);
	json_put_string(w, text);
}

static void write_env(struct json_writer *w, const struct sandbox_request *request)
{
	json_member(w, "Env");
	json_array(w);
	for (size_t i = 0; i < request->spec->env_count; i++)
		json_put_string(w, request->spec->env[i]);
	for (size_t i = 0; i < sizeof(quiet_npm) / sizeof(quiet_npm[0]); i++)
		write_variable(w, request->spec, quiet_npm[i].name, quiet_npm[i].value);
	if (request->npm_registry[0] != '\0')
		write_variable(w, request->spec, "npm_config_registry", request->npm_registry);
	json_end_array(w);
}

/* Init runs the image's entrypoint with the command, as Docker itself would. */
static int write_command(struct json_writer *w, const struct docker_payload *payload,
                         struct error *err)
{
	const struct sandbox_spec *spec = payload->request->spec;
	char grace[64];
	(void)snprintf(grace, sizeof(grace), "--grace-ms=%lld",
	               (long long)(spec->grace_period_ns / NS_PER_MS));
	json_member(w, "Entrypoint");
	json_array(w);
	json_put_string(w, DOCKER_INIT_PATH);
	json_put_string(w, grace);
	json_put_string(w, "--gate");
	json_put_string(w, "--");
	json_end_array(w);

	size_t words = 0;
	json_member(w, "Cmd");
	json_array(w);
	for (const char *const *word = payload->entrypoint; *word; word++, words++)
		json_put_string(w, *word);
	for (size_t i = 0; i < spec->command_count; i++, words++)
		json_put_string(w, spec->command[i]);
	if (spec->command_count == 0) {
		for (const char *const *word = payload->command; *word; word++, words++)
			json_put_string(w, *word);
	}
	json_end_array(w);
	if (words == 0)
		return error_set(err, ENOENT, "neither the job nor image '%s' names a command",
		                 spec->image);
	return 0;
}

static void write_labels(struct json_writer *w, const struct sandbox_request *request)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(request->run_id, id);
	json_member(w, "Labels");
	json_object(w);
	json_member_string(w, DOCKER_LABEL_ROLE, DOCKER_ROLE_SANDBOX);
	json_member_string(w, DOCKER_LABEL_RUN, id);
	json_member_string(w, DOCKER_LABEL_RUNNER, request->runner_id);
	json_end_object(w);
}

/* /tmp stays as the seed's table has it. The documented command installs in /tmp/test: native
 * install scripts (esbuild, bufferutil) would die of EACCES on a noexec mount and never be
 * observed, so that folder is a mount of its own that may execute. What is written there counts
 * against the memory limit, as all tmpfs does: its size is a ceiling, not a promise. */
static void write_tmpfs(struct json_writer *w, int64_t workdir_bytes)
{
	char workdir[96];
	(void)snprintf(workdir, sizeof(workdir), "rw,nosuid,nodev,exec,size=%lld",
	               (long long)workdir_bytes);
	json_member(w, "Tmpfs");
	json_object(w);
	json_member_string(w, "/run", "rw,nosuid,nodev,size=16m");
	json_member_string(w, "/tmp", "rw,nosuid,nodev,noexec,size=256m");
	json_member_string(w, "/tmp/test", workdir);
	json_end_object(w);
}

static void write_ulimits(struct json_writer *w)
{
	json_member(w, "Ulimits");
	json_array(w);
	for (size_t i = 0; i < sizeof(ulimits) / sizeof(ulimits[0]); i++) {
		json_object(w);
		json_member_string(w, "Name", ulimits[i].name);
		json_member_int(w, "Soft", ulimits[i].soft);
		json_member_int(w, "Hard", ulimits[i].hard);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_security(struct json_writer *w, unsigned seccomp_deny)
{
	enum { PROFILE_MAX_BYTES = 64 << 10 };
	json_member(w, "SecurityOpt");
	json_array(w);
	json_put_string(w, "no-new-privileges:true");
	if (seccomp_deny) {
		AUTO(buf) struct buf profile;
		buf_init(&profile, PROFILE_MAX_BYTES);
		docker_seccomp_write(&profile, seccomp_deny);
		json_put_view(w, buf_view(&profile));
	}
	json_end_array(w);
}

static void write_fixed_limits(struct json_writer *w)
{
	json_member_raw(w, "CapDrop", VIEW_LITERAL("[\"ALL\"]"));
	json_member_raw(w, "RestartPolicy", VIEW_LITERAL("{\"Name\":\"no\"}"));
	json_member_raw(w, "LogConfig",
	                VIEW_LITERAL("{\"Type\":\"json-file\",\"Config\":"
	                             "{\"max-file\":\"3\",\"max-size\":\"10m\"}}"));
	json_member_string(w, "PidMode", "");
	json_member_string(w, "IpcMode", "");
	json_member_string(w, "UTSMode", "");
}

static void write_host_config(struct json_writer *w, const struct docker_payload *payload)
{
	const struct sandbox_spec *spec = payload->request->spec;
	json_member(w, "HostConfig");
	json_object(w);
	json_member_string(w, "CgroupParent", payload->cgroup_parent);
	json_member_int(w, "Memory", or_number(spec->memory_bytes, SANDBOX_MEMORY_BYTES));
	json_member_int(w, "NanoCpus", or_number(spec->nano_cpus, SANDBOX_NANO_CPUS));
	json_member_int(w, "PidsLimit", or_number(spec->pids_limit, SANDBOX_PIDS));
	json_member_string(w, "NetworkMode", or_default(spec->network_mode, DEFAULT_NETWORK));
	write_fixed_limits(w);
	write_security(w, payload->seccomp_deny);
	write_tmpfs(w, payload->request->workdir_bytes);
	write_ulimits(w);
	json_end_object(w);
}

int docker_payload_write(struct buf *out, const struct docker_payload *payload, struct error *err)
{
	const struct sandbox_spec *spec = payload->request->spec;
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "Image", payload->image);
	json_member_string(&w, "User", or_default(spec->user, DEFAULT_USER));
	json_member_string(&w, "WorkingDir", or_default(spec->working_dir, ""));
	int r = write_command(&w, payload, err);
	write_env(&w, payload->request);
	write_labels(&w, payload->request);
	write_host_config(&w, payload);
	json_end_object(&w);
	if (r == 0 && out->overflowed)
		r = error_set(err, E2BIG, "sandbox: command and environment are too large");
	return r;
}
