// SPDX-License-Identifier: Apache-2.0
/* What a run's sensor saw. */
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"

// clang-format off
static const struct param filters[] = {
	{"type", PARAM_WORD, "file_access|exec|net_connect|dns_query|tls_sni|unknown"},
	{"pid", PARAM_NUMBER, NULL},
	{"contains", PARAM_TEXT, NULL}, /* in the payload's text, ignoring case */
	{"since", PARAM_TIME, NULL},
	{"until", PARAM_TIME, NULL},
};

#define MATCHES \
	"(ts_ns, id) > (COALESCE($2::bigint, -1), COALESCE($3::bigint, -1))" \
	" AND " FILTER("type", 5) \
	" AND ($6::bigint IS NULL OR data #>> '{Header,PID}' = $6::bigint::text)" \
	" AND ($7::text IS NULL OR strpos(lower(data::text), lower($7)) > 0)" \
	" AND ($8::timestamptz IS NULL OR ts_ns >= fangs_ns($8::timestamptz))" \
	" AND ($9::timestamptz IS NULL OR ts_ns < fangs_ns($9::timestamptz))"
#define OF_RUN "WHERE run_id = $4 AND ts_ns >= COALESCE($2::bigint, -1)"

/* In order of arrival. Chunks are unpacked one after the other, in the order of the inner query, until
 * the page is full. */
static const struct list events_of_run = {
	.statement = {"api_events",
		"SELECT id, run_id, type, ts_ns, "
		UTC("to_timestamp(ts_ns / 1000 / 1000000.0)") " AS received_at, data,"
		" ts_ns || '~' || id AS cursor FROM ("
		"(SELECT id, run_id, ts_ns, type, data FROM event_rows " OF_RUN
		"  AND " MATCHES " ORDER BY ts_ns, id LIMIT $1::bigint)"
		" UNION ALL"
		" (SELECT * FROM (SELECT e.* FROM (SELECT * FROM event_chunks " OF_RUN " ORDER BY ts_ns, first_id) c,"
		"  LATERAL (SELECT c.first_id + n - 1 AS id, c.run_id, c.ts_ns,"
		"   fangs_event_type(c.types, n::integer) AS type, line::jsonb AS data"
		"   FROM string_to_table(c.data, E'\n') WITH ORDINALITY AS l (line, n)) e) AS unpacked"
		"  WHERE " MATCHES " LIMIT $1::bigint)) AS page"
		" ORDER BY ts_ns, id LIMIT $1::bigint"},
	.order = PAGE_BY_NUMBERS,
	LIST_FILTERS(filters),
};
// clang-format on

void events_handle_list(void *ctx, struct http_request *request)
{
	const char *run_id = lookup_id(ctx, request, LOOKUP_RUN);

	if (run_id)
		list_reply(ctx, request, &events_of_run, run_id);
}
