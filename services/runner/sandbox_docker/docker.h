// SPDX-License-Identifier: Apache-2.0
/* The Docker driver of sandbox.h. */
#ifndef FANGS_RUNNER_DOCKER_H
#define FANGS_RUNNER_DOCKER_H

#include "sandbox.h"

struct docker_options {
	const char *socket_path;
	int64_t pull_timeout_ms;
	unsigned seccomp_deny; /* enum docker_deny of docker_seccomp.h; 0: Docker's own profile */
	struct view init;      /* the program that becomes a container's main process; static */
};

struct sandbox_driver *docker_driver_create(const struct docker_options *options);

#endif
