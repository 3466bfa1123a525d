// SPDX-License-Identifier: Apache-2.0
#include "resources/page.h"

#include <errno.h>

#include "base/clock.h"
#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
enum { DIGIT_BITS = 6, BYTE_BITS = 8, DIGIT_MASK = 63, BYTE_MASK = 255 };

const char *page_cursor(struct view key, struct arena *arena)
{
	char *out = arena_alloc(arena, key.size * 2 + 1, 1);
	size_t size = 0;
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < key.size; i++) {
		held = (held << BYTE_BITS | (unsigned char)key.data[i]) & 0xffff;
		for (bits += BYTE_BITS; bits >= DIGIT_BITS; bits -= DIGIT_BITS)
			out[size++] = digits[held >> (bits - DIGIT_BITS) & DIGIT_MASK];
	}
	if (bits)
		out[size++] = digits[held << (DIGIT_BITS - bits) & DIGIT_MASK];
	return out;
}

/* False on anything that page_cursor() does not write. */
static bool unwrap(const char *cursor, struct arena *arena, struct view *ret)
{
	char *out = arena_alloc(arena, strlen(cursor) + 1, 1);
	size_t size = 0;
	unsigned bits = 0, held = 0;

	for (; *cursor; cursor++) {
		const char *digit = strchr(digits, *cursor);

		if (!digit)
			return false;
		held = (held << DIGIT_BITS | (unsigned)(digit - digits)) & 0xffff;
		bits += DIGIT_BITS;
		if (bits < BYTE_BITS)
			continue;
		bits -= BYTE_BITS;
		out[size++] = (char)(held >> bits & BYTE_MASK);
	}
	*ret = view_of(out, size);
	return bits < DIGIT_BITS && (held & ((1U << bits) - 1)) == 0 && utf8_is_valid(*ret) &&
	       !memchr(out, '\0', size);
}

static bool fits(enum page_order order, struct view first, struct view second)
{
	int64_t number = 0;

	switch (order) {
	case PAGE_BY_TIME_AND_TEXT:
		return clock_parse_rfc3339(first, &number);
	case PAGE_BY_NUMBER_AND_TEXT:
		return view_to_i64(first, &number);
	case PAGE_BY_NUMBERS:
		return view_to_i64(first, &number) && view_to_i64(second, &number);
	case PAGE_BY_TEXT:
		return first.size == 0;
	case PAGE_BY_TEXTS:
		return first.size > 0;
	}
	return false;
}

int page_read(const char *limit, const char *cursor, enum page_order order, struct arena *arena,
              struct page *ret, struct error *err)
{
	struct view rest;

	*ret = (struct page){.limit = PAGE_LIMIT_DEFAULT};
	if (limit && (!view_to_i64(view_of_string(limit), &ret->limit) || ret->limit < 1 ||
	              ret->limit > PAGE_LIMIT_MAX))
		return error_set(err, EINVAL, "limit must be a number from 1 to %d",
		                 PAGE_LIMIT_MAX);
	if (!cursor || !*cursor)
		return 0;
	if (!unwrap(cursor, arena, &rest) || !memchr(rest.data, '~', rest.size))
		return error_set(err, EINVAL, "cursor must be the next_cursor of an earlier page");
	struct view first = view_split(&rest, '~');
	if (!fits(order, first, rest))
		return error_set(err, EINVAL, "cursor is of another list");
	ret->after_first = first.size ? arena_copy(arena, first).data : NULL;
	ret->after_second = arena_copy(arena, rest).data;
	return 0;
}
