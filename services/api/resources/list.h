// SPDX-License-Identifier: Apache-2.0
/*
 * Answers made of rows: lists that are paged and filtered, and single things. A resource is its SQL
 * and a few lines that say what is asked of it.
 *
 * A list's statement takes the number of rows as $1 and where to begin as $2 and $3, the two halves
 * of the last row's `cursor` before and behind its first '~', or NULL. When it is of one thing, $4
 * is that thing's key. The values of its filters follow in the order of the table, NULL when not
 * given. The columns' names are the members' names, their types the JSON types (rows_json.h); the
 * last column is the cursor.
 */
#ifndef FANGS_API_LIST_H
#define FANGS_API_LIST_H

#include "api.h"
#include "db/db.h"
#include "resources/page.h"
#include "resources/params.h"
#include "json/json_writer.h"

struct list {
	struct db_statement statement;
	enum page_order order;
	const struct param *filters;
	size_t filter_count;
};
#define LIST_FILTERS(table) .filters = (table), .filter_count = sizeof(table) / sizeof((table)[0])

/* What a request asks of a list. */
struct list_request {
	struct page page;
	const char *values[PARAMS_MAX]; /* of the filters */
};

/* False when it was answered (400). */
bool list_read(struct http_request *request, const struct list *list, struct list_request *ret);

/* One page. `parent` NULL: of everything. */
PGresult *list_query(struct db_conn *conn, const struct list *list,
                     const struct list_request *asked, const char *parent, struct error *err);

/* All of it: reads the request, asks, answers. `parent` as above. */
void list_reply(struct api *api, struct http_request *request, const struct list *list,
                const char *parent);

/* "items" and "next_cursor", into an open object. */
void list_write(struct json_writer *w, const PGresult *result, const struct page *page,
                struct arena *arena);

/* One row as an object; 404 "<what> not found" without. `key` is $1. */
void list_reply_one(struct api *api, struct http_request *request,
                    const struct db_statement *statement, const char *key, const char *what);

/* 200, unless it did not fit. */
void list_reply_document(struct http_request *request, const struct buf *body);
enum { LIST_ANSWER_MAX_BYTES = 64 << 20 }; /* 500 events of the largest kind fit */

#endif
