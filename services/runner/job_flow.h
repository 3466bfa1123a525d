// SPDX-License-Identifier: Apache-2.0
/*
 * One job from its arrival to its result, on a thread of its own.
 *
 * The order is what makes a run complete: sensor before container, container kept alive through
 * the grace period, sensor drained before the spool is closed, spool empty before the result.
 * Whatever happens on the way, the sandbox and its cgroup are removed and a result is sent, unless
 * the attempt was given to another runner meanwhile, or is handed back because this one stops.
 */
#ifndef FANGS_RUNNER_JOB_FLOW_H
#define FANGS_RUNNER_JOB_FLOW_H

#include "attempt.h"
#include "cgroup.h"
#include "control.h"
#include "runner_config.h"
#include "runner_metrics.h"
#include "sandbox.h"
#include "sensor/sensor.h"
#include "transport.h"

/* What jobs share; all borrowed, all safe to use from several threads. */
struct job_flow {
	const struct runner_config *config;
	const struct runner_metrics *metrics;
	const struct cgroup_tree *cgroups;
	enum cgroup_naming cgroup_naming;
	struct sandbox_driver *driver;
	struct sensor *sensor;
	struct transport *transport;
	struct control *control;
};

/* Runs the job; one that could not be read only gets its result. */
void job_flow_run(const struct job_flow *shared, struct attempt *attempt);

#endif
