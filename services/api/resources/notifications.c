// SPDX-License-Identifier: Apache-2.0
/* What was sent to the notifiers: one row for each attempt. */
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
#define COLUMNS \
	"SELECT s.id, s.run_id, s.notifier_name AS notifier, s.attempt, s.status, " \
	UTC("s.last_attempted_at") " AS last_attempted_at, " \
	UTC("s.next_attempt_at") " AS next_attempt_at, s.response_code, s.response_body," \
	" s.error_msg, s.deviation_count, " UTC("s.created_at") " AS created_at, " \
	TIME_CURSOR("s.created_at", "s.id")

static const struct param filters[] = {
	{"notifier", PARAM_TEXT, NULL},
	{"status", PARAM_WORD, "queued|sent|failed|permanent"},
	{"run", PARAM_ID_PREFIX, NULL},
	{"package", PARAM_TEXT, NULL},
};
static const struct list all_notifications = {
	.statement = {"api_all_notifications",
		COLUMNS " FROM notifications s JOIN runs r ON r.id = s.run_id"
		" WHERE " NEWER_THAN_PAGE("s.created_at", "s.id")
		" AND " FILTER("s.notifier_name", 4)
		" AND " FILTER("s.status", 5)
		" AND " FILTER_PREFIX("s.run_id", 6)
		" AND " FILTER("r.package_name", 7)
		NEWEST_FIRST("s.created_at", "s.id")},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(filters),
};

/* As they happened. */
static const struct list notifications_of_run = {
	.statement = {"api_notifications",
		COLUMNS " FROM notifications s WHERE s.run_id = $4"
		" AND (s.created_at, s.id) > (COALESCE($2::timestamptz, '-infinity'), COALESCE($3, ''))"
		" ORDER BY s.created_at, s.id LIMIT $1::bigint"},
	.order = PAGE_BY_TIME_AND_TEXT,
};
// clang-format on

void notifications_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_notifications, NULL);
}

void notifications_handle_of_run(void *ctx, struct http_request *request)
{
	const char *run_id = lookup_id(ctx, request, LOOKUP_RUN);

	if (run_id)
		list_reply(ctx, request, &notifications_of_run, run_id);
}
