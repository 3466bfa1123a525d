// SPDX-License-Identifier: Apache-2.0
#include "totals.h"

#include <string.h>

#include "base/clock.h"
#include "queries.h"
#include "resources/rows_json.h"

enum {
	REFRESH_MS = 15000,
	REST_FACTOR = 20, /* counting may take a twentieth of the time */
	COUNTS_KEPT_MS = 1000,
	COUNTS_MAX_BYTES = 4096,
};

// clang-format off
/* Tables that only grow are counted while that is quick, and estimated beyond. */
#define SIZE_OF(table) \
	"(SELECT CASE WHEN reltuples < 20000 THEN (SELECT count(*) FROM " table ")" \
	"  ELSE reltuples::bigint END FROM pg_class WHERE oid = '" table "'::regclass)"

static const struct db_statement count_all = {"api_counts",
	"SELECT (SELECT count(*) FROM packages) AS packages, " SIZE_OF("runs") " AS runs,"
	" (SELECT count(*) FROM runs WHERE phase = 'queued') AS queued,"
	" (SELECT count(*) FROM runs WHERE phase IN ('leased', 'running')) AS running,"
	" (SELECT count(*) FROM runs WHERE verdict = 'deviates' AND NOT is_baseline"
	"   AND decision = '') AS pending, " SIZE_OF("deviations") " AS deviations"};
// clang-format on

void totals_init(struct totals *totals)
{
	pthread_mutex_init(&totals->lock, NULL);
	pthread_mutex_init(&totals->counts_lock, NULL);
	totals->next_ms = 0;
	totals->counts_until_ms = 0;
	buf_init(&totals->counts, COUNTS_MAX_BYTES);
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
	pthread_mutex_destroy(&totals->counts_lock);
	buf_release(&totals->counts);
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
		int64_t begun_ms = clock_monotonic_ms();
		refresh(totals, db);
		int64_t now_ms = clock_monotonic_ms();
		int64_t rest_ms = (now_ms - begun_ms) * REST_FACTOR;
		totals->next_ms = now_ms + (rest_ms > REFRESH_MS ? rest_ms : REFRESH_MS);
	}
	pthread_mutex_unlock(&totals->lock);
}

/* Under the lock. False: the database is away. */
static bool count(struct totals *totals, struct db_conn *conn, struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, &count_all, NULL, 0, err);

	if (!result)
		return false;
	buf_reset(&totals->counts);
	struct json_writer w = json_writer_on(&totals->counts);
	json_object(&w);
	rows_write_members(&w, result, 0, PQnfields(result));
	json_end_object(&w);
	return true;
}

struct view totals_counts(struct totals *totals, struct db_conn *conn, struct arena *arena,
                          struct error *err)
{
	struct view ret = {0};

	pthread_mutex_lock(&totals->counts_lock);
	bool known = clock_monotonic_ms() < totals->counts_until_ms;
	if (!known && count(totals, conn, err)) {
		totals->counts_until_ms = clock_monotonic_ms() + COUNTS_KEPT_MS;
		known = true;
	}
	if (known)
		ret = arena_copy(arena, buf_view(&totals->counts));
	pthread_mutex_unlock(&totals->counts_lock);
	return ret;
}
