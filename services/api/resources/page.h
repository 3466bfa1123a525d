// SPDX-License-Identifier: Apache-2.0
/*
 * Which part of a list a request asks for: `limit` rows after `cursor`. A cursor is the sort key of
 * the last row seen, two values joined by '~'; clients hand it back as it is.
 */
#ifndef FANGS_API_PAGE_H
#define FANGS_API_PAGE_H

#include "base/arena.h"
#include "base/error.h"

enum { PAGE_LIMIT_DEFAULT = 50, PAGE_LIMIT_MAX = 500 };

struct page {
	int64_t limit;
	const char *after_first, *after_second; /* NULL: from the beginning; in the arena */
};

/* `limit` and `cursor` as the query string has them, or NULL. DROP on a limit that is no number
 * from 1 on; a larger one than the maximum is the maximum. */
int page_read(const char *limit, const char *cursor, struct arena *arena, struct page *ret,
              struct error *err);

#endif
