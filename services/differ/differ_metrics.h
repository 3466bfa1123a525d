// SPDX-License-Identifier: Apache-2.0
/* The differ's metrics, and the counts of one transaction that become part of them on commit. */
#ifndef FANGS_DIFFER_DIFFER_METRICS_H
#define FANGS_DIFFER_DIFFER_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "judgement.h"
#include "metrics/metrics.h"
#include "model/event.h"
#include "model/severity.h"

enum { SEVERITY_COUNT = SEVERITY_CRIT + 1 };

/* What a transaction did, until it is known to be committed. */
struct tally {
	uint64_t messages;
	uint64_t events[EVENT_TYPE_COUNT];
	uint64_t fenced_events, duplicate_batches;
	uint64_t deviations[SEVERITY_COUNT];
	uint64_t promoted;
	uint64_t lost_events;
	uint64_t verdicts[VERDICT_COUNT];
};

struct differ_metrics {
	struct tally pending;
	struct metric *events[EVENT_TYPE_COUNT];
	struct metric *messages, *fenced_events, *duplicate_batches, *lost_events;
	struct metric *deviations[SEVERITY_COUNT];
	struct metric *promoted;
	struct metric *verdicts[VERDICT_COUNT];
	struct metric *transaction_seconds, *failed_transactions;
	struct metric *lag, *partitions, *cached_runs;
};

void differ_metrics_init(struct differ_metrics *metrics);

/* The transaction was committed, or not. */
void differ_metrics_commit(struct differ_metrics *metrics, double seconds);
void differ_metrics_rollback(struct differ_metrics *metrics);

#endif
