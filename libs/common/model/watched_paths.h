// SPDX-License-Identifier: Apache-2.0
/*
 * The paths below which a job reports accesses to files when it does not name its own: the
 * configuration's `watched_paths`, written as the existing system's configuration has them.
 *
 *   watched_paths:
 *     - prefix: /etc/
 *     - prefix: /etc/shadow
 *       cred: true
 */
#ifndef FANGS_MODEL_WATCHED_PATHS_H
#define FANGS_MODEL_WATCHED_PATHS_H

#include "base/arena.h"
#include "config/config.h"
#include "model/job.h"

struct watched_paths {
	const struct watched_path *list;
	size_t count;
};

/* From the file's list; without one or with an empty one, the 14 defaults. Text is the
 * configuration's, the list in the arena. */
int watched_paths_read(const struct config_node *node, struct arena *arena,
                       struct watched_paths *ret, struct error *err);

/* Only whether it can be read. */
int watched_paths_check(const struct config_node *node, struct error *err);

/* Gives the job these paths. */
void watched_paths_apply(const struct watched_paths *paths, struct job *job);

/* The configuration's row; `field` is a const struct config_node *. */
#define WATCHED_PATHS_OPTION(field)                                                                \
	{                                                                                          \
		.key = "watched_paths", .type = CONFIG_NODE, .offset = (field),                    \
		.help = "Paths below which scans report accesses to files, when they do not name " \
		        "their own: a list of {prefix, cred}. Empty: the 14 defaults."             \
	}

#endif
