// SPDX-License-Identifier: Apache-2.0
#include "dispatcher.h"

#include "model/watched_paths.h"

#define FIELD(name) offsetof(struct dispatcher_config, name)
#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)

/* The offer timeout exceeds the 30 seconds after which an existing runner sends its next heartbeat:
 * its first sign of life after taking a job may be that late. */
const struct config_option dispatcher_options[] = {
        {.key = "lease",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(lease_ms),
         .fallback = "90s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "Time without a sign of life after which a placed run is placed again."},
        {.key = "offer_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(offer_timeout_ms),
         .fallback = "45s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "The same for a job which an HTTP runner fetched but has not begun."},
        {.key = "runner_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(runner_timeout_ms),
         .fallback = "90s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "A runner that was silent for longer gets no runs."},
        {.key = "attempts",
         .type = CONFIG_INT,
         .offset = FIELD(attempts),
         .fallback = "3",
         .min = 1,
         .max = 100,
         .help = "How often a run is placed before it fails; attempts that a stopping runner hands "
                 "back do not count."},
        {.key = "backoff",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(backoff_ms),
         .fallback = "5s",
         .min = 0,
         .max = HOUR_MS,
         .help = "Wait before a run's second attempt; doubles with each further one."},
        {.key = "backoff_max",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(backoff_max_ms),
         .fallback = "5m",
         .min = 0,
         .max = 24 * HOUR_MS,
         .help = "Longest wait between two attempts."},
        {.key = "scan_duration",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(scan_duration_ms),
         .fallback = "60s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "Time budget of a release's run."},
        {.key = "grace",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(grace_ms),
         .fallback = "2s",
         .min = 0,
         .max = 10 * MINUTE_MS,
         .help = "How long a release's run is observed after the installation ended."},
        {.key = "image",
         .type = CONFIG_STRING,
         .offset = FIELD(image),
         .fallback = "node:20-slim",
         .help = "Container image in which releases are installed."},
        {.key = "npm_registry",
         .type = CONFIG_STRING,
         .offset = FIELD(npm_registry),
         .help = "Registry from which the sandbox installs, as seen from inside it. Empty: npm's "
                 "own default."},
        WATCHED_PATHS_OPTION(FIELD(watched_paths)),
};
const size_t dispatcher_option_count = CONFIG_COUNT(dispatcher_options);

struct dispatcher_metrics dispatcher_metrics_create(void)
{
	return (struct dispatcher_metrics){
	        .queued = metric_plain(METRIC_COUNTER, "fangs_scans_queued_total",
	                               "Runs queued for runners"),
	        .placed = metric_plain(METRIC_COUNTER, "fangs_runs_placed_total",
	                               "Attempts of runs placed on a runner"),
	        .queue_seconds = metric_plain(METRIC_HISTOGRAM, "fangs_run_queue_seconds",
	                                      "Time from a run being ready to its placing"),
	        .expired = metric_plain(METRIC_COUNTER, "fangs_leases_expired_total",
	                                "Placed runs whose runner gave no sign of life"),
	        .handed_back = metric_plain(METRIC_COUNTER, "fangs_runs_handed_back_total",
	                                    "Placed runs which a stopping runner handed back"),
	        .given_up = metric_plain(METRIC_COUNTER, "fangs_runs_given_up_total",
	                                 "Runs failed by the dispatcher after their last attempt"),
	        .runs = metric_family(METRIC_GAUGE, "fangs_runs", "Runs not yet finished by phase",
	                              "phase"),
	};
}
