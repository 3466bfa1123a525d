// SPDX-License-Identifier: Apache-2.0
/*
 * The runner's parts and their life: sensor, container engine, gateway, transport, slots.
 */
#ifndef FANGS_RUNNER_RUNNER_H
#define FANGS_RUNNER_RUNNER_H

#include "base/error.h"
#include "bus/bus.h"
#include "runner_config.h"
#include "sandbox.h"
#include "service/service.h"

struct runner;

struct runner_options { /* all borrowed */
	struct service *service;
	const struct runner_config *config;
	const struct bus_config *bus; /* read for transport kafka */
	int64_t drain_timeout_ms;
};

/* Opens the sensor, waits for the container engine and the gateway, removes what an earlier crash
 * left behind. NULL with ECANCELED in `*err` when the service was stopped meanwhile. */
struct runner *runner_create(const struct runner_options *options, struct error *err);

/* Takes jobs until the service stops, then lets them end within the drain timeout. On failure jobs
 * may still be running: the process can only exit. */
int runner_run(struct runner *runner, struct error *err);
void runner_destroy(struct runner *runner);

/* The container engine as configured. */
struct sandbox_driver *runner_engine(const struct runner_config *config);

#endif
