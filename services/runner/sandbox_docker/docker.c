// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "sandbox_docker/docker_container.h"
#include "sandbox_docker/docker_image.h"
#include "sandbox_docker/docker_payload.h"

enum {
	HTTP_OK = 200,
	VERSION_MAX = 32,
	VERSIONS_CACHED = 32,
	PACKAGE_JSON_MAX_BYTES = 1 << 20,
	PAYLOAD_MAX_BYTES = 4 << 20,
	INIT_MODE = 0755,
	PING_TIMEOUT_MS = 5000,
};

/* npm's version by image id: reading it costs a look into the container's file system. */
struct npm_version {
	char image_id[DOCKER_ID_MAX];
	char version[VERSION_MAX];
};

struct docker_driver {
	struct sandbox_driver base;
	char *socket_path;
	int64_t pull_timeout_ms;
	struct view init;
	unsigned seccomp_deny;
	char version[DOCKER_VERSION_TEXT_MAX]; /* of the API; written by check only */
	pthread_mutex_t lock;
	struct npm_version versions[VERSIONS_CACHED]; /* a ring; under the lock */
	size_t next_version;
};

/* sandbox.h's opaque type. */
struct sandbox {
	struct docker_driver *driver;
	const struct sandbox_request *request;
	struct docker_api *api;     /* for what must work after an interrupt, too */
	struct docker_api *patient; /* for what may take long: ends when interrupted */
	struct arena arena;
	struct docker_image image;
	char id[DOCKER_ID_MAX];
	char npm_version[VERSION_MAX];
	pid_t process; /* of the container's init, once asked for; 0 when not seen from here */
};

static struct docker_driver *of(struct sandbox_driver *driver)
{
	return (struct docker_driver *)driver;
}

static struct docker_api *connect_to(const struct docker_driver *driver, const atomic_bool *cancel,
                                     struct error *err)
{
	return docker_api_open(driver->socket_path, driver->version, cancel, err);
}

/* The daemon. -------------------------------------------------------------------------------- */

static void docker_destroy(struct sandbox_driver *base)
{
	struct docker_driver *driver = of(base);
	pthread_mutex_destroy(&driver->lock);
	free(driver->socket_path);
	free(driver);
}

static int ask_version(struct docker_driver *driver, struct sandbox_facts *ret, struct error *err)
{
	AUTO(docker_api)
	struct docker_api *api = docker_api_open(driver->socket_path, "", NULL, err);
	if (!api)
		return -err->code;
	const struct docker_call call = {
	        .method = "GET", .path = "/version", .timeout_ms = PING_TIMEOUT_MS};
	AUTO(json) struct json *answer = NULL;
	int r = docker_api_json(api, &call, HTTP_OK, 0, &answer, err);
	if (r < 0)
		return r;
	docker_api_choose_version(json_string(json_get(answer, "ApiVersion"), ""),
	                          json_string(json_get(answer, "MinAPIVersion"), ""),
	                          driver->version);
	(void)snprintf(ret->engine, sizeof(ret->engine), "Docker %s",
	               json_string(json_get(answer, "Version"), "of unknown version"));
	return 0;
}

static int docker_check(struct sandbox_driver *base, struct sandbox_facts *ret, struct error *err)
{
	struct docker_driver *driver = of(base);
	int r = ask_version(driver, ret, err);
	if (r < 0)
		return r;
	AUTO(docker_api) struct docker_api *api = connect_to(driver, NULL, err);
	if (!api)
		return -err->code;
	const struct docker_call call = {.method = "GET", .path = "/info"};
	AUTO(json) struct json *info = NULL;
	r = docker_api_json(api, &call, HTTP_OK, 0, &info, err);
	if (r < 0)
		return r;
	const char *cgroups = json_string(json_get(info, "CgroupDriver"), "");
	ret->cgroup_naming =
	        strcmp(cgroups, "systemd") == 0 ? CGROUP_NAMED_BY_SLICE : CGROUP_NAMED_BY_PATH;
	(void)snprintf(ret->details, sizeof(ret->details), "API %s, cgroup driver %s (v%s), %s",
	               driver->version, cgroups, json_string(json_get(info, "CgroupVersion"), "1"),
	               json_string(json_get(info, "Driver"), "unknown storage"));
	return 0;
}

static int docker_ping(struct sandbox_driver *base, struct error *err)
{
	AUTO(docker_api) struct docker_api *api = connect_to(of(base), NULL, err);
	if (!api)
		return -err->code;
	const struct docker_call call = {
	        .method = "GET", .path = "/_ping", .timeout_ms = PING_TIMEOUT_MS};
	return docker_api_json(api, &call, HTTP_OK, 0, NULL, err);
}

static int docker_sweep(struct sandbox_driver *base, const char *runner_id, struct error *err)
{
	AUTO(docker_api) struct docker_api *api = connect_to(of(base), NULL, err);
	if (!api)
		return -err->code;
	return docker_container_sweep(api, runner_id, err);
}

/* Life of one sandbox. ----------------------------------------------------------------------- */

static void docker_close(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	docker_api_close(sandbox->api);
	docker_api_close(sandbox->patient);
	arena_release(&sandbox->arena);
	free(sandbox);
}

static struct sandbox *docker_open(struct sandbox_driver *base,
                                   const struct sandbox_request *request, struct error *err)
{
	struct sandbox *sandbox = xcalloc(1, sizeof(*sandbox));
	sandbox->driver = of(base);
	sandbox->request = request;
	arena_init(&sandbox->arena);
	sandbox->api = connect_to(sandbox->driver, NULL, err);
	if (sandbox->api)
		sandbox->patient = connect_to(sandbox->driver, request->interrupt, err);
	if (!sandbox->patient) {
		docker_close(sandbox);
		return NULL;
	}
	return sandbox;
}

static int docker_prepare(struct sandbox *sandbox, struct error *err)
{
	const struct sandbox_spec *spec = sandbox->request->spec;
	return docker_image_provide(
	        sandbox->patient, spec->image, spec->pull_policy ? spec->pull_policy : "",
	        sandbox->driver->pull_timeout_ms, &sandbox->arena, &sandbox->image, err);
}

static bool recall_npm_version(struct sandbox *sandbox)
{
	struct docker_driver *driver = sandbox->driver;
	bool found = false;
	pthread_mutex_lock(&driver->lock);
	for (size_t i = 0; i < VERSIONS_CACHED && !found; i++) {
		const struct npm_version *known = &driver->versions[i];
		found = strcmp(known->image_id, sandbox->image.id) == 0;
		if (found)
			(void)snprintf(sandbox->npm_version, sizeof(sandbox->npm_version), "%s",
			               known->version);
	}
	pthread_mutex_unlock(&driver->lock);
	return found;
}

static void remember_npm_version(struct sandbox *sandbox)
{
	struct docker_driver *driver = sandbox->driver;
	pthread_mutex_lock(&driver->lock);
	struct npm_version *known = &driver->versions[driver->next_version++ % VERSIONS_CACHED];
	(void)snprintf(known->image_id, sizeof(known->image_id), "%s", sandbox->image.id);
	(void)snprintf(known->version, sizeof(known->version), "%s", sandbox->npm_version);
	pthread_mutex_unlock(&driver->lock);
}

/* Where images keep npm: the official ones, those of NodeSource, Debian's packages. An image
 * without npm has no version; that is no failure. */
static void find_npm_version(struct sandbox *sandbox)
{
	static const char *const places[] = {
	        "/usr/local/lib/node_modules/npm/package.json",
	        "/usr/lib/node_modules/npm/package.json",
	        "/usr/share/nodejs/npm/package.json",
	};
	if (recall_npm_version(sandbox))
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		AUTO(buf) struct buf text;
		buf_init(&text, PACKAGE_JSON_MAX_BYTES);
		struct error ignored = {0};
		if (docker_container_get_file(sandbox->api, sandbox->id, places[i], &text,
		                              &ignored) < 0)
			continue;
		AUTO(json) struct json *package = json_parse(buf_view(&text), false, &ignored);
		(void)snprintf(sandbox->npm_version, sizeof(sandbox->npm_version), "%s",
		               json_string(json_get(package, "version"), ""));
		break;
	}
	remember_npm_version(sandbox);
}

static int docker_create(struct sandbox *sandbox, const char *cgroup_parent, struct error *err)
{
	const struct docker_payload payload = {
	        .request = sandbox->request,
	        .seccomp_deny = sandbox->driver->seccomp_deny,
	        .image = sandbox->image.reference,
	        .entrypoint = sandbox->image.entrypoint,
	        .command = sandbox->image.command,
	        .cgroup_parent = cgroup_parent,
	};
	AUTO(buf) struct buf body;
	buf_init(&body, PAYLOAD_MAX_BYTES);
	int r = docker_payload_write(&body, &payload, err);
	if (r == 0)
		r = docker_container_create(sandbox->api, buf_view(&body), sandbox->id, err);
	if (r == 0)
		r = docker_container_put_file(sandbox->api, sandbox->id, DOCKER_INIT_PATH,
		                              INIT_MODE, sandbox->driver->init, err);
	if (r == 0)
		find_npm_version(sandbox);
	return r;
}

static int docker_start(struct sandbox *sandbox, struct error *err)
{
	return docker_container_start(sandbox->api, sandbox->id, err);
}

static int docker_main_process(struct sandbox *sandbox, pid_t *ret, struct error *err)
{
	int r = docker_container_process(sandbox->api, sandbox->id, &sandbox->process, err);
	*ret = sandbox->process;
	return r;
}

static int docker_let_go(struct sandbox *sandbox, struct error *err)
{
	int r = 0;
	if (sandbox->process == 0)
		r = docker_container_process(sandbox->api, sandbox->id, &sandbox->process, err);
	return r < 0 ? r
	             : docker_container_let_go(sandbox->api, sandbox->id, sandbox->process, err);
}

static int docker_wait(struct sandbox *sandbox, int64_t timeout_ms, struct sandbox_end *ret,
                       struct error *err)
{
	return docker_container_wait(sandbox->patient, sandbox->id, timeout_ms, ret, err);
}

static void docker_image_facts(const struct sandbox *sandbox, struct sandbox_image *ret)
{
	*ret = (struct sandbox_image){
	        .digest = sandbox->image.digest ? sandbox->image.digest : "",
	        .node_version = sandbox->image.node_version ? sandbox->image.node_version : "",
	        .npm_version = sandbox->npm_version,
	};
}

static const char *docker_init_path(const struct sandbox *sandbox)
{
	(void)sandbox;
	return DOCKER_INIT_PATH;
}

static int docker_remove(struct sandbox *sandbox, struct error *err)
{
	if (sandbox->id[0] == '\0')
		return 0;
	/* Removal by force kills, so what is in a hurry need not be asked to end first, and a
	 * failed stop only costs the command its last words. */
	if (!atomic_load(sandbox->request->interrupt))
		(void)docker_container_stop(sandbox->api, sandbox->id, NULL);
	int r = docker_container_remove(sandbox->api, sandbox->id, err);
	if (r == 0)
		sandbox->id[0] = '\0';
	return r;
}

static const struct sandbox_driver_ops docker_ops = {
        .name = "docker",
        .destroy = docker_destroy,
        .check = docker_check,
        .ping = docker_ping,
        .sweep = docker_sweep,
        .open = docker_open,
        .prepare = docker_prepare,
        .create = docker_create,
        .start = docker_start,
        .main_process = docker_main_process,
        .let_go = docker_let_go,
        .wait = docker_wait,
        .image = docker_image_facts,
        .init_path = docker_init_path,
        .remove = docker_remove,
        .close = docker_close,
};

struct sandbox_driver *docker_driver_create(const struct docker_options *options)
{
	struct docker_driver *driver = xcalloc(1, sizeof(*driver));
	driver->base.ops = &docker_ops;
	driver->socket_path = xstrdup(options->socket_path);
	driver->pull_timeout_ms = options->pull_timeout_ms;
	driver->init = options->init;
	driver->seccomp_deny = options->seccomp_deny;
	pthread_mutex_init(&driver->lock, NULL);
	return &driver->base;
}
