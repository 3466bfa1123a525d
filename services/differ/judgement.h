// SPDX-License-Identifier: Apache-2.0
/*
 * The verdict on a run whose end has come: a pure function of what is known about it.
 *
 *   none        nothing to compare with: no package name, or a control, which only shows what a
 *               version does today that is in the baseline already
 *   deviates    something is new: held for a person, never promoted
 *   incomplete  nothing new was seen, but the run failed, timed out, ended without a result, or
 *               something of it is missing: an absence that proves nothing, never promoted
 *   seeded      complete, and the package had no baseline, or the run was made to find out more
 *               for it: the baseline is made of it
 *   clean       complete, nothing new: merged into the baseline
 *
 * Complete means: the result says ok (and npm's exit status, where it was seen, is 0), no batch is
 * missing and no event was lost.
 *  - Our runner counts its losses per run and says how many batches it sent. A path that was cut is
 *    no loss: the event is there.
 *  - An existing runner says neither. A gap in its batch numbers is a loss, and so are fewer stored
 *    events than it emitted. Its `events_dropped` counts since its start, so the loss of one run is
 *    the difference to its last result before; a lower number than before means that it restarted.
 *    Where no earlier result is known, any number above 0 may be of this run and counts as lost.
 */
#ifndef FANGS_DIFFER_JUDGEMENT_H
#define FANGS_DIFFER_JUDGEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/result.h"
#include "seq_set.h"

/* What a run was made for; its `trigger`. */
enum run_purpose {
	PURPOSE_SCAN,    /* of a release, or asked for by somebody */
	PURPOSE_SEED,    /* another run of the version that seeded the baseline */
	PURPOSE_CONTROL, /* a version of the baseline, to compare another run with */
};
enum run_purpose purpose_parse(const char *trigger);

struct judge_facts {
	enum run_purpose purpose;
	bool has_package;
	bool has_baseline;
	bool rejected; /* a person rejected a run of this version */
	int64_t deviation_count;
	const struct run_result *result; /* NULL: none came */
	uint64_t last_seq;               /* that the runner sent; 0 unknown */
	const struct seq_set *seqs;      /* applied, of the current attempt */
	int64_t events_stored;           /* of all attempts */
	bool first_attempt;              /* so events_stored is what the result counts */
	uint64_t lost;                   /* from judge_lost() */
};

enum verdict {
	VERDICT_NONE,
	VERDICT_DEVIATES,
	VERDICT_INCOMPLETE,
	VERDICT_SEEDED,
	VERDICT_CLEAN,
	VERDICT_COUNT,
};
const char *verdict_name(enum verdict verdict);

struct judgement {
	enum verdict verdict;
	const char *state; /* of runs.state: "done" or "failed" */
	bool complete;
	bool promotes;
	char reason[ERROR_TEXT_MAX]; /* why it is not complete; "" when it is */
};

/* Events of this run which the runner knows that it lost. `previous_dropped` is what the same
 * existing runner's last result before said, -1 when there was none. */
uint64_t judge_lost(const struct run_result *result, int64_t previous_dropped);

void judge(const struct judge_facts *facts, struct judgement *ret);

/* The same of a run that was judged before, and of which it is known whether it is complete: what
 * the facts say about its end is not looked at. Fills neither `state` nor `reason`. */
void judge_again(const struct judge_facts *facts, bool complete, struct judgement *ret);

#endif
