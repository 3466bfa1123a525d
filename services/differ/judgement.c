// SPDX-License-Identifier: Apache-2.0
#include "judgement.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

enum { REASON_MAX = 400 };

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {
	        [VERDICT_NONE] = "none",     [VERDICT_DEVIATES] = "deviates",
	        [VERDICT_SEEDED] = "seeded", [VERDICT_INCOMPLETE] = "incomplete",
	        [VERDICT_CLEAN] = "clean",
	};
	return names[verdict];
}

enum run_purpose purpose_parse(const char *trigger)
{
	if (strcmp(trigger, "seed") == 0)
		return PURPOSE_SEED;
	return strcmp(trigger, "control") == 0 ? PURPOSE_CONTROL : PURPOSE_SCAN;
}

uint64_t judge_lost(const struct run_result *result, int64_t previous_dropped)
{
	if (result->native) {
		uint64_t by_cause = result->lost_ring + result->lost_parse;
		return by_cause > result->events_dropped ? by_cause : result->events_dropped;
	}
	bool same_start =
	        previous_dropped >= 0 && (uint64_t)previous_dropped <= result->events_dropped;
	return same_start ? result->events_dropped - (uint64_t)previous_dropped
	                  : result->events_dropped;
}

/* The parts of being complete: 0, or `*why` not. */

static int result_is_good(const struct judge_facts *facts, struct error *why)
{
	const struct run_result *result = facts->result;
	if (!result)
		return error_set(why, ENODATA, "no result came");
	struct view reason = utf8_prefix(result->reason, REASON_MAX);
	if (result->status != RUN_STATUS_OK)
		return error_set(why, ENODATA, "%s%s%.*s",
		                 result->status == RUN_STATUS_TIMEOUT ? "timed out" : "failed",
		                 reason.size ? ": " : "", VIEW_ARG(reason));
	bool exited = result->native && result->npm_exit_code != INT32_MIN;
	if (exited && result->npm_exit_code != 0)
		return error_set(why, ENODATA, "npm exited with status %" PRId32,
		                 result->npm_exit_code);
	return 0;
}

static int all_batches_came(const struct judge_facts *facts, struct error *why)
{
	uint64_t sent = facts->last_seq ? facts->last_seq : seq_set_last(facts->seqs);
	uint64_t missing = seq_set_first_missing(facts->seqs);
	if (missing <= sent)
		return error_set(why, ENODATA, "batch %" PRIu64 " of %" PRIu64 " is missing",
		                 missing, sent);
	return 0;
}

static int all_events_came(const struct judge_facts *facts, struct error *why)
{
	if (facts->lost)
		return error_set(why, ENODATA, "%" PRIu64 " events were lost", facts->lost);
	if (facts->first_attempt && facts->result->events_emitted > facts->events_stored)
		return error_set(why, ENODATA, "%" PRId64 " of %" PRId64 " events arrived",
		                 facts->events_stored, facts->result->events_emitted);
	return 0;
}

/* A release that a person called bad is no baseline because it does nothing new another time. */
static int is_welcome(const struct judge_facts *facts, struct error *why)
{
	return facts->rejected ? error_set(why, EPERM, "the release was rejected") : 0;
}

static bool is_complete(const struct judge_facts *facts, struct error *why)
{
	return result_is_good(facts, why) == 0 && all_batches_came(facts, why) == 0 &&
	       all_events_came(facts, why) == 0 && is_welcome(facts, why) == 0;
}

void judge(const struct judge_facts *facts, struct judgement *ret)
{
	struct error why = {0};
	bool complete = is_complete(facts, &why);
	judge_again(facts, complete, ret);
	memcpy(ret->reason, why.text, sizeof(ret->reason));
	bool failed = facts->result && facts->result->status != RUN_STATUS_OK;
	ret->state = failed ? "failed" : "done";
}

void judge_again(const struct judge_facts *facts, bool complete, struct judgement *ret)
{
	*ret = (struct judgement){.complete = complete};
	if (!facts->has_package || facts->purpose == PURPOSE_CONTROL)
		ret->verdict = VERDICT_NONE;
	else if (facts->deviation_count > 0)
		ret->verdict = VERDICT_DEVIATES;
	else if (!ret->complete || facts->rejected)
		ret->verdict = VERDICT_INCOMPLETE;
	else
		ret->verdict = facts->has_baseline && facts->purpose == PURPOSE_SCAN
		                       ? VERDICT_CLEAN
		                       : VERDICT_SEEDED;
	ret->promotes = ret->verdict == VERDICT_SEEDED || ret->verdict == VERDICT_CLEAN;
}
