// SPDX-License-Identifier: Apache-2.0
#include "differ_metrics.h"

static struct metric *counter(const char *name, const char *help)
{
	return metric_plain(METRIC_COUNTER, name, help);
}

static void init_labelled(struct differ_metrics *metrics)
{
	struct metric_family *events =
	        metric_family(METRIC_COUNTER, "fangs_differ_events_total",
	                      "Events stored and analysed, by type.", "type");
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		metrics->events[i] = metric_series(events, event_type_name((enum event_type)i));
	struct metric_family *deviations =
	        metric_family(METRIC_COUNTER, "fangs_deviations_written_total",
	                      "Deviation rows written, by severity.", "severity");
	for (size_t i = 0; i < SEVERITY_COUNT; i++)
		metrics->deviations[i] = metric_series(deviations, severity_name((enum severity)i));
	struct metric_family *verdicts = metric_family(
	        METRIC_COUNTER, "fangs_runs_judged_total",
	        "Verdicts on runs. A run that changes after its verdict counts again.", "verdict");
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		metrics->verdicts[i] = metric_series(verdicts, verdict_name((enum verdict)i));
	struct metric_family *promoted = metric_family(
	        METRIC_COUNTER, "fangs_baseline_promoted_total",
	        "Runs merged into a baseline, by the differ (auto) or by a person.", "trigger");
	metrics->promoted = metric_series(promoted, "auto");
}

void differ_metrics_init(struct differ_metrics *metrics)
{
	*metrics = (struct differ_metrics){0};
	init_labelled(metrics);
	metrics->messages = counter("fangs_differ_messages_total", "Messages consumed.");
	metrics->fenced_events = counter("fangs_events_fenced_total",
	                                 "Events of an overtaken attempt of a run, left out.");
	metrics->duplicate_batches =
	        counter("fangs_differ_duplicate_batches_total",
	                "Batches that were applied before and came again, left out.");
	metrics->lost_events =
	        counter("fangs_differ_lost_events_total",
	                "Events which runners reported as lost, of the runs judged here.");
	metrics->transaction_seconds =
	        metric_plain(METRIC_HISTOGRAM, "fangs_differ_transaction_seconds",
	                     "Time from the first message of a batch to its commit.");
	metrics->failed_transactions = counter("fangs_differ_transactions_failed_total",
	                                       "Transactions rolled back, to be tried again.");
	metrics->lag = metric_plain(METRIC_GAUGE, "fangs_differ_lag_messages",
	                            "Messages not consumed yet in the partitions owned here.");
	metrics->partitions =
	        metric_plain(METRIC_GAUGE, "fangs_differ_partitions", "Partitions owned here.");
	metrics->cached_runs =
	        metric_plain(METRIC_GAUGE, "fangs_differ_cached_runs", "Runs kept in memory.");
}

void differ_metrics_commit(struct differ_metrics *metrics, double seconds)
{
	const struct tally *tally = &metrics->pending;
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		metric_add(metrics->events[i], (double)tally->events[i]);
	for (size_t i = 0; i < SEVERITY_COUNT; i++)
		metric_add(metrics->deviations[i], (double)tally->deviations[i]);
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		metric_add(metrics->verdicts[i], (double)tally->verdicts[i]);
	metric_add(metrics->messages, (double)tally->messages);
	metric_add(metrics->fenced_events, (double)tally->fenced_events);
	metric_add(metrics->duplicate_batches, (double)tally->duplicate_batches);
	metric_add(metrics->lost_events, (double)tally->lost_events);
	metric_add(metrics->promoted, (double)tally->promoted);
	metric_observe_seconds(metrics->transaction_seconds, seconds);
	metrics->pending = (struct tally){0};
}

void differ_metrics_rollback(struct differ_metrics *metrics)
{
	metric_add(metrics->failed_transactions, 1);
	metrics->pending = (struct tally){0};
}
