// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers of the whole installation, asked from the database and remembered for a while, however
 * many ask: metrics which existing dashboards look for at the gateway although other services do
 * what they count, and the counts that the overview shows.
 */
#ifndef FANGS_API_TOTALS_H
#define FANGS_API_TOTALS_H

#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "db/db.h"
#include "metrics/metrics.h"

struct totals {
	pthread_mutex_t lock;
	int64_t next_ms;
	struct metric_family *deviations;    /* by severity */
	struct metric_family *notifications; /* by notifier, status */
	struct metric *runners;
	pthread_mutex_t counts_lock;
	int64_t counts_until_ms;
	struct buf counts; /* a JSON object */
};

void totals_init(struct totals *totals);
void totals_release(struct totals *totals);

/* Before a scrape. While the database is away the last values stand; where counting takes long it
 * is done the more rarely. */
void totals_refresh(struct totals *totals, struct db *db);

/* The JSON object of counts for the overview, a second old at most; in the arena. What is large is
 * estimated. Empty when the database is away. */
struct view totals_counts(struct totals *totals, struct db_conn *conn, struct arena *arena,
                          struct error *err);

#endif
