// SPDX-License-Identifier: Apache-2.0
#include "resources/browse.h"

#include <string.h>

#include "queries.h"
#include "resources/page.h"
#include "resources/rows_json.h"

enum {
	ANSWER_MAX_BYTES = 64 << 20, /* 500 events of the largest kind fit */
	FILTERS_MAX = 4,
	FIRST_FILTER = 3, /* index of $4 */
	CANDIDATES_MAX = 10,
	ID_SIZE = 32,
};

/* A list: its statement, and the query parameters that fill $4 and on. */
struct list {
	const struct db_statement *statement;
	const char *filters[FILTERS_MAX];
};

static const char *filter_value(struct http_request *request, const char *name)
{
	const char *value = http_request_query(request, name);

	return value && *value ? value : NULL;
}

/* Writes "items" and "next_cursor" into an open object. One row more than asked for tells that
 * there are more; the last column is the cursor. */
static void write_page(struct json_writer *w, const PGresult *result, const struct page *page)
{
	int rows = PQntuples(result), columns = PQnfields(result) - 1;
	bool more = rows > page->limit;
	int end = more ? (int)page->limit : rows;

	json_member(w, "items");
	rows_write_array(w, result, 0, end, columns);
	json_member_string(w, "next_cursor", more ? db_cell(result, end - 1, columns) : NULL);
}

static void reply_document(struct http_request *request, const struct buf *body)
{
	if (body->overflowed)
		http_reply_error(request, 400, "the page is too large; ask for a smaller limit");
	else
		http_reply_json(request, 200, buf_view(body));
}

static bool read_page(struct http_request *request, struct page *ret)
{
	struct error err = {0};

	if (page_read(http_request_query(request, "limit"), http_request_query(request, "cursor"),
	              http_request_arena(request), ret, &err) == 0)
		return true;
	http_reply_error(request, 400, "%s", err.text);
	return false;
}

static PGresult *query_page(struct db_conn *conn, struct http_request *request,
                            const struct list *list, const char *parent, const struct page *page,
                            struct error *err)
{
	struct db_param params[FIRST_FILTER + FILTERS_MAX + 1] = {
	        DB_INT(page->limit + 1), DB_TEXT(page->after_first), DB_TEXT(page->after_second)};
	size_t count = FIRST_FILTER;

	if (parent)
		params[count++] = DB_TEXT(parent);
	for (size_t i = 0; i < FILTERS_MAX && list->filters[i]; i++)
		params[count++] = DB_TEXT(filter_value(request, list->filters[i]));
	return db_query(conn, list->statement, params, count, err);
}

/* A list below a thing (`parent` is $4, the filters follow it), or of everything (NULL). */
static void reply_list(struct api *api, struct http_request *request, struct db_conn *conn,
                       const struct list *list, const char *parent)
{
	struct error err = {0};
	struct page page;

	if (!read_page(request, &page))
		return;
	AUTO(pgresult) PGresult *result = query_page(conn, request, list, parent, &page, &err);
	if (!result) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	write_page(&w, result, &page);
	json_end_object(&w);
	reply_document(request, &body);
}

static struct db_conn *connect_or_fail(struct api *api, struct http_request *request)
{
	struct error err = {0};
	struct db_conn *conn = db_acquire(api->db, &err);

	if (!conn)
		failure_reply(&api->failures, request, &err);
	return conn;
}

static void list_all(struct api *api, struct http_request *request, const struct list *list)
{
	AUTO(db_conn) struct db_conn *conn = connect_or_fail(api, request);

	if (conn)
		reply_list(api, request, conn, list, NULL);
}

static void list_of_run(struct api *api, struct http_request *request, const struct list *list)
{
	AUTO(db_conn) struct db_conn *conn = connect_or_fail(api, request);
	const char *id = conn ? browse_resolve_id(api, request, conn, false) : NULL;

	if (id)
		reply_list(api, request, conn, list, id);
}

static void reply_ambiguous(struct http_request *request, const char *what,
                            const struct id_list *ids)
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
	for (size_t i = 0; i < ids->count; i++)
		json_put_string(&w, ids->items[i]);
	json_end_array(&w);
	json_end_object(&w);
	http_reply_json(request, 409, buf_view(&body));
}

static bool is_id_prefix(const char *text)
{
	size_t size = strspn(text, "0123456789abcdef");

	return size > 0 && size <= ID_SIZE && text[size] == '\0';
}

const char *browse_resolve_id(struct api *api, struct http_request *request, struct db_conn *conn,
                              bool deviation)
{
	const char *prefix = http_request_param(request, "id");
	const char *what = deviation ? "deviation" : "run";
	struct id_list ids = {0};
	struct error err = {0};

	if (is_id_prefix(prefix) && query_find_ids(conn, deviation, prefix, CANDIDATES_MAX,
	                                           http_request_arena(request), &ids, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return NULL;
	}
	if (ids.count == 0)
		http_reply_error(request, 404, "%s not found", what);
	else if (ids.count > 1)
		reply_ambiguous(request, what, &ids);
	return ids.count == 1 ? ids.items[0] : NULL;
}

/* One row as an object; 404 without. */
static void reply_one(struct api *api, struct http_request *request, struct db_conn *conn,
                      const struct db_statement *statement, const char *key, const char *what)
{
	const struct db_param params[] = {DB_TEXT(key)};
	struct error err = {0};
	AUTO(pgresult) PGresult *result = db_query(conn, statement, params, 1, &err);

	if (!result) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (PQntuples(result) == 0) {
		http_reply_error(request, 404, "%s not found", what);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	rows_write_members(&w, result, 0, PQnfields(result));
	json_end_object(&w);
	reply_document(request, &body);
}

void browse_handle_packages(void *ctx, struct http_request *request)
{
	list_all(ctx, request, &(struct list){&browse_packages, {NULL}});
}

void browse_handle_package(void *ctx, struct http_request *request)
{
	AUTO(db_conn) struct db_conn *conn = connect_or_fail(ctx, request);

	if (conn)
		reply_one(ctx, request, conn, &browse_package, http_request_param(request, "name"),
		          "package");
}

void browse_handle_releases(void *ctx, struct http_request *request)
{
	list_all(ctx, request, &(struct list){&browse_releases, {"package"}});
}

void browse_handle_runs(void *ctx, struct http_request *request)
{
	list_all(ctx, request,
	         &(struct list){&browse_runs, {"package", "state", "phase", "verdict"}});
}

void browse_handle_run(void *ctx, struct http_request *request)
{
	AUTO(db_conn) struct db_conn *conn = connect_or_fail(ctx, request);
	const char *id = conn ? browse_resolve_id(ctx, request, conn, false) : NULL;

	if (id)
		reply_one(ctx, request, conn, &browse_run, id, "run");
}

void browse_handle_run_deviations(void *ctx, struct http_request *request)
{
	list_of_run(ctx, request, &(struct list){&browse_run_deviations, {NULL}});
}

void browse_handle_run_events(void *ctx, struct http_request *request)
{
	list_of_run(ctx, request, &(struct list){&browse_events, {"type"}});
}

void browse_handle_run_notifications(void *ctx, struct http_request *request)
{
	list_of_run(ctx, request, &(struct list){&browse_notifications, {NULL}});
}

void browse_handle_deviations(void *ctx, struct http_request *request)
{
	const char *run = filter_value(request, "run");

	if (run && !is_id_prefix(run)) {
		http_reply_error(request, 400, "run must be the beginning of a run's id");
		return;
	}
	list_all(ctx, request,
	         &(struct list){&browse_deviations, {"package", "severity", "category", "run"}});
}

void browse_handle_deviation(void *ctx, struct http_request *request)
{
	AUTO(db_conn) struct db_conn *conn = connect_or_fail(ctx, request);
	const char *id = conn ? browse_resolve_id(ctx, request, conn, true) : NULL;

	if (id)
		reply_one(ctx, request, conn, &browse_deviation, id, "deviation");
}

void browse_handle_pending(void *ctx, struct http_request *request)
{
	list_all(ctx, request, &(struct list){&browse_pending, {"package"}});
}

static void write_baseline(struct buf *body, const PGresult *head, const PGresult *items,
                           const struct page *page)
{
	struct json_writer w = json_writer_on(body);

	json_object(&w);
	rows_write_members(&w, head, 0, PQnfields(head));
	write_page(&w, items, page);
	json_end_object(&w);
}

void browse_handle_baseline(void *ctx, struct http_request *request)
{
	const char *package = http_request_param(request, "package");
	const struct db_param params[] = {DB_TEXT(package)};
	const struct list items_list = {&browse_baseline_items, {NULL}};
	struct api *api = ctx;
	struct error err = {0};
	struct page page;

	if (!read_page(request, &page))
		return;
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	AUTO(pgresult)
	PGresult *head = conn ? db_query(conn, &browse_baseline, params, 1, &err) : NULL;
	AUTO(pgresult)
	PGresult *items =
	        head ? query_page(conn, request, &items_list, package, &page, &err) : NULL;
	if (!items) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (PQntuples(head) == 0) {
		http_reply_error(request, 404, "package '%s' has no baseline", package);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, ANSWER_MAX_BYTES);
	write_baseline(&body, head, items, &page);
	reply_document(request, &body);
}

void browse_handle_runners(void *ctx, struct http_request *request)
{
	list_all(ctx, request, &(struct list){&browse_runners, {NULL}});
}

void browse_handle_notifiers(void *ctx, struct http_request *request)
{
	list_all(ctx, request, &(struct list){&browse_notifiers, {NULL}});
}
