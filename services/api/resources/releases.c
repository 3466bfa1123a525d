// SPDX-License-Identifier: Apache-2.0
/* Releases that the watcher found. */
#include "resources/list.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
#define KEY "(l.package_name || ' ' || l.version)"

static const struct param filters[] = {
	{"package", PARAM_TEXT, NULL},
	{"version", PARAM_TEXT, NULL},
	{"since", PARAM_TIME, NULL},
	{"until", PARAM_TIME, NULL},
};
static const struct list all_releases = {
	.statement = {"api_releases",
		"SELECT l.package_name AS package, l.version, l.tarball_url, l.shasum,"
		" l.npm_integrity AS integrity, "
		UTC("l.published_at") " AS published_at, "
		UTC("l.discovered_at") " AS discovered_at, "
		TIME_CURSOR("l.discovered_at", KEY) " FROM releases l"
		" WHERE " NEWER_THAN_PAGE("l.discovered_at", KEY)
		" AND " FILTER("l.package_name", 4)
		" AND " FILTER("l.version", 5)
		" AND " FILTER_SINCE("l.discovered_at", 6)
		" AND " FILTER_UNTIL("l.discovered_at", 7)
		NEWEST_FIRST("l.discovered_at", KEY)},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(filters),
};
// clang-format on

void releases_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_releases, NULL);
}
