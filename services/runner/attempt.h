// SPDX-License-Identifier: Apache-2.0
/*
 * One attempt of a run on this runner: who it is, and the flags by which other threads tell its
 * threads to hurry or to give up.
 */
#ifndef FANGS_RUNNER_ATTEMPT_H
#define FANGS_RUNNER_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/job.h"

struct attempt {
	struct arena arena; /* holds the job's text */
	struct job job;
	/* Set when the job could not be read: `job` has its ids only. */
	struct error malformed;

	/* Waiting for the sandbox is over: the runner stops, or the attempt is lost. */
	atomic_bool interrupt;
	/* The attempt belongs to somebody else by now: nothing more is sent. */
	atomic_bool lost;
	/* Monotonic; when not 0, what could not be sent until then is given up. */
	_Atomic int64_t give_up_at_ms;
};

#endif
