// SPDX-License-Identifier: Apache-2.0
/*
 * A release announced on the bus becomes a queued run: the handler of the `releases` topic. A
 * release which already has a run is left alone, so that a message delivered twice makes no second
 * one.
 */
#ifndef FANGS_DISPATCHER_RELEASES_H
#define FANGS_DISPATCHER_RELEASES_H

#include "bus/consume.h"
#include "dispatcher.h"

struct releases {
	const struct dispatcher_config *config;
	const struct dispatcher_metrics *metrics;
};

/* struct releases as `ctx`. */
enum handled releases_handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                             struct error *err);

#endif
