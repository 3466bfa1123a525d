// SPDX-License-Identifier: Apache-2.0
/* What is run for a release when nobody says otherwise. */
#include <errno.h>

#include "base/clock.h"
#include "model/job.h"

const struct watched_path job_default_watched_paths[] = {
        {"/etc/", false},
        {"/etc/shadow", true},
        {"/etc/passwd", true},
        {"/root/", false},
        {"/root/.ssh/", true},
        {"/root/.aws/", true},
        {"/root/.npmrc", true},
        {"/root/.docker/", true},
        {"/root/.kube/", true},
        {"/root/.gnupg/", true},
        {"/proc/self/environ", true},
        {"/tmp/", false},
        {"/usr/", false},
        {"/dev/", false},
};
const size_t job_default_watched_path_count =
        sizeof(job_default_watched_paths) / sizeof(job_default_watched_paths[0]);

static const int64_t DEFAULT_DURATION_NS = 60 * NS_PER_S;
static const int64_t DEFAULT_GRACE_NS = 2 * NS_PER_S;

/* The documented command; what reads it greps for it. Existing runners know of a failure only by
 * the exit status, which would always be 0: npm removes what it cannot install. */
static const char COMMAND_FORMAT[] =
        "cd /tmp && mkdir -p test && cd test && npm init -y >/dev/null 2>&1 && "
        "npm install %s@%s 2>&1 | tail -3; sleep 2; [ -e node_modules/%s/package.json ]";

static struct sandbox_spec default_sandbox(struct arena *arena, const char *package,
                                           const char *version, const char *registry)
{
	struct sandbox_spec sandbox = {
	        .image = "node:20-slim",
	        .working_dir = "",
	        .user = "0:0",
	        .network_mode = "bridge",
	        .pull_policy = "missing",
	        .cgroup_parent = "",
	        .grace_period_ns = DEFAULT_GRACE_NS,
	};
	sandbox.command_count = 3;
	sandbox.command = arena_alloc(arena, sandbox.command_count, sizeof(*sandbox.command));
	sandbox.command[0] = "sh";
	sandbox.command[1] = "-c";
	sandbox.command[2] = arena_printf(arena, COMMAND_FORMAT, package, version, package);
	if (registry && *registry) {
		sandbox.env_count = 1;
		sandbox.env = arena_alloc(arena, sandbox.env_count, sizeof(*sandbox.env));
		sandbox.env[0] = arena_printf(arena, "npm_config_registry=%s", registry);
	}
	return sandbox;
}

int job_default_scan(struct arena *arena, const char *package, const char *version,
                     const char *registry, struct job *ret, struct error *err)
{
	if (!package_name_valid(package))
		return error_set(err, EINVAL, "'%.*s' is not an npm package name", PACKAGE_NAME_MAX,
		                 package);
	if (!package_version_valid(version))
		return error_set(err, EINVAL, "'%.*s' is not a version of an npm package",
		                 PACKAGE_VERSION_MAX, version);
	struct watched_path *paths =
	        arena_alloc(arena, job_default_watched_path_count, sizeof(*paths));
	memcpy(paths, job_default_watched_paths, sizeof(job_default_watched_paths));
	*ret = (struct job){
	        .kind = "sandbox_scan",
	        .package_name = arena_strdup(arena, package),
	        .version = arena_strdup(arena, version),
	        .cgroup_path = "",
	        .watched_paths = paths,
	        .watched_path_count = job_default_watched_path_count,
	        .duration_ns = DEFAULT_DURATION_NS,
	        .has_sandbox = true,
	        .sandbox = default_sandbox(arena, package, version, registry),
	        .runner_id = "",
	};
	return 0;
}
