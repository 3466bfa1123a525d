// SPDX-License-Identifier: Apache-2.0
/*
 * The transport over the bus: jobs from the partition that the gateway gave this runner, events and
 * results to the `events` topic in the compact form, keyed by run id.
 *
 * Where reading the partition starts: a process goes on where it was; a new one begins a few
 * messages before the log's end. Jobs of an earlier boot are no longer this runner's (registration
 * with a new boot id releases their leases), and what was placed since registration is among the
 * last few, as no more jobs than slots are placed. A message that was read once too often does no
 * harm: a job past its lease is dropped, and one that belongs to another attempt is cancelled by
 * the heartbeat that its start causes.
 */
#ifndef FANGS_RUNNER_TRANSPORT_KAFKA_H
#define FANGS_RUNNER_TRANSPORT_KAFKA_H

#include "bus/bus.h"
#include "control.h"
#include "runner_config.h"
#include "transport.h"

struct transport_kafka_options {
	const struct runner_config *config;
	struct control *control;
	struct bus *bus; /* borrowed */
};

struct transport *transport_kafka_create(const struct transport_kafka_options *options);

#endif
