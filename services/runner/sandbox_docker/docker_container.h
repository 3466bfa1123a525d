// SPDX-License-Identifier: Apache-2.0
/* One container of the Docker daemon, by its id. */
#ifndef FANGS_RUNNER_DOCKER_CONTAINER_H
#define FANGS_RUNNER_DOCKER_CONTAINER_H

#include "base/buf.h"
#include "sandbox.h"
#include "sandbox_docker/docker_api.h"

enum { DOCKER_ID_MAX = 80, DOCKER_STOP_SECONDS = 5, DOCKER_REMOVE_TIMEOUT_MS = 15000 };

/* `payload` as of docker_payload_write(). */
int docker_container_create(struct docker_api *api, struct view payload, char id[DOCKER_ID_MAX],
                            struct error *err);
int docker_container_start(struct docker_api *api, const char *id, struct error *err);

/* The main process of a running container; 0 when this process does not see it. */
int docker_container_process(struct docker_api *api, const char *id, pid_t *ret, struct error *err);
/* Sends SIGUSR1 to the main process `pid` as soon as it waits for it. With 0 for `pid` the daemon
 * is asked to, several times, since nothing tells when that is. */
int docker_container_let_go(struct docker_api *api, const char *id, pid_t pid, struct error *err);

/* 1: ended, `*ret` is filled; 0: the timeout passed; -ECANCELED when the connection's cancel flag
 * was raised. */
int docker_container_wait(struct docker_api *api, const char *id, int64_t timeout_ms,
                          struct sandbox_end *ret, struct error *err);

/* Asks the main process to end, kills after DOCKER_STOP_SECONDS; nothing to do is success. */
int docker_container_stop(struct docker_api *api, const char *id, struct error *err);
int docker_container_remove(struct docker_api *api, const char *id, struct error *err);

/* Removes all sandboxes of a runner; returns how many. */
int docker_container_sweep(struct docker_api *api, const char *runner_id, struct error *err);

/* Files of a container that was created but not started. */
int docker_container_put_file(struct docker_api *api, const char *id, const char *path,
                              uint32_t mode, struct view content, struct error *err);
/* -ENOENT when it has no such file. */
int docker_container_get_file(struct docker_api *api, const char *id, const char *path,
                              struct buf *ret, struct error *err);

#endif
