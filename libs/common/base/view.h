// SPDX-License-Identifier: Apache-2.0
/*
 * A borrowed run of bytes with its length: what functions take for text and data from outside.
 *
 * Invariants: `data` may be NULL only when `size` is 0; the bytes are not NUL-terminated and may
 * hold NUL; a view never owns them.
 */
#ifndef FANGS_BASE_VIEW_H
#define FANGS_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const char *data;
	size_t size;
};

/* For printf: "%.*s" with VIEW_ARG(v). */
#define VIEW_ARG(v) (int)(v).size, (v).data ? (v).data : ""
#define VIEW_LITERAL(s) ((struct view){(s), sizeof(s) - 1})

static inline struct view view_of(const void *data, size_t size)
{
	return (struct view){data, size};
}

static inline struct view view_of_string(const char *text)
{
	return (struct view){text, text ? strlen(text) : 0};
}

static inline bool view_equal(struct view a, struct view b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool view_is(struct view v, const char *text)
{
	return view_equal(v, view_of_string(text));
}

static inline bool view_starts_with(struct view v, struct view prefix)
{
	return v.size >= prefix.size &&
	       (prefix.size == 0 || memcmp(v.data, prefix.data, prefix.size) == 0);
}

static inline bool view_ends_with(struct view v, struct view suffix)
{
	return v.size >= suffix.size && (suffix.size == 0 || memcmp(v.data + v.size - suffix.size,
	                                                            suffix.data, suffix.size) == 0);
}

/* ASCII only. */
bool view_equal_ignoring_case(struct view a, struct view b);

/* Bytewise order, as memcmp() with the shorter first. */
int view_compare(struct view a, struct view b);

/* White space (space, \t, \r, \n) removed at both ends. */
struct view view_trim(struct view v);

/* Cuts `*rest` at the first `separator`: returns what is before it and leaves in `*rest` what is
 * after it (an empty view when there is none). */
struct view view_split(struct view *rest, char separator);

/* 64-bit FNV-1a; for hash tables without adversarial keys. */
uint64_t view_hash(struct view v);

/* Whole-text decimal numbers; false on anything else, on overflow and on the empty view. */
bool view_to_u64(struct view v, uint64_t *ret);
bool view_to_i64(struct view v, int64_t *ret);

/* A NUL-terminated heap copy; the caller frees it. */
char *view_dup(struct view v);

#endif
