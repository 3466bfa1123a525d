// SPDX-License-Identifier: Apache-2.0
#include "allow_list.h"

#include "base/clock.h"
#include "differ_sql.h"
#include "log/log.h"

enum { AGE_MAX_MS = 1000 };

void allow_list_release(struct allow_list *allow)
{
	filter_destroy(allow->filter);
	*allow = (struct allow_list){0};
}

int allow_list_refresh(struct allow_list *allow, struct db_conn *conn, locale_t locale,
                       bool run_begins, struct error *err)
{
	int64_t now_ms = clock_monotonic_ms();
	if (allow->filter && !run_begins && now_ms - allow->read_ms < AGE_MAX_MS)
		return 0;
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_allow_entries, NULL, 0, err);
	if (!rows)
		return -err->code;

	struct filter *filter = filter_create();
	struct error bad = {0};
	int64_t refused = 0;
	for (int row = 0; row < PQntuples(rows); row++) {
		const struct filter_entry entry = {
		        .id = db_cell(rows, row, 0),
		        .package = db_cell_null(rows, row, 1) ? NULL : db_cell(rows, row, 1),
		        .kind = db_cell(rows, row, 2),
		        .value = db_cell(rows, row, 3),
		};
		refused += filter_add(filter, locale, &entry, &bad) < 0;
	}
	if (refused && refused != allow->refused)
		LOG_WARN("allow entries are not valid and hold nothing back",
		         LOG_INT("count", refused), LOG_STR("last", bad.text));
	filter_destroy(allow->filter);
	*allow = (struct allow_list){filter, now_ms, refused};
	return 0;
}
