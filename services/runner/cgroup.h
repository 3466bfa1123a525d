// SPDX-License-Identifier: Apache-2.0
/*
 * The parent cgroup of a run: made before its container, so that the sensor knows it before the
 * first instruction inside runs.
 *
 * The container engine gets a parent by name and puts the container below it in every hierarchy
 * that the host has: one on a v2 host; all v1 controllers and the v2 tree on a hybrid one. The
 * sensor looks at the v2 directory only, but all of them are left behind by the engine, so removal
 * goes through all hierarchies.
 *
 * Directories carry their runner's id in an extended attribute: a sweep after a crash removes what
 * this runner left and never what another runner on the host has just made.
 */
#ifndef FANGS_RUNNER_CGROUP_H
#define FANGS_RUNNER_CGROUP_H

#include <limits.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/view.h"
#include "model/run_id.h"

/* How the container engine names parents: by path, or as a systemd slice. */
enum cgroup_naming { CGROUP_NAMED_BY_PATH, CGROUP_NAMED_BY_SLICE };

struct cgroup_tree; /* the host's hierarchies; read-only after creation, shared by threads */

/* From the text of /proc/self/mountinfo. ENOENT when there is no cgroup v2 mount. */
struct cgroup_tree *cgroup_tree_parse(struct view mountinfo, struct error *err);
/* From the file itself. */
struct cgroup_tree *cgroup_tree_read(struct error *err);
void cgroup_tree_destroy(struct cgroup_tree *tree);
DEFINE_AUTO(cgroup_tree, struct cgroup_tree *, cgroup_tree_destroy)

const char *cgroup_tree_unified(const struct cgroup_tree *tree); /* mount point of v2 */
size_t cgroup_tree_legacy_count(const struct cgroup_tree *tree);

struct run_cgroup {
	enum cgroup_naming naming;
	char parent[128];         /* what the engine is told */
	char relative[192];       /* below each hierarchy's mount point */
	char directory[PATH_MAX]; /* in the v2 tree; the sensor's scope */
};

/* Fills in names only. */
void run_cgroup_name(const struct cgroup_tree *tree, enum cgroup_naming naming,
                     const struct run_id *run_id, struct run_cgroup *ret);
/* An existing directory is fine. */
int run_cgroup_create(const struct run_cgroup *cgroup, const char *runner_id, struct error *err);

/* Removes the directories in all hierarchies, waiting up to `timeout_ms` for the last process to
 * leave. -EBUSY when something stayed. A slice is stopped, too: systemd keeps one that was made for
 * a container for ever. */
int run_cgroup_remove(const struct cgroup_tree *tree, const struct run_cgroup *cgroup,
                      int64_t timeout_ms, struct error *err);

/* Removes what this runner left behind earlier; returns how many runs' directories went. */
size_t cgroup_sweep(const struct cgroup_tree *tree, enum cgroup_naming naming,
                    const char *runner_id);

#endif
