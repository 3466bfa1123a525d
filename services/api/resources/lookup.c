// SPDX-License-Identifier: Apache-2.0
#include "resources/lookup.h"

#include <string.h>

#include "resources/params.h"
#include "json/json_writer.h"

enum { CANDIDATES_MAX = 10, ANSWER_MAX_BYTES = 64 << 10 };

/* For ids of hex digits: an index range also in a plan that does not know the prefix. An id that is
 * all of an other's beginning is meant itself. */
#define FIND_HEX(table)                                                                            \
	"SELECT id FROM " table " WHERE id ~>=~ $1 AND id ~<~ ($1 || 'g')"                         \
	" ORDER BY id <> $1, id LIMIT $2::bigint"

static const struct kind {
	const char *what;
	bool hex;
	struct db_statement find;
} kinds[] = {
        [LOOKUP_RUN] = {"run", true, {"api_find_runs", FIND_HEX("runs")}},
        [LOOKUP_DEVIATION] = {"deviation", true, {"api_find_deviations", FIND_HEX("deviations")}},
        /* The existing CLI's may have any id; there are few. */
        [LOOKUP_ALLOW_ENTRY] = {"allow entry",
                                false,
                                {"api_find_allow_entries",
                                 "SELECT id FROM allow_entries WHERE starts_with(id, $1)"
                                 " ORDER BY id <> $1, id LIMIT $2::bigint"}},
};

static void reply_ambiguous(struct http_request *request, const char *what, const PGresult *ids)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "error",
	                   arena_printf(http_request_arena(request), "%s id '%s' is ambiguous",
	                                what, http_request_param(request, "id")));
	json_member(&w, "candidates");
	json_array(&w);
	for (int row = 0; row < PQntuples(ids); row++)
		json_put_string(&w, db_cell(ids, row, 0));
	json_end_array(&w);
	json_end_object(&w);
	http_reply_json(request, 409, buf_view(&body));
}

static PGresult *find(struct api *api, const struct kind *kind, const char *prefix,
                      struct error *err)
{
	const struct db_param params[] = {DB_TEXT(prefix), DB_INT(CANDIDATES_MAX)};
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	return conn ? db_query(conn, &kind->find, params, 2, err) : NULL;
}

const char *lookup_id(struct api *api, struct http_request *request, enum lookup_kind wanted)
{
	const struct kind *kind = &kinds[wanted];
	const char *prefix = http_request_param(request, "id");
	struct error err = {0};

	if (kind->hex && !params_is_id_prefix(prefix)) {
		http_reply_error(request, 404, "%s not found", kind->what);
		return NULL;
	}
	AUTO(pgresult) PGresult *ids = find(api, kind, prefix, &err);
	if (!ids) {
		failure_reply(&api->failures, request, &err);
		return NULL;
	}
	int count = PQntuples(ids);
	if (count == 1 || (count > 1 && strcmp(db_cell(ids, 0, 0), prefix) == 0))
		return arena_strdup(http_request_arena(request), db_cell(ids, 0, 0));
	if (count == 0)
		http_reply_error(request, 404, "%s not found", kind->what);
	else
		reply_ambiguous(request, kind->what, ids);
	return NULL;
}
