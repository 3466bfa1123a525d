// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "init/gate.h"
#include "sandbox_docker/docker_payload.h"
#include "sandbox_docker/tar.h"

enum {
	HTTP_OK = 200,
	HTTP_CREATED = 201,
	HTTP_NO_CONTENT = 204,
	HTTP_NOT_MODIFIED = 304,
	HTTP_NOT_FOUND = 404,
	PATH_MAX_BYTES = 512,
	ARCHIVE_MAX_BYTES = 8 << 20,
	PROC_PATH_MAX = 64,
	LET_GO_MS = 10000, /* for init to be ready for it */
	GATE_POLL_US = 1000,
	LET_GO_TIMES = 5,
	LET_GO_PAUSE_US = 200000,
	WAIT_PIECE_MS = 60000, /* a daemon that went away silently is noticed after this */
};

int docker_container_create(struct docker_api *api, struct view payload, char id[DOCKER_ID_MAX],
                            struct error *err)
{
	const struct docker_call call = {
	        .method = "POST",
	        .path = "/containers/create",
	        .content_type = "application/json",
	        .body = payload,
	};
	AUTO(json) struct json *created = NULL;
	int r = docker_api_json(api, &call, HTTP_CREATED, 0, &created, err);
	if (r < 0)
		return r;
	const char *given = json_string(json_get(created, "Id"), "");
	if (given[0] == '\0' || strlen(given) >= DOCKER_ID_MAX)
		return error_set(err, EPROTO, "Docker created a container and gave no id");
	(void)snprintf(id, DOCKER_ID_MAX, "%s", given);
	return 0;
}

static int post(struct docker_api *api, const char *path, int64_t timeout_ms, struct error *err)
{
	const struct docker_call call = {
	        .method = "POST",
	        .path = path,
	        .body = VIEW_LITERAL(""),
	        .timeout_ms = timeout_ms,
	};
	return docker_api_json(api, &call, HTTP_NO_CONTENT, HTTP_NOT_MODIFIED, NULL, err);
}

int docker_container_start(struct docker_api *api, const char *id, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/containers/%s/start", id);
	return post(api, path, 0, err);
}

/* The gate. ---------------------------------------------------------------------------------- */

/* A process number of another pid namespace means somebody else here. */
static bool is_of_container(pid_t pid, const char *id)
{
	char path[PROC_PATH_MAX], line[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	AUTO(fclose) FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, id))
			return true;
	return false;
}

/* The engine's description of the container. */
static int inspect(struct docker_api *api, const char *id, struct json **ret, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/containers/%s/json", id);
	const struct docker_call call = {.method = "GET", .path = path};
	return docker_api_json(api, &call, HTTP_OK, 0, ret, err);
}

int docker_container_process(struct docker_api *api, const char *id, pid_t *ret, struct error *err)
{
	AUTO(json) struct json *container = NULL;
	int r = inspect(api, id, &container, err);
	if (r < 0)
		return r;
	*ret = (pid_t)json_int(json_get(json_get(container, "State"), "Pid"), 0);
	if (*ret > 0 && !is_of_container(*ret, id))
		*ret = 0;
	return 0;
}

/* Before that a signal is lost: the first process of a pid namespace hears only what it handles. */
static bool waits_at_gate(pid_t pid)
{
	char path[PROC_PATH_MAX], line[PATH_MAX_BYTES] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	AUTO(fclose) FILE *file = fopen(path, "re");
	return file && fgets(line, sizeof(line), file) &&
	       strcmp(line, "Name:\t" GATE_PROCESS_NAME "\n") == 0;
}

static int let_go_by_daemon(struct docker_api *api, const char *id, struct error *err)
{
	char path[PATH_MAX_BYTES];
	int r = 0;
	(void)snprintf(path, sizeof(path), "/containers/%s/kill?signal=USR1", id);
	for (int i = 0; i < LET_GO_TIMES && r == 0; i++) {
		(void)usleep(LET_GO_PAUSE_US);
		r = post(api, path, 0, err);
	}
	return r;
}

int docker_container_let_go(struct docker_api *api, const char *id, pid_t pid, struct error *err)
{
	if (pid == 0)
		return let_go_by_daemon(api, id, err);
	int64_t deadline_ms = clock_monotonic_ms() + LET_GO_MS;
	while (!waits_at_gate(pid)) {
		if (clock_monotonic_ms() > deadline_ms)
			return error_set_class(err, ERROR_RETRY, ETIMEDOUT,
			                       "the sandbox's first process does not wait for its "
			                       "start");
		(void)usleep(GATE_POLL_US);
	}
	if (kill(pid, SIGUSR1) < 0)
		return error_set_errno(err, errno, "cannot start the sandbox's command");
	return 0;
}

/* Waiting. ----------------------------------------------------------------------------------- */

/* 1: ended; 0: runs. */
static int read_state(struct docker_api *api, const char *id, struct sandbox_end *ret,
                      struct error *err)
{
	AUTO(json) struct json *container = NULL;
	int r = inspect(api, id, &container, err);
	if (r < 0)
		return r;
	const struct json *state = json_get(container, "State");
	const char *status = json_string(json_get(state, "Status"), "");
	if (strcmp(status, "exited") != 0 && strcmp(status, "dead") != 0)
		return 0;
	ret->exit_code = (int)json_int(json_get(state, "ExitCode"), -1);
	ret->out_of_memory = json_bool(json_get(state, "OOMKilled"), false);
	(void)snprintf(ret->message, sizeof(ret->message), "%s",
	               json_string(json_get(state, "Error"), ""));
	return 1;
}

int docker_container_wait(struct docker_api *api, const char *id, int64_t timeout_ms,
                          struct sandbox_end *ret, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/containers/%s/wait", id);
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	for (;;) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		if (left_ms <= 0)
			return read_state(api, id, ret, err);
		const struct docker_call call = {
		        .method = "POST",
		        .path = path,
		        .body = VIEW_LITERAL(""),
		        .timeout_ms = left_ms < WAIT_PIECE_MS ? left_ms : WAIT_PIECE_MS,
		};
		struct error waiting = {0};
		int r = docker_api_json(api, &call, HTTP_OK, 0, NULL, &waiting);
		if (r == -ECANCELED || r == -ENOENT) {
			if (err)
				*err = waiting;
			return r;
		}
		/* Ended, or this piece of the wait is over, or the daemon had a moment's
		 * trouble: the container's own state tells. */
		r = read_state(api, id, ret, err);
		if (r != 0)
			return r;
	}
}

/* Ending. ------------------------------------------------------------------------------------ */

int docker_container_stop(struct docker_api *api, const char *id, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/containers/%s/stop?t=%d", id, DOCKER_STOP_SECONDS);
	int r = post(api, path, DOCKER_REMOVE_TIMEOUT_MS, err);
	return r == -ENOENT ? 0 : r;
}

int docker_container_remove(struct docker_api *api, const char *id, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/containers/%s?force=true&v=true", id);
	const struct docker_call call = {
	        .method = "DELETE",
	        .path = path,
	        .timeout_ms = DOCKER_REMOVE_TIMEOUT_MS,
	};
	return docker_api_json(api, &call, HTTP_NO_CONTENT, HTTP_NOT_FOUND, NULL, err);
}

int docker_container_sweep(struct docker_api *api, const char *runner_id, struct error *err)
{
	/* filters={"label":["io.fangs.role=sandbox"]} */
	static const char path[] =
	        "/containers/json?all=1&filters="
	        "%7B%22label%22%3A%5B%22" DOCKER_LABEL_ROLE "%3D" DOCKER_ROLE_SANDBOX "%22%5D%7D";
	const struct docker_call call = {.method = "GET", .path = path};
	AUTO(json) struct json *containers = NULL;
	int r = docker_api_json(api, &call, HTTP_OK, 0, &containers, err);
	if (r < 0)
		return r;
	int removed = 0;
	for (const struct json *c = json_first(containers); c; c = json_next(c)) {
		const char *owner =
		        json_string(json_get(json_get(c, "Labels"), DOCKER_LABEL_RUNNER), "");
		const char *id = json_string(json_get(c, "Id"), "");
		if (strcmp(owner, runner_id) != 0 || strlen(id) >= DOCKER_ID_MAX)
			continue;
		r = docker_container_remove(api, id, err);
		if (r < 0)
			return r;
		removed++;
	}
	return removed;
}

/* Files. ------------------------------------------------------------------------------------- */

int docker_container_put_file(struct docker_api *api, const char *id, const char *path,
                              uint32_t mode, struct view content, struct error *err)
{
	AUTO(buf) struct buf archive;
	buf_init(&archive, ARCHIVE_MAX_BYTES);
	tar_write_file(&archive, path + 1, mode, content); /* names in archives are relative */
	char url[PATH_MAX_BYTES];
	(void)snprintf(url, sizeof(url), "/containers/%s/archive?path=/", id);
	const struct docker_call call = {
	        .method = "PUT",
	        .path = url,
	        .content_type = "application/x-tar",
	        .body = buf_view(&archive),
	};
	int r = docker_api_json(api, &call, HTTP_OK, 0, NULL, err);
	return r < 0 ? error_wrap(err, "cannot put '%s' into the container", path) : 0;
}

int docker_container_get_file(struct docker_api *api, const char *id, const char *path,
                              struct buf *ret, struct error *err)
{
	char url[PATH_MAX_BYTES];
	(void)snprintf(url, sizeof(url), "/containers/%s/archive?path=%s", id, path);
	const struct docker_call call = {.method = "GET", .path = url};
	struct http_answer answer = {0};
	int r = docker_api_call(api, &call, &answer, err);
	if (r == 0 && answer.status != HTTP_OK)
		r = docker_api_refusal(&call, &answer, err);
	if (r == 0)
		buf_append_view(ret, tar_first_file(buf_view(&answer.body)));
	http_answer_release(&answer);
	return r;
}
