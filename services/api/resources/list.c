// SPDX-License-Identifier: Apache-2.0
#include "resources/list.h"

#include "resources/rows_json.h"

enum { LIMIT, CURSOR, PAGE_PARAMS };

bool list_read(struct http_request *request, const struct list *list, struct list_request *ret)
{
	struct param params[PAGE_PARAMS + PARAMS_MAX] = {
	        [LIMIT] = {"limit", PARAM_TEXT, NULL},
	        [CURSOR] = {"cursor", PARAM_TEXT, NULL},
	};
	const char *values[PAGE_PARAMS + PARAMS_MAX];
	struct error err = {0};

	for (size_t i = 0; i < list->filter_count; i++)
		params[PAGE_PARAMS + i] = list->filters[i];
	if (!params_read(request, params, PAGE_PARAMS + list->filter_count, values))
		return false;
	for (size_t i = 0; i < list->filter_count; i++)
		ret->values[i] = values[PAGE_PARAMS + i];
	if (page_read(values[LIMIT], values[CURSOR], list->order, http_request_arena(request),
	              &ret->page, &err) == 0)
		return true;
	http_reply_error(request, 400, "%s", err.text);
	return false;
}

PGresult *list_query(struct db_conn *conn, const struct list *list,
                     const struct list_request *asked, const char *parent, struct error *err)
{
	struct db_param params[DB_PARAMS_MAX] = {DB_INT(asked->page.limit + 1),
	                                         DB_TEXT(asked->page.after_first),
	                                         DB_TEXT(asked->page.after_second)};
	size_t count = 3;

	if (parent)
		params[count++] = DB_TEXT(parent);
	for (size_t i = 0; i < list->filter_count; i++)
		params[count++] = DB_TEXT(asked->values[i]);
	return db_query(conn, &list->statement, params, count, err);
}

/* One row more than asked for tells that there are more. */
void list_write(struct json_writer *w, const PGresult *result, const struct page *page,
                struct arena *arena)
{
	int rows = PQntuples(result), columns = PQnfields(result) - 1;
	bool more = rows > page->limit;
	int end = more ? (int)page->limit : rows;

	json_member(w, "items");
	rows_write_array(w, result, 0, end, columns);
	json_member_string(
	        w, "next_cursor",
	        more ? page_cursor(view_of_string(db_cell(result, end - 1, columns)), arena)
	             : NULL);
}

void list_reply_document(struct http_request *request, const struct buf *body)
{
	if (body->overflowed)
		http_reply_error(request, 400, "the page is too large: ask for a smaller limit");
	else
		http_reply_json(request, 200, buf_view(body));
}

void list_reply(struct api *api, struct http_request *request, const struct list *list,
                const char *parent)
{
	struct list_request asked;
	struct error err = {0};

	if (!list_read(request, list, &asked))
		return;
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	AUTO(pgresult)
	PGresult *result = conn ? list_query(conn, list, &asked, parent, &err) : NULL;
	if (!result) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, LIST_ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	list_write(&w, result, &asked.page, http_request_arena(request));
	json_end_object(&w);
	list_reply_document(request, &body);
}

void list_reply_one(struct api *api, struct http_request *request,
                    const struct db_statement *statement, const char *key, const char *what)
{
	const struct db_param params[] = {DB_TEXT(key)};
	struct error err = {0};

	if (!params_none(request))
		return;
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	AUTO(pgresult) PGresult *result = conn ? db_query(conn, statement, params, 1, &err) : NULL;
	if (!result) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (PQntuples(result) == 0) {
		http_reply_error(request, 404, "%s not found", what);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, LIST_ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	rows_write_members(&w, result, 0, PQnfields(result));
	json_end_object(&w);
	list_reply_document(request, &body);
}
