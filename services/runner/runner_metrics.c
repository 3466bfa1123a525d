// SPDX-License-Identifier: Apache-2.0
#include "runner_metrics.h"

static const char *const job_end_names[JOB_END_COUNT] = {
        [JOB_OK] = "ok",     [JOB_FAILED] = "failed",           [JOB_TIMEOUT] = "timeout",
        [JOB_LOST] = "lost", [JOB_HANDED_BACK] = "handed_back",
};
static const char *const loss_names[LOSS_COUNT] = {[LOSS_KERNEL] = "kernel",
                                                   [LOSS_MALFORMED] = "malformed",
                                                   [LOSS_SPOOL] = "spool",
                                                   [LOSS_UNDELIVERED] = "undelivered"};

void runner_metrics_init(struct runner_metrics *metrics)
{
	struct metric_family *jobs = metric_family(METRIC_COUNTER, "fangs_runner_jobs_total",
	                                           "Jobs that ended on this runner.", "status");
	struct metric_family *events = metric_family(METRIC_COUNTER, "fangs_runner_events_total",
	                                             "Events that the sensor handed out.", "type");
	struct metric_family *lost =
	        metric_family(METRIC_COUNTER, "fangs_runner_events_lost_total",
	                      "Events of runs that did not reach the other side.", "cause");
	for (size_t i = 0; i < JOB_END_COUNT; i++)
		metrics->jobs[i] = metric_series(jobs, job_end_names[i]);
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		metrics->events[i] = metric_series(events, event_type_name((enum event_type)i));
	for (size_t i = 0; i < LOSS_COUNT; i++)
		metrics->lost[i] = metric_series(lost, loss_names[i]);
	metrics->resends = metric_plain(METRIC_COUNTER, "fangs_runner_resends_total",
	                                "Batches and results that had to be sent again.");
	metrics->active_slots = metric_plain(METRIC_GAUGE, "fangs_runner_active_slots",
	                                     "Jobs that run on this runner now.");
	metrics->job_seconds = metric_plain(METRIC_HISTOGRAM, "fangs_runner_job_seconds",
	                                    "Time from a job's arrival to its result.");
}

void runner_metrics_sensor(const struct sensor *sensor)
{
	struct metric_family *tier = metric_family(METRIC_GAUGE, "fangs_runner_sensor_tier",
	                                           "1 for the sensor's tier.", "tier");
	struct metric_family *hook =
	        metric_family(METRIC_GAUGE, "fangs_runner_sensor_hook",
	                      "1 for a kernel hook of the sensor that is active, 0 for one that is "
	                      "missing on this host.",
	                      "hook");
	size_t count = 0;
	const struct sensor_hook *hooks = sensor_hooks(sensor, &count);
	metric_set(metric_series(tier, sensor_tier(sensor)), 1);
	for (size_t i = 0; i < count; i++)
		metric_set(metric_series(hook, hooks[i].name), hooks[i].active ? 1 : 0);
}
