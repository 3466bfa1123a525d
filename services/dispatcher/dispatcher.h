// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the dispatcher share: its configuration and its metrics. All state of runs is
 * in the database, where any number of dispatchers work on it side by side.
 */
#ifndef FANGS_DISPATCHER_DISPATCHER_H
#define FANGS_DISPATCHER_DISPATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "metrics/metrics.h"

struct dispatcher_config {
	int64_t lease_ms;          /* how long a placed run may go without a sign of life */
	int64_t offer_timeout_ms;  /* the same for a job that an HTTP runner has fetched */
	int64_t runner_timeout_ms; /* a runner silent for longer gets no runs */
	int64_t attempts;
	int64_t backoff_ms, backoff_max_ms; /* between the attempts of a run */
	int64_t scan_duration_ms, grace_ms; /* of runs made for releases, as the two below */
	char *image;
	char *npm_registry; /* as seen from within the sandbox; "": npm's own default */
	const struct config_node *watched_paths;
};
extern const struct config_option dispatcher_options[]; /* fills struct dispatcher_config */
extern const size_t dispatcher_option_count;

struct dispatcher_metrics {
	struct metric *queued; /* runs made for releases */
	struct metric *placed;
	struct metric *queue_seconds; /* from being ready to being placed */
	struct metric *expired;
	struct metric *handed_back;
	struct metric *given_up;
	struct metric_family *runs; /* gauge by phase */
};
struct dispatcher_metrics dispatcher_metrics_create(void);

#endif
