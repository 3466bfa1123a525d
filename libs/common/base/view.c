// SPDX-License-Identifier: Apache-2.0
#include "base/view.h"

#include "base/alloc.h"

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

bool view_equal_ignoring_case(struct view a, struct view b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

int view_compare(struct view a, struct view b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;
	if (order)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view view_trim(struct view v)
{
	while (v.size && is_space(v.data[0])) {
		v.data++;
		v.size--;
	}
	while (v.size && is_space(v.data[v.size - 1]))
		v.size--;
	return v;
}

struct view view_split(struct view *rest, char separator)
{
	const char *at = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
	struct view head = *rest;
	if (!at) {
		*rest = (struct view){NULL, 0};
		return head;
	}
	head.size = (size_t)(at - rest->data);
	*rest = view_of(at + 1, rest->size - head.size - 1);
	return head;
}

uint64_t view_hash(struct view v)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < v.size; i++) {
		hash ^= (unsigned char)v.data[i];
		hash *= UINT64_C(1099511628211);
	}
	return hash;
}

bool view_to_u64(struct view v, uint64_t *ret)
{
	uint64_t number = 0;
	if (v.size == 0)
		return false;
	for (size_t i = 0; i < v.size; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(v.data[i] - '0'), &number))
			return false;
	}
	*ret = number;
	return true;
}

bool view_to_i64(struct view v, int64_t *ret)
{
	bool negative = v.size && v.data[0] == '-';
	uint64_t number = 0;
	if (!view_to_u64(negative ? view_of(v.data + 1, v.size - 1) : v, &number))
		return false;
	if (number > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

char *view_dup(struct view v)
{
	char *text = xmalloc(v.size + 1);
	if (v.size)
		memcpy(text, v.data, v.size);
	text[v.size] = '\0';
	return text;
}
