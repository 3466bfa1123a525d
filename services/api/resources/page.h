// SPDX-License-Identifier: Apache-2.0
/*
 * Which part of a list a request asks for: `limit` rows after `cursor`. A cursor is the sort key of
 * the last row seen: two values joined by '~', wrapped so that clients do not take it apart but
 * hand it back as it is.
 */
#ifndef FANGS_API_PAGE_H
#define FANGS_API_PAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"

enum { PAGE_LIMIT_DEFAULT = 50, PAGE_LIMIT_MAX = 500 };

/* What the halves of a list's cursor are, so that a made-up one is refused before the database
 * sees it. */
enum page_order {
	PAGE_BY_TIME_AND_TEXT,
	PAGE_BY_NUMBER_AND_TEXT,
	PAGE_BY_NUMBERS,
	PAGE_BY_TEXT, /* the second half; the first is empty */
	PAGE_BY_TEXTS,
};

struct page {
	int64_t limit;
	const char *after_first, *after_second; /* NULL: from the beginning; in the arena */
};

/* `limit` and `cursor` as the request has them, or NULL. DROP on a limit that is no number from 1
 * to PAGE_LIMIT_MAX and on a cursor that is not of this list's kind. */
int page_read(const char *limit, const char *cursor, enum page_order order, struct arena *arena,
              struct page *ret, struct error *err);

/* The cursor (base64url) for the row whose sort key this is. */
const char *page_cursor(struct view key, struct arena *arena);

#endif
