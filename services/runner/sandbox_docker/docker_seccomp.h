// SPDX-License-Identifier: Apache-2.0
/*
 * The seccomp profile of a sandbox in which ways into the kernel are closed that an install script
 * has no business with. Without any, the sandbox keeps the engine's own profile.
 *
 * Ours allows what it does not name. It names what Docker documents as blocked by its default
 * profile for a container without capabilities, and what is to be closed besides.
 */
#ifndef FANGS_RUNNER_DOCKER_SECCOMP_H
#define FANGS_RUNNER_DOCKER_SECCOMP_H

#include "base/buf.h"
#include "base/error.h"

enum docker_deny {
	DOCKER_DENY_IO_URING = 1, /* "io_uring": ENOSYS */
	DOCKER_DENY_COMPAT = 2, /* "compat": 32-bit and x32 calls kill the thread that makes them */
	DOCKER_DENY_SOCKETS = 4, /* "sockets": families but UNIX, IP and routing netlink:
	                          * EAFNOSUPPORT */
};

/* A list with commas. FATAL on a word that is none of these. */
int docker_deny_parse(const char *text, unsigned *ret, struct error *err);

/* The value of a SecurityOpt: "seccomp={...}". */
void docker_seccomp_write(struct buf *out, unsigned denied);

#endif
