// SPDX-License-Identifier: Apache-2.0
/*
 * Is the bus in reach? Producers and consumers of one bus report here, and an outage becomes one
 * log line at its begin, one every half a minute, and one at its end, however many report it: what
 * happens in the bus's own threads has no caller who could log it.
 */
#ifndef FANGS_BUS_BUS_HEALTH_H
#define FANGS_BUS_BUS_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct bus_health {
	atomic_bool suspected; /* something failed, which need not be the whole bus */
	atomic_bool away;
	pthread_mutex_t lock; /* guards what follows */
	int64_t last_log_ms;  /* monotonic */
	struct error last;    /* what was reported last */
};

void bus_health_init(struct bus_health *health);
void bus_health_release(struct bus_health *health);

/* From any thread. A suspicion is remembered with its reason, and is either confirmed or dispelled
 * by who looks closer. */
void bus_health_suspect(struct bus_health *health, const struct error *err);
bool bus_health_is_suspected(struct bus_health *health);
void bus_health_confirm(struct bus_health *health);
void bus_health_failed(struct bus_health *health, const struct error *err);
void bus_health_ok(struct bus_health *health);
/* Sets `*err` to the last report and returns its negative code; 0 while the bus is in reach. */
int bus_health_check(struct bus_health *health, struct error *err);

#endif
