// SPDX-License-Identifier: Apache-2.0
/* The runner's metrics; series are looked up once, updating is free for all threads. */
#ifndef FANGS_RUNNER_RUNNER_METRICS_H
#define FANGS_RUNNER_RUNNER_METRICS_H

#include "metrics/metrics.h"
#include "model/event.h"
#include "sensor/sensor.h"

/* How a job ended, as label; the first three are result.h's. */
enum job_end { JOB_OK, JOB_FAILED, JOB_TIMEOUT, JOB_LOST, JOB_HANDED_BACK, JOB_END_COUNT };

/* Where an event was lost. */
enum loss { LOSS_KERNEL, LOSS_MALFORMED, LOSS_SPOOL, LOSS_UNDELIVERED, LOSS_COUNT };

struct runner_metrics {
	struct metric *jobs[JOB_END_COUNT];
	struct metric *events[EVENT_TYPE_COUNT];
	struct metric *lost[LOSS_COUNT];
	struct metric *resends;
	struct metric *active_slots;
	struct metric *job_seconds;
};

void runner_metrics_init(struct runner_metrics *metrics);

/* What the sensor could attach to, once it is open. */
void runner_metrics_sensor(const struct sensor *sensor);

#endif
