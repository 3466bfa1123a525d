// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <stdbool.h>

#include "base/utf8.h"

static const char ellipsis[] = "…";

static const char *slack_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	default:
		return NULL;
	}
}

static void append_ascii(struct buf *out, char c, enum text_style style)
{
	bool slack = style == TEXT_SLACK || style == TEXT_SLACK_CODE;
	bool code = style == TEXT_CODE || style == TEXT_SLACK_CODE;
	const char *entity = slack ? slack_entity(c) : NULL;

	if (entity)
		buf_append_string(out, entity);
	else if ((unsigned char)c < ' ' || c == '\x7f')
		buf_append_char(out, ' ');
	else if (code && c == '`')
		buf_append_char(out, '\''); /* neither Slack nor Discord can escape it there */
	else
		buf_append_char(out, c);
}

void text_append(struct buf *out, struct view text, size_t max_bytes, enum text_style style)
{
	struct view rest = utf8_prefix(text, max_bytes);
	bool cut = rest.size < text.size;

	while (rest.size) {
		size_t size = utf8_char_size(rest);
		if (size == 1)
			append_ascii(out, rest.data[0], style);
		else if (size == 0)
			buf_append_string(out, UTF8_REPLACEMENT);
		else
			buf_append(out, rest.data, size);
		size += size == 0;
		rest = view_of(rest.data + size, rest.size - size);
	}
	if (cut)
		buf_append_string(out, ellipsis);
}
