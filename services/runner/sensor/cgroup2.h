// SPDX-License-Identifier: Apache-2.0
/* Places in the cgroup v2 tree, as the kernel side knows them. */
#ifndef FANGS_SENSOR_CGROUP2_H
#define FANGS_SENSOR_CGROUP2_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"

struct cgroup2_mount {
	char root[1024];  /* what of the tree is mounted: "/" but for containers */
	char point[1024]; /* where */
};

/* Finds the v2 mount in the text of /proc/self/mountinfo. False: none. */
bool cgroup2_parse_mountinfo(struct view text, struct cgroup2_mount *ret);

int cgroup2_find_mount(struct cgroup2_mount *ret, struct error *err);

struct cgroup2_place {
	uint64_t id;    /* what the kernel calls it */
	uint32_t depth; /* below the root of the tree, which has 0 */
	int fd;         /* of the directory; -1: none; the owner closes it */
};

/* ERROR_DROP when `path` is no directory of the v2 tree. */
int cgroup2_open(const char *path, struct cgroup2_place *ret, struct error *err);

#endif
