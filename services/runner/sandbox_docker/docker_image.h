// SPDX-License-Identifier: Apache-2.0
/* Images of the Docker daemon: look up, pull, and what is inside. */
#ifndef FANGS_RUNNER_DOCKER_IMAGE_H
#define FANGS_RUNNER_DOCKER_IMAGE_H

#include "base/arena.h"
#include "sandbox_docker/docker_api.h"

struct docker_image {
	const char *id;        /* "sha256:..." of its configuration */
	const char *reference; /* pins exactly this image: "node@sha256:...", or the id */
	const char *digest;    /* "sha256:...": of the registry's manifest, or the id */
	const char *node_version;
	const char **entrypoint, **command; /* of the image; NULL-terminated, may be empty */
};

/* -ENOENT when the daemon does not have it. Text lives in the arena. */
int docker_image_inspect(struct docker_api *api, const char *name, struct arena *arena,
                         struct docker_image *ret, struct error *err);

/* Pulls as `docker pull` does; errors inside the progress stream are errors. */
int docker_image_pull(struct docker_api *api, const char *name, int64_t timeout_ms,
                      struct error *err);

/* Makes the image available by policy ("never", "missing", "always", "" for missing). */
int docker_image_provide(struct docker_api *api, const char *name, const char *policy,
                         int64_t pull_timeout_ms, struct arena *arena, struct docker_image *ret,
                         struct error *err);

/* Reads the progress stream of a pull piece by piece. */
struct pull_stream {
	struct buf line;
	char failure[256]; /* the first error in the stream, "" while there is none */
};
void pull_stream_init(struct pull_stream *stream);
void pull_stream_feed(struct pull_stream *stream, struct view piece);
void pull_stream_end(struct pull_stream *stream); /* the last line may lack its newline */
void pull_stream_release(struct pull_stream *stream);

#endif
