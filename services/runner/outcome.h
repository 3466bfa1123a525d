// SPDX-License-Identifier: Apache-2.0
/*
 * How a job ended, decided from what was seen of it. No I/O.
 *
 * The documented command of a scan ends in `tail` and `sleep`, so its exit status says nothing: the
 * sensor's view of npm does. An absence of behaviour in a run that failed proves nothing, so every
 * doubt makes a run failed rather than ok.
 */
#ifndef FANGS_RUNNER_OUTCOME_H
#define FANGS_RUNNER_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/job.h"
#include "model/result.h"
#include "sandbox.h"

enum { OUTCOME_REASON_MAX = ERROR_TEXT_MAX + 64 };

/* Only servers that do not take a run back get a result with this reason; it says nothing about the
 * package. */
#define REASON_RUNNER_STOPPED "runner stopped"

struct job_facts {
	struct error failure; /* something of ours went wrong; code 0: nothing did */
	bool stopped;         /* the runner stopped before the job's end */
	bool timed_out;
	bool has_end; /* `end` is filled: the sandbox ended by itself */
	struct sandbox_end end;
	bool expects_npm;      /* the job is to run npm, by its command */
	bool npm_started;      /* an npm of the job's own command was seen */
	int32_t npm_exit_code; /* INT32_MIN: none has ended */
	int64_t memory_bytes;  /* the sandbox's limit */
};

bool job_expects_npm(const struct job *job);

/* `reason` is "" when the status is ok. */
enum run_status job_outcome(const struct job_facts *facts, char reason[OUTCOME_REASON_MAX]);

#endif
