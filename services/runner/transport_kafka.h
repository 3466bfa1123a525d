// SPDX-License-Identifier: Apache-2.0
/*
 * The transport over the bus: jobs from the partition that the gateway gave this runner, events and
 * results to the `events` topic in the compact form, keyed by run id.
 *
 * Where reading starts: at the end that each partition had before the runner registered. What is
 * placed on it after registration lies behind that; what lies before was for an earlier process of
 * this name, whose leases the registration releases. From there on a process goes on where it was.
 * A message that is read once too often does no harm: a job past its lease is dropped, and one that
 * belongs to another attempt is cancelled by the heartbeat that its start causes.
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
