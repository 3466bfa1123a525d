// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <wctype.h>

#include "base/utf8.h"

#define NUL_SYMBOL "\xE2\x90\x80" /* U+2400 */

enum {
	ASCII_END = 0x80,
	CONTINUATION_BITS = 6,
	CONTINUATION_MASK = 0x3f,
	CHAR_SIZE_MAX = 4,
};

locale_t text_locale(struct error *err)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (locale == (locale_t)0)
		(void)error_set_class(err, ERROR_FATAL, errno,
		                      "the C library has no locale 'C.UTF-8', which lower-casing "
		                      "host names needs");
	return locale;
}

static bool is_plain(struct view text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] <= 0) /* NUL, or the sign bit: not ASCII */
			return false;
	}
	return true;
}

struct view text_clean(struct view text, struct buf *out)
{
	if (is_plain(text))
		return text;
	buf_reset(out);
	while (text.size) {
		size_t size = utf8_char_size(text);
		if (size == 1 && *text.data == '\0')
			buf_append_string(out, NUL_SYMBOL);
		else if (size)
			buf_append(out, text.data, size);
		else
			buf_append_string(out, UTF8_REPLACEMENT);
		size += size == 0;
		text = view_of(text.data + size, text.size - size);
	}
	return buf_view(out);
}

/* The code point of the well-formed character at the start of `text`, and its size. */
static uint32_t decode(struct view text, size_t *ret_size)
{
	/* what the first byte holds of the number, by the character's size */
	static const uint8_t first_masks[CHAR_SIZE_MAX + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};

	size_t size = utf8_char_size(text);
	uint32_t code = (uint8_t)text.data[0] & first_masks[size];
	for (size_t i = 1; i < size; i++)
		code = code << CONTINUATION_BITS | ((uint8_t)text.data[i] & CONTINUATION_MASK);
	*ret_size = size ? size : 1;
	return code;
}

static void append_code(struct buf *out, uint32_t code)
{
	static const struct {
		uint32_t end; /* first code point that is too large */
		uint8_t lead;
	} sizes[] = {{0x80, 0}, {0x800, 0xc0}, {0x10000, 0xe0}, {0x110000, 0xf0}};

	size_t last = 0; /* index of the last byte */
	while (last + 1 < CHAR_SIZE_MAX && code >= sizes[last].end)
		last++;
	char bytes[CHAR_SIZE_MAX];
	uint32_t rest = code;
	for (size_t i = last; i > 0; i--) {
		bytes[i] = (char)(ASCII_END | (rest & CONTINUATION_MASK));
		rest >>= CONTINUATION_BITS;
	}
	bytes[0] = (char)(sizes[last].lead | rest);
	buf_append(out, bytes, last + 1);
}

static bool is_white(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{'\t', '\r'},     {' ', ' '},       {0x85, 0x85},     {0xa0, 0xa0},
	              {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f},
	              {0x205f, 0x205f}, {0x3000, 0x3000}};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

static bool is_continuation(char c)
{
	return ((uint8_t)c & ~(unsigned)CONTINUATION_MASK) == ASCII_END;
}

struct view text_trim(struct view text)
{
	size_t size;
	while (text.size && is_white(decode(text, &size)))
		text = view_of(text.data + size, text.size - size);
	while (text.size) {
		size_t start = text.size - 1;
		while (start > 0 && is_continuation(text.data[start]))
			start--;
		if (!is_white(decode(view_of(text.data + start, text.size - start), &size)))
			break;
		text.size = start;
	}
	return text;
}

static bool is_lower_ascii(struct view text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0 || (text.data[i] >= 'A' && text.data[i] <= 'Z'))
			return false;
	}
	return true;
}

struct view text_lower(locale_t locale, struct view text, struct buf *out)
{
	if (is_lower_ascii(text))
		return text;
	buf_reset(out);
	while (text.size) {
		size_t size;
		uint32_t code = decode(text, &size);
		append_code(out, (uint32_t)towlower_l((wint_t)code, locale));
		text = view_of(text.data + size, text.size - size);
	}
	return buf_view(out);
}
