// SPDX-License-Identifier: Apache-2.0
/* Strings: finding their end, and decoding those few that are not their own text. */
#include <string.h>

#include "base/utf8.h"
#include "json/json_pull_internal.h"

enum { UNICODE_DIGITS = 4, UNICODE_ESCAPE_SIZE = 6, UNICODE_PAIR_SIZE = 12 };
enum { SURROGATE_FIRST = 0xD800, SURROGATE_LOW = 0xDC00, SURROGATE_LAST = 0xDFFF };

static uint64_t repeat(uint8_t byte)
{
	return UINT64_C(0x0101010101010101) * byte;
}

/* Whether one of eight bytes is a control character, a quote, a backslash or not ASCII. */
static bool is_special_word(uint64_t word)
{
	uint64_t quote = word ^ repeat('"');
	uint64_t backslash = word ^ repeat('\\');
	uint64_t hits = (word - repeat(' ')) | (quote - repeat(1)) | (backslash - repeat(1));
	return ((hits & ~word) | word) & repeat(0x80);
}

/* The first byte from `p` on that may need attention. */
static const char *skip_plain(const char *p, const char *end)
{
	for (uint64_t word; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (is_special_word(word))
			break;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ' &&
	       (unsigned char)*p < 0x80)
		p++;
	return p;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Size of the escape at `p` (which is a backslash), 0 when it is malformed. */
static size_t escape_size(const char *p, const char *end)
{
	if (end - p < 2 || !memchr("\"\\/bfnrtu", p[1], sizeof("\"\\/bfnrtu") - 1))
		return 0;
	if (p[1] != 'u')
		return 2;
	if (end - p < UNICODE_ESCAPE_SIZE)
		return 0;
	for (int i = 2; i < UNICODE_ESCAPE_SIZE; i++) {
		if (hex_value(p[i]) < 0)
			return 0;
	}
	return UNICODE_ESCAPE_SIZE;
}

int json_pull_string_text(struct json_pull *pull, struct view *ret, bool *ret_plain,
                          struct error *err)
{
	json_pull_space(pull);
	if (!json_pull_at(pull, '"'))
		return json_pull_fail(pull, err, "expected a string");
	const char *first = ++pull->at;
	bool escaped = false;
	bool ascii = true;
	for (;;) {
		pull->at = skip_plain(pull->at, pull->end);
		if (pull->at >= pull->end)
			return json_pull_fail(pull, err, "");
		if (*pull->at == '"')
			break;
		size_t size = 1;
		if (*pull->at == '\\') {
			escaped = true;
			size = escape_size(pull->at, pull->end);
		} else if ((unsigned char)*pull->at < ' ') {
			size = 0;
		} else {
			ascii = false;
		}
		if (size == 0)
			return json_pull_fail(pull, err, "bad character or escape in a string");
		pull->at += size;
	}
	*ret = view_of(first, (size_t)(pull->at - first));
	*ret_plain = !escaped && (ascii || utf8_is_valid(*ret));
	pull->at++;
	pull->comma = true;
	return 0;
}

static uint32_t unicode_escape(const char *p)
{
	uint32_t unit = 0;
	for (int i = 0; i < UNICODE_DIGITS; i++)
		unit = unit << 4 | (uint32_t)hex_value(p[2 + i]);
	return unit;
}

/* Writes a code point as UTF-8 and returns its size; a lone half of a surrogate pair, which is
 * none, becomes U+FFFD. */
static size_t encode_utf8(uint32_t code_point, char *out)
{
	static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
	if (code_point >= SURROGATE_FIRST && code_point <= SURROGATE_LAST)
		code_point = 0xFFFD;
	if (code_point < 0x80) {
		*out = (char)code_point;
		return 1;
	}
	size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code_point & 0x3F));
		code_point >>= 6;
	}
	out[0] = (char)(leads[size] | code_point);
	return size;
}

/* Decodes the \u escape at `p`, with the other half of a surrogate pair if it follows; a lone half
 * becomes U+FFFD. Returns how much was read. */
static size_t decode_unicode(const char *p, const char *end, char *out, size_t *ret_size)
{
	uint32_t unit = unicode_escape(p);
	size_t read = UNICODE_ESCAPE_SIZE;
	bool high = unit >= SURROGATE_FIRST && unit < SURROGATE_LOW;
	if (high && end - p >= UNICODE_PAIR_SIZE && p[read] == '\\' && p[read + 1] == 'u') {
		uint32_t low = unicode_escape(p + read);
		if (low >= SURROGATE_LOW && low <= SURROGATE_LAST) {
			unit = 0x10000 + ((unit - SURROGATE_FIRST) << 10) + (low - SURROGATE_LOW);
			read += UNICODE_ESCAPE_SIZE;
		}
	}
	*ret_size = encode_utf8(unit, out);
	return read;
}

/* Decodes the escape at `p`; returns how much was read. */
static size_t decode_escape(const char *p, const char *end, char *out, size_t *ret_size)
{
	static const char letters[] = "bfnrt";
	static const char meanings[] = "\b\f\n\r\t";
	if (p[1] == 'u')
		return decode_unicode(p, end, out, ret_size);
	const char *letter = memchr(letters, p[1], sizeof(letters) - 1);
	if (letter)
		*out = meanings[letter - letters];
	else
		*out = p[1];
	*ret_size = 1;
	return 2;
}

/* Unescapes well-formed text; what is not valid UTF-8 in it becomes U+FFFD. */
static struct view decode(struct arena *arena, struct view text)
{
	/* A byte that is not UTF-8 grows to three; an escape never grows. */
	enum { GROWTH = sizeof(UTF8_REPLACEMENT) - 1 };
	char *out = arena_alloc(arena, text.size + 1, GROWTH);
	size_t size = 0;
	const char *end = text.data + text.size;
	for (const char *p = text.data; p < end;) {
		size_t written = 0;
		if (*p == '\\') {
			p += decode_escape(p, end, out + size, &written);
		} else {
			size_t sequence = utf8_char_size(view_of(p, (size_t)(end - p)));
			written = sequence ? sequence : GROWTH;
			memcpy(out + size, sequence ? p : UTF8_REPLACEMENT, written);
			p += sequence ? sequence : 1;
		}
		size += written;
	}
	return view_of(out, size);
}

int json_pull_string(struct json_pull *pull, struct arena *arena, struct view *ret,
                     struct error *err)
{
	bool plain = false;
	struct view text = {NULL, 0};
	int rc = json_pull_string_text(pull, &text, &plain, err);
	if (rc < 0)
		return rc;
	*ret = plain ? text : decode(arena, text);
	return 0;
}

int json_pull_cstring(struct json_pull *pull, struct arena *arena, const char **ret,
                      struct error *err)
{
	struct json_pull before = *pull;
	struct view text = VIEW_LITERAL("");
	int rc = json_pull_null(pull) ? 0 : json_pull_string(pull, arena, &text, err);
	if (rc < 0)
		return rc;
	if (text.size && memchr(text.data, '\0', text.size))
		return json_pull_fail(&before, err, "a string must not hold U+0000");
	*ret = arena_copy(arena, text).data;
	return 0;
}
