// SPDX-License-Identifier: Apache-2.0
/*
 * Calls of the Docker Engine API over its UNIX socket.
 *
 * One connection belongs to one thread. The API version is what check found (docker_api_negotiate);
 * paths are given without it.
 */
#ifndef FANGS_RUNNER_DOCKER_API_H
#define FANGS_RUNNER_DOCKER_API_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "http/http_client.h"
#include "json/json.h"

enum {
	DOCKER_CALL_TIMEOUT_MS = 60000,
	DOCKER_ANSWER_MAX_BYTES = 4 << 20,
	DOCKER_VERSION_TEXT_MAX = 16,
};

struct docker_api;

/* `version` "1.41" or "" (the daemon's own). `cancel` may be NULL. Strings are copied. */
struct docker_api *docker_api_open(const char *socket_path, const char *version,
                                   const atomic_bool *cancel, struct error *err);
void docker_api_close(struct docker_api *api);
DEFINE_AUTO(docker_api, struct docker_api *, docker_api_close)

/* The version to speak with a daemon that knows `newest` down to `oldest`: the one that this
 * program was written for when it can be had. */
void docker_api_choose_version(const char *newest, const char *oldest,
                               char version[DOCKER_VERSION_TEXT_MAX]);

struct docker_call {
	const char *method;
	const char *path; /* "/containers/json?all=1" */
	const char *content_type;
	struct view body;
	int64_t timeout_ms; /* 0: DOCKER_CALL_TIMEOUT_MS */
	int (*on_data)(void *ctx, struct view piece);
	void *ctx;
};

/* The answer with any status; negative when the daemon could not be asked, with a sentence that
 * says how to get one. The caller releases the answer in both cases. */
int docker_api_call(struct docker_api *api, const struct docker_call *call,
                    struct http_answer *answer, struct error *err);

/* As above, for calls whose answer is JSON or nothing: other statuses than the two given (0: only
 * one) are errors with the daemon's own message, ENOENT for 404. `ret` may be NULL. */
int docker_api_json(struct docker_api *api, const struct docker_call *call, long expected,
                    long also_expected, struct json **ret, struct error *err);

/* The daemon's complaint in an answer, as an error. */
int docker_api_refusal(const struct docker_call *call, const struct http_answer *answer,
                       struct error *err);

#endif
