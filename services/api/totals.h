// SPDX-License-Identifier: Apache-2.0
/*
 * Metrics of the whole installation which existing dashboards look for at the gateway, although
 * other services do what they count: asked from the database, at most every few seconds however
 * many scrapers come.
 */
#ifndef FANGS_API_TOTALS_H
#define FANGS_API_TOTALS_H

#include <pthread.h>
#include <stdint.h>

#include "db/db.h"
#include "metrics/metrics.h"

struct totals {
	pthread_mutex_t lock;
	int64_t next_ms;
	struct metric_family *deviations;    /* by severity */
	struct metric_family *notifications; /* by notifier, status */
	struct metric *runners;
};

void totals_init(struct totals *totals);
void totals_release(struct totals *totals);

/* Before a scrape. While the database is away the last values stand. */
void totals_refresh(struct totals *totals, struct db *db);

#endif
