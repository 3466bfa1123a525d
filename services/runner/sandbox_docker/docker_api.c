// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_api.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"

enum {
	PATH_MAX_BYTES = 2048,
	STREAM_MAX_BYTES = 1 << 30, /* read piece by piece, never held */
	HTTP_CLIENT_ERROR = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_SERVER_ERROR = 500,
};

/* Docker 20.10, the oldest that is supported. */
static const char WRITTEN_FOR_VERSION[] = "1.41";

struct docker_api {
	struct http_client *http;
	char *socket_path;
	char prefix[DOCKER_VERSION_TEXT_MAX + sizeof("/v")];
};

struct docker_api *docker_api_open(const char *socket_path, const char *version,
                                   const atomic_bool *cancel, struct error *err)
{
	const struct http_client_options options = {
	        .user_agent = "fangs-runner/" FANGS_VERSION,
	        .unix_socket = socket_path,
	        .cancel = cancel,
	};
	struct http_client *http = http_client_create(&options, err);
	if (!http)
		return NULL;
	struct docker_api *api = xcalloc(1, sizeof(*api));
	api->http = http;
	api->socket_path = xstrdup(socket_path);
	if (version[0] != '\0')
		(void)snprintf(api->prefix, sizeof(api->prefix), "/v%s", version);
	return api;
}

void docker_api_close(struct docker_api *api)
{
	if (!api)
		return;
	http_client_destroy(api->http);
	free(api->socket_path);
	free(api);
}

/* "1.41" as 1041; 0 for anything else. */
static uint64_t version_number(const char *version)
{
	enum { MINOR_LIMIT = 1000 };
	struct view rest = view_of_string(version);
	struct view major_text = view_split(&rest, '.');
	uint64_t major, minor;
	if (!view_to_u64(major_text, &major) || !view_to_u64(rest, &minor) || major > MINOR_LIMIT ||
	    minor >= MINOR_LIMIT)
		return 0;
	return major * MINOR_LIMIT + minor;
}

void docker_api_choose_version(const char *newest, const char *oldest,
                               char version[DOCKER_VERSION_TEXT_MAX])
{
	const char *chosen = WRITTEN_FOR_VERSION;
	if (version_number(newest) > 0 && version_number(newest) < version_number(chosen))
		chosen = newest;
	if (version_number(oldest) > version_number(chosen))
		chosen = oldest;
	(void)snprintf(version, DOCKER_VERSION_TEXT_MAX, "%s", chosen);
}

/* Says what to do when there is no daemon at all. */
static int unreachable(const struct docker_api *api, struct error *err)
{
	if (err->code == ECANCELED)
		return -ECANCELED;
	if (access(api->socket_path, F_OK) < 0)
		return error_set_class(err, ERROR_RETRY, ENOENT,
		                       "no Docker socket at '%s': start Docker (systemctl start "
		                       "docker), or name its socket with --docker-socket",
		                       api->socket_path);
	if (access(api->socket_path, R_OK | W_OK) < 0)
		return error_set_class(err, ERROR_FATAL, EACCES,
		                       "no permission for the Docker socket '%s': run as root or "
		                       "as a member of group docker",
		                       api->socket_path);
	return error_wrap(err, "cannot ask the Docker daemon at '%s'", api->socket_path);
}

int docker_api_call(struct docker_api *api, const struct docker_call *call,
                    struct http_answer *answer, struct error *err)
{
	char url[PATH_MAX_BYTES];
	int size = snprintf(url, sizeof(url), "http://docker%s%s", api->prefix, call->path);
	if (size < 0 || (size_t)size >= sizeof(url)) {
		*answer = (struct http_answer){0};
		return error_set(err, E2BIG, "path of a Docker call is too long");
	}
	const struct http_header type = {"Content-Type", call->content_type};
	const struct http_call http_call = {
	        .method = call->method,
	        .url = url,
	        .headers = call->content_type ? &type : NULL,
	        .header_count = call->content_type ? 1 : 0,
	        .body = call->body,
	        .timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : DOCKER_CALL_TIMEOUT_MS,
	        .answer_max_bytes = call->on_data ? STREAM_MAX_BYTES : DOCKER_ANSWER_MAX_BYTES,
	        .on_data = call->on_data,
	        .ctx = call->ctx,
	};
	struct error local = {0};
	if (http_client_call(api->http, &http_call, answer, &local) == 0)
		return 0;
	int r = unreachable(api, &local);
	if (err)
		*err = local;
	return r;
}

int docker_api_refusal(const struct docker_call *call, const struct http_answer *answer,
                       struct error *err)
{
	AUTO(json) struct json *body = json_parse(buf_view(&answer->body), false, NULL);
	const char *message = json_string(json_get(body, "message"), "no message");
	struct view path = view_of_string(call->path);
	struct view shown = view_split(&path, '?');
	if (answer->status == HTTP_NOT_FOUND)
		return error_set(err, ENOENT, "Docker: %s", message);
	if (answer->status >= HTTP_CLIENT_ERROR && answer->status < HTTP_SERVER_ERROR)
		return error_set(err, EINVAL, "Docker refused %s %.*s (%ld): %s", call->method,
		                 VIEW_ARG(shown), answer->status, message);
	return error_set(err, EIO, "Docker failed at %s %.*s (%ld): %s", call->method,
	                 VIEW_ARG(shown), answer->status, message);
}

int docker_api_json(struct docker_api *api, const struct docker_call *call, long expected,
                    long also_expected, struct json **ret, struct error *err)
{
	struct http_answer answer = {0};
	int r = docker_api_call(api, call, &answer, err);
	if (r == 0 && answer.status != expected && answer.status != also_expected)
		r = docker_api_refusal(call, &answer, err);
	if (r == 0 && ret) {
		*ret = json_parse(buf_view(&answer.body), false, err);
		if (!*ret)
			r = error_wrap(err, "answer of Docker to %s %s", call->method, call->path);
	}
	http_answer_release(&answer);
	return r;
}
