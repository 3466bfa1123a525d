// SPDX-License-Identifier: Apache-2.0
#include "judgement.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {
	        [VERDICT_NONE] = "none",     [VERDICT_DEVIATES] = "deviates",
	        [VERDICT_SEEDED] = "seeded", [VERDICT_INCOMPLETE] = "incomplete",
	        [VERDICT_CLEAN] = "clean",
	};
	return names[verdict];
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

__attribute__((format(printf, 2, 3))) static bool incomplete(struct judgement *ret,
                                                             const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(ret->reason, sizeof(ret->reason), format, args);
	va_end(args);
	return false;
}

static bool result_is_good(const struct judge_facts *facts, struct judgement *ret)
{
	const struct run_result *result = facts->result;
	if (!result)
		return incomplete(ret, "no result came");
	struct view why = utf8_prefix(result->reason, JUDGEMENT_REASON_MAX / 2);
	if (result->status != RUN_STATUS_OK)
		return incomplete(ret, "%s%s%.*s",
		                  result->status == RUN_STATUS_TIMEOUT ? "timed out" : "failed",
		                  why.size ? ": " : "", VIEW_ARG(why));
	bool exited = result->native && result->npm_exit_code != INT32_MIN;
	if (exited && result->npm_exit_code != 0)
		return incomplete(ret, "npm exited with status %" PRId32, result->npm_exit_code);
	return true;
}

static bool all_batches_came(const struct judge_facts *facts, struct judgement *ret)
{
	uint64_t sent = facts->last_seq ? facts->last_seq : seq_set_last(facts->seqs);
	uint64_t missing = seq_set_first_missing(facts->seqs);
	if (missing <= sent)
		return incomplete(ret, "batch %" PRIu64 " of %" PRIu64 " is missing", missing,
		                  sent);
	return true;
}

static bool all_events_came(const struct judge_facts *facts, struct judgement *ret)
{
	if (facts->lost)
		return incomplete(ret, "%" PRIu64 " events were lost", facts->lost);
	if (facts->first_attempt && facts->result->events_emitted > facts->events_stored)
		return incomplete(ret, "%" PRId64 " of %" PRId64 " events arrived",
		                  facts->events_stored, facts->result->events_emitted);
	return true;
}

void judge(const struct judge_facts *facts, struct judgement *ret)
{
	*ret = (struct judgement){0};
	ret->complete = result_is_good(facts, ret) && all_batches_came(facts, ret) &&
	                all_events_came(facts, ret);
	bool failed = facts->result && facts->result->status != RUN_STATUS_OK;
	ret->state = failed ? "failed" : "done";
	if (!facts->has_package)
		ret->verdict = VERDICT_NONE;
	else if (facts->deviation_count > 0)
		ret->verdict = VERDICT_DEVIATES;
	else if (!ret->complete)
		ret->verdict = VERDICT_INCOMPLETE;
	else
		ret->verdict = facts->has_baseline ? VERDICT_CLEAN : VERDICT_SEEDED;
	ret->promotes = ret->verdict == VERDICT_SEEDED || ret->verdict == VERDICT_CLEAN;
}
