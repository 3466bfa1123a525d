// SPDX-License-Identifier: Apache-2.0
/*
 * Whose posts are let through: the id that a runner was told (an attempt's wire id) leads to the
 * run and the attempt, as long as that attempt is the run's current one. Passing is a sign of life:
 * it begins a leased run and renews its lease.
 *
 * An answer is kept for a few seconds, so that a run which posts four batches a second costs one
 * statement in five seconds; that long a post of an overtaken attempt may still pass, and is then
 * fenced off by its attempt number further down.
 */
#ifndef FANGS_API_GATE_H
#define FANGS_API_GATE_H

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"
#include "db/db.h"
#include "model/run_id.h"

enum { GATE_RUNNER_ID_MAX = 256, GATE_SLOTS = 2048 };

struct gate_pass {
	char wire_id[RUN_ID_TEXT_SIZE];
	char run_id[RUN_ID_TEXT_SIZE];
	char runner_id[GATE_RUNNER_ID_MAX + 1]; /* "" when the run was never placed */
	uint32_t attempt;
};

struct gate_slot {
	struct gate_pass pass;
	int64_t until_ms; /* 0: empty */
};

struct gate {
	pthread_mutex_t lock;
	int64_t lease_ms;
	struct gate_slot *slots; /* GATE_SLOTS; a wire id has one place, newcomers displace */
};

void gate_init(struct gate *gate, int64_t lease_ms);
void gate_release(struct gate *gate);

/* 0: `*ret` is filled. -ENOENT: no such run. -ESTALE: that attempt is over. -EACCES: it is leased
 * to another runner than `speaker` (NULL: whoever, see access_bound_runner()), who gives no sign of
 * life by it. Others: database. */
int gate_enter(struct gate *gate, struct db *db, const char *wire_id, const char *speaker,
               struct gate_pass *ret, struct error *err);

/* The attempt has ended. */
void gate_forget(struct gate *gate, const char *wire_id);

#endif
