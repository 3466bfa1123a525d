// SPDX-License-Identifier: Apache-2.0
#include "live/position.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"

struct position {
	unsigned refs;
	int64_t told_us;
	uint64_t xmin, xmax;
	uint64_t *open; /* between them and not seen, ascending */
	size_t open_count;
	char *snapshot;
	char *cursor;
};

/* "" is an empty list. Each transaction takes two bytes at least. */
static bool read_open(struct position *p, struct view list)
{
	p->open = xcalloc(list.size / 2 + 1, sizeof(*p->open));
	while (list.size) {
		uint64_t xid;
		if (!view_to_u64(view_split(&list, ','), &xid) || xid < p->xmin || xid >= p->xmax ||
		    (p->open_count && xid <= p->open[p->open_count - 1]))
			return false;
		p->open[p->open_count++] = xid;
	}
	return true;
}

static bool read_snapshot(struct position *p, struct view text)
{
	return view_to_u64(view_split(&text, ':'), &p->xmin) &&
	       view_to_u64(view_split(&text, ':'), &p->xmax) && p->xmin > 0 && p->xmin <= p->xmax &&
	       p->xmax <= INT64_MAX && read_open(p, text);
}

static void write_snapshot(const struct position *p, struct buf *out)
{
	buf_printf(out, "%" PRIu64 ":%" PRIu64 ":", p->xmin, p->xmax);
	for (size_t i = 0; i < p->open_count; i++)
		buf_printf(out, "%s%" PRIu64, i ? "," : "", p->open[i]);
}

/* What is asked of the database must be its own words, or nobody's question would be answered. */
static bool is_canonical(const struct position *p, struct view text)
{
	AUTO(buf) struct buf own;

	buf_init(&own, text.size);
	write_snapshot(p, &own);
	return !own.overflowed && view_equal(buf_view(&own), text);
}

struct position *position_make(int64_t told_us, struct view snapshot)
{
	struct position *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->told_us = told_us;
	if (!read_snapshot(p, snapshot) || !is_canonical(p, snapshot)) {
		position_unref(p);
		return NULL;
	}
	p->snapshot = view_dup(snapshot);
	if (snapshot.size > POSITION_CURSOR_MAX / 2)
		p->cursor = xasprintf("%" PRId64 ".%" PRIu64 ":%" PRIu64 ":", told_us, p->xmin,
		                      p->xmin);
	else
		p->cursor = xasprintf("%" PRId64 ".%s", told_us, p->snapshot);
	return p;
}

struct position *position_parse(struct view cursor)
{
	int64_t told_us;

	if (cursor.size > POSITION_CURSOR_MAX || !view_to_i64(view_split(&cursor, '.'), &told_us) ||
	    told_us < 0)
		return NULL;
	return position_make(told_us, cursor);
}

struct position *position_floor(const struct position *a, const struct position *b)
{
	AUTO(free) char *text = NULL;
	uint64_t xmin = a && a->xmin < b->xmin ? a->xmin : b->xmin;

	text = xasprintf("%" PRIu64 ":%" PRIu64 ":", xmin, xmin);
	return position_make(a && a->told_us < b->told_us ? a->told_us : b->told_us,
	                     view_of_string(text));
}

struct position *position_ref(struct position *position)
{
	position->refs++;
	return position;
}

void position_unref(struct position *position)
{
	if (!position || --position->refs > 0)
		return;
	free(position->open);
	free(position->snapshot);
	free(position->cursor);
	free(position);
}

bool position_sees(const struct position *position, uint64_t xid)
{
	if (xid < position->xmin || xid >= position->xmax)
		return xid < position->xmin;
	for (size_t i = 0; i < position->open_count; i++) {
		if (position->open[i] == xid)
			return false;
	}
	return true;
}

bool position_sees_all_before(const struct position *position, uint64_t xid)
{
	return position->xmin >= xid;
}

bool position_is_ahead(const struct position *position, const struct position *now)
{
	return position->xmax > now->xmax;
}

int64_t position_told_us(const struct position *position)
{
	return position->told_us;
}

const char *position_snapshot(const struct position *position)
{
	return position->snapshot;
}

const char *position_cursor(const struct position *position)
{
	return position->cursor;
}
