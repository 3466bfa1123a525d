// SPDX-License-Identifier: Apache-2.0
/* The run of a version that the dispatcher makes by itself: the default scan, as configured. */
#ifndef FANGS_DISPATCHER_RELEASE_JOB_H
#define FANGS_DISPATCHER_RELEASE_JOB_H

#include "base/arena.h"
#include "dispatcher.h"
#include "model/run_id.h"
#include "queries.h"

/* A new run, and its id as text; strings live in the arena. DROP when the name or version cannot be
 * installed. */
int release_job_make(const struct dispatcher_config *config, const char *package,
                     const char *version, struct arena *arena, char id[RUN_ID_TEXT_SIZE],
                     struct new_run *ret, struct error *err);

#endif
