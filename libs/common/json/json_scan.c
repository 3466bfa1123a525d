// SPDX-License-Identifier: Apache-2.0
#include "json/json_scan.h"

#include <stdint.h>
#include <string.h>

void json_scan_init(struct json_scan *scan)
{
	*scan = (struct json_scan){.depth = 0};
}

/* True when the string has ended; `*at` stands behind its quote then. */
static bool pass_string(struct json_scan *scan, const char **at, const char *end)
{
	while (*at < end) {
		char c = *(*at)++;
		if (scan->escaped)
			scan->escaped = false;
		else if (c == '\\')
			scan->escaped = true;
		else if (c == '"') {
			scan->in_string = false;
			return true;
		}
	}
	return false;
}

static bool is_mark(char c)
{
	static const bool marks[UINT8_MAX + 1] = {
	        ['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true};
	return marks[(unsigned char)c];
}

/* Into the next string, or to the end of the value: true then. */
static bool pass_container(struct json_scan *scan, const char **at, const char *end)
{
	for (;;) {
		while (*at < end && !is_mark(**at))
			(*at)++;
		if (*at == end)
			return false;
		char c = *(*at)++;
		if (c == '"') {
			scan->in_string = true;
			return false;
		}
		if (c == '{' || c == '[')
			scan->depth++;
		else if (--scan->depth == 0)
			return true;
	}
}

static bool pass_scalar(const char **at, const char *end)
{
	while (*at < end && !memchr(" \t\r\n,:]}[{\"", **at, sizeof(" \t\r\n,:]}[{\"") - 1))
		(*at)++;
	return *at < end;
}

static const char *begin(struct json_scan *scan, const char *at)
{
	scan->begun = true;
	if (*at == '"')
		scan->in_string = true;
	else if (*at == '{' || *at == '[')
		scan->depth = 1;
	else
		scan->scalar = true;
	return at + 1;
}

bool json_scan_feed(struct json_scan *scan, struct view piece, size_t *ret)
{
	const char *at = piece.data;
	const char *end = at + piece.size;
	bool ended = false;

	if (!scan->begun && piece.size)
		at = begin(scan, at);
	while (at < end && !ended) {
		if (scan->scalar) {
			ended = pass_scalar(&at, end);
		} else if (scan->in_string) {
			ended = pass_string(scan, &at, end) && scan->depth == 0;
		} else {
			ended = pass_container(scan, &at, end);
		}
	}
	*ret = (size_t)(at - piece.data);
	return ended;
}
