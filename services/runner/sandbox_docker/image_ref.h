// SPDX-License-Identifier: Apache-2.0
/*
 * Image references: "node:20-slim", "registry:5000/team/app@sha256:...". A colon is a tag only
 * behind the last slash; before it, it is a registry's port.
 */
#ifndef FANGS_RUNNER_IMAGE_REF_H
#define FANGS_RUNNER_IMAGE_REF_H

#include "base/view.h"

struct image_ref {
	struct view repository;
	struct view tag;    /* "latest" when neither tag nor digest is given; "" with a digest */
	struct view digest; /* "sha256:...", or empty */
};

/* Views point into `name`, or at static text. */
struct image_ref image_ref_parse(struct view name);

/* Does a RepoDigests entry ("node@sha256:...") belong to the reference? Docker leaves the default
 * registry out, so "docker.io/library/node" and "node" are one. */
bool image_ref_matches(const struct image_ref *ref, struct view repo_digest);

#endif
