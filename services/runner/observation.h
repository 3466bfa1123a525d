// SPDX-License-Identifier: Apache-2.0
/*
 * The sensor's view of one attempt: from the cgroup's registration to the final counts. Takes the
 * sensor's events into the spool.
 */
#ifndef FANGS_RUNNER_OBSERVATION_H
#define FANGS_RUNNER_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "runner_metrics.h"
#include "sensor/sensor.h"
#include "spool.h"

struct observation {
	struct spool *spool;
	const struct runner_metrics *metrics;
	struct sensor_run *run;
};

struct observation_options {
	struct sensor *sensor;
	struct spool *spool;
	const struct runner_metrics *metrics;
	const struct job *job;
	const char *cgroup_directory;
	const char *init_path; /* of the sandbox, with which the run begins; NULL: all counts */
};

/* `observation` must stay in place until observation_end(). */
int observation_start(struct observation *observation, const struct observation_options *options,
                      struct error *err);

/* All that was done until now is in the spool, and `*ret` tells about the processes. */
int observation_settle(struct observation *observation, struct sensor_processes *ret,
                       struct error *err);

/* The same once more, then the end: no event comes after it. Safe without a start. */
int observation_end(struct observation *observation, struct sensor_stats *ret, struct error *err);

#endif
