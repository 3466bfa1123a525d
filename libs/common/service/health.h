// SPDX-License-Identifier: Apache-2.0
/* The listener for /livez, /readyz and /metrics. */
#ifndef FANGS_SERVICE_HEALTH_H
#define FANGS_SERVICE_HEALTH_H

#include <stdint.h>

#include "base/error.h"
#include "service/readiness.h"

struct health;

/* What the answers are made of; called and read by the listener's threads. */
struct health_source {
	struct readiness *readiness;
	int64_t (*since_tick_ms)(void *ctx); /* how long ago the main loop ticked */
	void *ctx;
};

/* NULL when the address is not free and the like. The source's pointers are borrowed. */
struct health *health_start(const char *listen, const struct health_source *source,
                            struct error *err);
int health_port(const struct health *health);
void health_stop(struct health *health); /* accepts NULL */

#endif
