// SPDX-License-Identifier: Apache-2.0
#include "totals.h"

#include <string.h>

#include "base/clock.h"
#include "queries.h"

enum { REFRESH_MS = 15000 };

void totals_init(struct totals *totals)
{
	pthread_mutex_init(&totals->lock, NULL);
	totals->next_ms = 0;
	totals->deviations =
	        metric_family(METRIC_COUNTER, "fangs_deviations_written_total",
	                      "Deviations of this installation by severity", "severity");
	totals->notifications =
	        metric_family(METRIC_COUNTER, "fangs_notifications_total",
	                      "Webhook attempts of this installation", "notifier,status");
	totals->runners = metric_plain(METRIC_GAUGE, "fangs_runners_registered",
	                               "Runners seen within the last 90 seconds");
}

void totals_release(struct totals *totals)
{
	pthread_mutex_destroy(&totals->lock);
}

static void take_row(const struct totals *totals, const char *what, const char *label, double count)
{
	if (strcmp(what, "deviations") == 0)
		metric_set(metric_series(totals->deviations, label), count);
	else if (strcmp(what, "notifications") == 0)
		metric_set(metric_series(totals->notifications, label), count);
	else
		metric_set(totals->runners, count);
}

static void refresh(struct totals *totals, struct db *db)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, NULL);

	if (!conn)
		return;
	AUTO(pgresult) PGresult *result = db_query(conn, &query_totals, NULL, 0, NULL);
	for (int row = 0; result && row < PQntuples(result); row++)
		take_row(totals, db_cell(result, row, 0), db_cell(result, row, 1),
		         (double)db_cell_int(result, row, 2));
}

void totals_refresh(struct totals *totals, struct db *db)
{
	pthread_mutex_lock(&totals->lock);
	if (clock_monotonic_ms() >= totals->next_ms) {
		refresh(totals, db);
		totals->next_ms = clock_monotonic_ms() + REFRESH_MS;
	}
	pthread_mutex_unlock(&totals->lock);
}
