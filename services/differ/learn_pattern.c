// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>

#include "learn.h"

enum { FIXED_MIN = 3 };

static bool is_delimiter(char c)
{
	return !isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

/* What both begin with, up to a delimiter. */
static size_t common_head(struct view a, struct view b)
{
	size_t size = 0;
	while (size < a.size && size < b.size && a.data[size] == b.data[size])
		size++;
	while (size > 0 && !is_delimiter(a.data[size - 1]))
		size--;
	return size;
}

/* What both end in behind `head` bytes, from a delimiter on. */
static size_t common_tail(struct view a, struct view b, size_t head)
{
	size_t size = 0;
	while (head + size < a.size && head + size < b.size &&
	       a.data[a.size - 1 - size] == b.data[b.size - 1 - size])
		size++;
	while (size > 0 && !is_delimiter(a.data[a.size - size]))
		size--;
	return size;
}

static bool has_slash(struct view text)
{
	return memchr(text.data, '/', text.size) != NULL;
}

/* Bytes of the name which agree: those behind the last slash of the head, before the first of the
 * tail. */
static size_t fixed_in_name(struct view head, struct view tail)
{
	size_t before = 0, behind = 0;
	while (before < head.size && head.data[head.size - 1 - before] != '/')
		before++;
	while (behind < tail.size && tail.data[behind] != '/')
		behind++;
	return before + behind;
}

bool learn_pattern(struct view a, struct view b, struct view *ret_head, struct view *ret_tail)
{
	size_t head = common_head(a, b), tail = common_tail(a, b, head);
	if (head + tail >= a.size || head + tail >= b.size)
		return false;
	*ret_head = view_of(a.data, head);
	*ret_tail = view_of(a.data + a.size - tail, tail);
	return !has_slash(view_of(a.data + head, a.size - head - tail)) &&
	       !has_slash(view_of(b.data + head, b.size - head - tail)) &&
	       fixed_in_name(*ret_head, *ret_tail) >= FIXED_MIN;
}
