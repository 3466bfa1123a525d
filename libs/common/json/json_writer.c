// SPDX-License-Identifier: Apache-2.0
#include "json/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

struct json_writer json_writer_on(struct buf *out)
{
	return (struct json_writer){.out = out};
}

static void begin_value(struct json_writer *w)
{
	if (w->comma)
		buf_append_char(w->out, ',');
	w->comma = true;
}

static void open_container(struct json_writer *w, char bracket)
{
	begin_value(w);
	buf_append_char(w->out, bracket);
	w->comma = false;
}

static void close_container(struct json_writer *w, char bracket)
{
	buf_append_char(w->out, bracket);
	w->comma = true;
}

void json_object(struct json_writer *w)
{
	open_container(w, '{');
}

void json_end_object(struct json_writer *w)
{
	close_container(w, '}');
}

void json_array(struct json_writer *w)
{
	open_container(w, '[');
}

void json_end_array(struct json_writer *w)
{
	close_container(w, ']');
}

/* How many bytes at the start stand for themselves. */
static size_t plain_size(struct view text)
{
	/* what does not, by 64 of the 256 bytes: the controls, "&<>, and the backslash; all from
	 * 0x80 on */
	static const uint64_t special[4] = {UINT64_C(0xFFFFFFFF) | UINT64_C(1) << '"' |
	                                            UINT64_C(1) << '&' | UINT64_C(1) << '<' |
	                                            UINT64_C(1) << '>',
	                                    UINT64_C(1) << ('\\' - 64), UINT64_MAX, UINT64_MAX};
	size_t at = 0;
	while (at < text.size) {
		unsigned char c = (unsigned char)text.data[at];
		if (special[c >> 6] >> (c & 63) & 1)
			break;
		at++;
	}
	return at;
}

static void append_escaped(struct buf *out, char c)
{
	static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: byte, letter */
	for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
		if (names[i] == c) {
			buf_append_char(out, '\\');
			buf_append_char(out, names[i + 1]);
			return;
		}
	}
	buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

/* The line separators U+2028 and U+2029 are escaped, because JavaScript took them for line ends. */
static bool is_line_separator(struct view text)
{
	return text.size >= 3 && text.data[0] == '\xE2' && text.data[1] == '\x80' &&
	       (text.data[2] == '\xA8' || text.data[2] == '\xA9');
}

/* Appends the character at the start of `text`, which is no plain ASCII; returns its size. */
static size_t append_special(struct buf *out, struct view text)
{
	if ((unsigned char)text.data[0] < 0x80) {
		append_escaped(out, text.data[0]);
		return 1;
	}
	size_t size = utf8_char_size(text);
	if (size == 0) {
		buf_append_string(out, UTF8_REPLACEMENT);
		return 1;
	}
	if (is_line_separator(text))
		buf_append_string(out, text.data[2] == '\xA8' ? "\\u2028" : "\\u2029");
	else
		buf_append(out, text.data, size);
	return size;
}

static void append_quoted(struct buf *out, struct view text)
{
	buf_append_char(out, '"');
	for (size_t at = 0; at < text.size;) {
		size_t size = plain_size(view_of(text.data + at, text.size - at));
		buf_append(out, text.data + at, size);
		at += size;
		if (at < text.size)
			at += append_special(out, view_of(text.data + at, text.size - at));
	}
	buf_append_char(out, '"');
}

void json_member(struct json_writer *w, const char *key)
{
	begin_value(w);
	append_quoted(w->out, view_of_string(key));
	buf_append_char(w->out, ':');
	w->comma = false;
}

void json_put_view(struct json_writer *w, struct view text)
{
	begin_value(w);
	append_quoted(w->out, text);
}

void json_put_string(struct json_writer *w, const char *text)
{
	if (text)
		json_put_view(w, view_of_string(text));
	else
		json_put_null(w);
}

void json_put_raw(struct json_writer *w, struct view json)
{
	begin_value(w);
	buf_append_view(w->out, json);
}

/* Longer than any double of 17 digits, and any whole double below 1e21. */
enum { NUMBER_TEXT_MAX = 32 };

void json_put_int(struct json_writer *w, int64_t number)
{
	begin_value(w);
	if (number < 0)
		buf_append_char(w->out, '-');
	buf_append_uint(w->out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void json_put_uint(struct json_writer *w, uint64_t number)
{
	begin_value(w);
	buf_append_uint(w->out, number);
}

void json_put_double(struct json_writer *w, double number)
{
	enum { DIGITS_MIN = 15, DIGITS_MAX = 17 }; /* 17 always read back as the same double */
	char text[NUMBER_TEXT_MAX];
	if (!isfinite(number)) { /* JSON has no spelling for them */
		json_put_null(w);
		return;
	}
	if (number == trunc(number) && fabs(number) < 1e21) {
		(void)snprintf(text, sizeof(text), "%.0f", number);
	} else {
		int digits = DIGITS_MIN;
		do {
			(void)snprintf(text, sizeof(text), "%.*g", digits, number);
		} while (strtod(text, NULL) != number && digits++ < DIGITS_MAX);
	}
	json_put_raw(w, view_of_string(text));
}

void json_put_bool(struct json_writer *w, bool value)
{
	json_put_raw(w, value ? VIEW_LITERAL("true") : VIEW_LITERAL("false"));
}

void json_put_null(struct json_writer *w)
{
	json_put_raw(w, VIEW_LITERAL("null"));
}

void json_member_view(struct json_writer *w, const char *key, struct view text)
{
	json_member(w, key);
	json_put_view(w, text);
}

void json_member_string(struct json_writer *w, const char *key, const char *text)
{
	json_member(w, key);
	json_put_string(w, text);
}

void json_member_int(struct json_writer *w, const char *key, int64_t number)
{
	json_member(w, key);
	json_put_int(w, number);
}

void json_member_uint(struct json_writer *w, const char *key, uint64_t number)
{
	json_member(w, key);
	json_put_uint(w, number);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
	json_member(w, key);
	json_put_bool(w, value);
}

void json_member_raw(struct json_writer *w, const char *key, struct view json)
{
	json_member(w, key);
	json_put_raw(w, json);
}
