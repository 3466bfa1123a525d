// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <string.h>

/* The well-formed sequences of RFC 3629, section 4: lead byte range, size, second byte range. */
static const struct sequence {
	unsigned char lead_min, lead_max, size, second_min, second_max;
} sequences[] = {
        {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF}, {0xE1, 0xEC, 3, 0x80, 0xBF},
        {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x90, 0xBF},
        {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t match(const struct sequence *sequence, struct view text)
{
	unsigned char second = text.size > 1 ? (unsigned char)text.data[1] : 0;
	if (text.size < sequence->size || second < sequence->second_min ||
	    second > sequence->second_max)
		return 0;
	for (size_t i = 2; i < sequence->size; i++)
		if (!is_continuation(text.data[i]))
			return 0;
	return sequence->size;
}

size_t utf8_char_size(struct view text)
{
	if (text.size == 0)
		return 0;
	unsigned char lead = (unsigned char)text.data[0];
	if (lead < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (lead >= sequences[i].lead_min && lead <= sequences[i].lead_max)
			return match(&sequences[i], text);
	return 0;
}

/* How many bytes at the start are ASCII. */
static size_t ascii_size(struct view text)
{
	static const uint64_t high_bits = UINT64_C(0x8080808080808080);
	size_t at = 0;
	for (uint64_t eight; at + sizeof(eight) <= text.size; at += sizeof(eight)) {
		memcpy(&eight, text.data + at, sizeof(eight));
		if (eight & high_bits)
			break;
	}
	while (at < text.size && (unsigned char)text.data[at] < 0x80)
		at++;
	return at;
}

/* The size of the well-formed part at the start of `text`. */
static size_t valid_size(struct view text)
{
	size_t at = 0;
	while (at < text.size) {
		size_t step = ascii_size(view_of(text.data + at, text.size - at));
		if (step == 0)
			step = utf8_char_size(view_of(text.data + at, text.size - at));
		if (step == 0)
			break;
		at += step;
	}
	return at;
}

bool utf8_is_valid(struct view text)
{
	return valid_size(text) == text.size;
}

size_t utf8_length(struct view text)
{
	size_t length = 0;

	for (size_t i = 0; i < text.size; i++)
		length += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return length;
}

void utf8_append_valid(struct buf *buf, struct view text)
{
	while (text.size) {
		size_t valid = valid_size(text);
		buf_append(buf, text.data, valid);
		if (valid == text.size)
			return;
		buf_append_string(buf, UTF8_REPLACEMENT);
		text = view_of(text.data + valid + 1, text.size - valid - 1);
	}
}

struct view utf8_prefix(struct view text, size_t max)
{
	if (text.size <= max)
		return text;
	while (max && is_continuation(text.data[max]))
		max--;
	return view_of(text.data, max);
}

struct view utf8_storable(struct arena *arena, struct view text)
{
	bool has_nul = text.size && memchr(text.data, '\0', text.size);
	if (!has_nul && utf8_is_valid(text))
		return text;
	enum { GROWTH = sizeof(UTF8_REPLACEMENT) - 1 }; /* of one byte, at most */
	char *out = arena_alloc(arena, text.size, GROWTH);
	size_t size = 0;
	for (size_t at = 0; at < text.size;) {
		size_t step = utf8_char_size(view_of(text.data + at, text.size - at));
		struct view part = view_of(text.data + at, step);
		if (step == 0)
			part = VIEW_LITERAL(UTF8_REPLACEMENT);
		else if (*part.data == '\0')
			part = VIEW_LITERAL(UTF8_NUL_SYMBOL);
		memcpy(out + size, part.data, part.size);
		size += part.size;
		at += step ? step : 1;
	}
	return view_of(out, size);
}
