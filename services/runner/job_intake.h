// SPDX-License-Identifier: Apache-2.0
/* Reading jobs as both transports receive them. */
#ifndef FANGS_RUNNER_JOB_INTAKE_H
#define FANGS_RUNNER_JOB_INTAKE_H

#include "base/arena.h"
#include "base/error.h"
#include "model/job.h"

enum { JOB_MAX_BYTES = 1 << 20 };

/* As job_read_json(); on failure the ids that could still be read are set (run_id is zero when even
 * that was not possible), so that the failure can be told to whoever sent the job. */
int job_intake_read(struct view text, struct arena *arena, struct job *ret, struct error *err);

#endif
