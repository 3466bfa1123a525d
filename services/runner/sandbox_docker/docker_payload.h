// SPDX-License-Identifier: Apache-2.0
/*
 * The body of POST /containers/create: every limit of a sandbox in one place.
 */
#ifndef FANGS_RUNNER_DOCKER_PAYLOAD_H
#define FANGS_RUNNER_DOCKER_PAYLOAD_H

#include "base/buf.h"
#include "sandbox.h"

/* Where init is put, and the name that `docker run --init` gives its own: a package that looks
 * around sees an ordinary container. */
#define DOCKER_INIT_PATH "/sbin/docker-init"

#define DOCKER_LABEL_ROLE "io.fangs.role"
#define DOCKER_LABEL_RUN "io.fangs.run"
#define DOCKER_LABEL_RUNNER "io.fangs.runner"
#define DOCKER_ROLE_SANDBOX "sandbox"

struct docker_payload {
	const struct sandbox_request *request;
	const char *image;             /* pinned reference */
	const char *const *entrypoint; /* of the image; NULL-terminated */
	const char *const *command;    /* of the image, for a job without a command */
	const char *cgroup_parent;
	unsigned seccomp_deny; /* enum docker_deny; 0: the engine's own profile */
};

/* ENOENT (DROP) when neither the job nor the image says what to run. */
int docker_payload_write(struct buf *out, const struct docker_payload *payload, struct error *err);

#endif
