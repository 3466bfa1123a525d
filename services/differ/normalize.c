// SPDX-License-Identifier: Apache-2.0
#include "normalize.h"

#include <stdbool.h>

/* A path of EVENT_TEXT_MAX bytes grows by less than a quarter: rule 7 turns 20 bytes into 24. */
enum { PATH_MAX_BYTES = 64 * 1024 };

enum { PLACE_DIGITS_MIN = 3, HEX_COMPONENT_MIN = 12 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_letter(c);
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_name(char c) /* [a-zA-Z0-9._-] */
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool is_digit_or_underscore(char c)
{
	return is_digit(c) || c == '_';
}

static bool is_not_slash(char c)
{
	return c != '/';
}

/* Where the run of such characters that starts at `at` ends. */
static size_t run_end(struct view v, size_t at, bool (*is)(char c))
{
	while (at < v.size && is(v.data[at]))
		at++;
	return at;
}

/* A pattern is matched by moving a cursor over the text; every step says whether it matched. */
struct cursor {
	struct view text;
	size_t at;
};

static bool take_literal(struct cursor *cursor, struct view literal)
{
	struct view rest = view_of(cursor->text.data + cursor->at, cursor->text.size - cursor->at);
	if (!view_starts_with(rest, literal))
		return false;
	cursor->at += literal.size;
	return true;
}

static bool take_run(struct cursor *cursor, bool (*is)(char c), size_t min)
{
	size_t end = run_end(cursor->text, cursor->at, is);
	if (end - cursor->at < min)
		return false;
	cursor->at = end;
	return true;
}

static bool take_exactly(struct cursor *cursor, bool (*is)(char c), size_t count)
{
	if (cursor->text.size - cursor->at < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is(cursor->text.data[cursor->at + i]))
			return false;
	}
	cursor->at += count;
	return true;
}

static bool at_end(const struct cursor *cursor)
{
	return cursor->at == cursor->text.size;
}

/* Writes the text with [start, end) replaced. */
static struct view replace_once(struct view text, size_t start, size_t end, struct view with,
                                struct buf *out)
{
	buf_reset(out);
	buf_append(out, text.data, start);
	buf_append_view(out, with);
	buf_append(out, text.data + end, text.size - end);
	return buf_view(out);
}

static struct view rule_process_id(struct view path, struct buf *out)
{
	struct cursor cursor = {.text = path};
	if (!take_literal(&cursor, VIEW_LITERAL("/proc/")) || !take_run(&cursor, is_digit, 1))
		return path;
	if (!at_end(&cursor) && path.data[cursor.at] != '/')
		return path;
	return replace_once(path, 0, cursor.at, VIEW_LITERAL("/proc/<PID>"), out);
}

/* Both open ends of the rule take any name character, so it matches the whole of the first
 * component as soon as "-ddd" is somewhere in it. */
static struct view rule_temporary(struct view path, struct buf *out)
{
	struct cursor cursor = {.text = path};
	if (!take_literal(&cursor, VIEW_LITERAL("/tmp/")))
		return path;
	size_t end = run_end(path, cursor.at, is_name);
	for (size_t i = cursor.at; i < end; i++) {
		size_t digits = path.data[i] == '-' ? run_end(path, i + 1, is_digit) - (i + 1) : 0;
		if (digits >= PLACE_DIGITS_MIN)
			return replace_once(path, 0, end, VIEW_LITERAL("/tmp/<RAND>"), out);
	}
	return path;
}

/* A cursor at the last slash: rules 3 and 4 hold no other slash and reach to the end. */
static bool last_component(struct view path, struct cursor *ret)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	if (!slash)
		return false;
	*ret = (struct cursor){.text = path, .at = (size_t)(slash - path.data)};
	return true;
}

static bool take_date(struct cursor *cursor)
{
	return take_literal(cursor, VIEW_LITERAL("/")) && take_exactly(cursor, is_digit, 4) &&
	       take_literal(cursor, VIEW_LITERAL("-")) && take_exactly(cursor, is_digit, 2) &&
	       take_literal(cursor, VIEW_LITERAL("-")) && take_exactly(cursor, is_digit, 2);
}

static struct view rule_debug_log(struct view path, struct buf *out)
{
	struct cursor cursor;
	if (!last_component(path, &cursor))
		return path;
	size_t start = cursor.at;
	bool matches = take_date(&cursor) && take_literal(&cursor, VIEW_LITERAL("T")) &&
	               take_run(&cursor, is_digit_or_underscore, 1) &&
	               take_literal(&cursor, VIEW_LITERAL("Z-debug-")) &&
	               take_run(&cursor, is_digit, 1) &&
	               take_literal(&cursor, VIEW_LITERAL(".log")) && at_end(&cursor);
	if (!matches)
		return path;
	return replace_once(path, start, path.size, VIEW_LITERAL("/<TIMESTAMP>-debug-<N>.log"),
	                    out);
}

static struct view rule_dated_file(struct view path, struct buf *out)
{
	struct cursor cursor;
	if (!last_component(path, &cursor))
		return path;
	size_t start = cursor.at;
	if (!take_date(&cursor))
		return path;
	size_t extension = cursor.at;
	bool matches = take_literal(&cursor, VIEW_LITERAL(".")) &&
	               take_run(&cursor, is_letter, 1) && at_end(&cursor);
	if (!matches)
		return path;
	return replace_once(path, start, extension, VIEW_LITERAL("/<DATE>"), out);
}

/* Moves the cursor over what the rule keeps ($1), which starts with the rule's literal. */
typedef bool (*take_kept_fn)(struct cursor *cursor);

static bool take_content(struct cursor *cursor)
{
	return take_run(cursor, is_not_slash, 1) && take_literal(cursor, VIEW_LITERAL("/")) &&
	       take_run(cursor, is_alnum, 1);
}

static bool take_index(struct cursor *cursor)
{
	return take_run(cursor, is_not_slash, 1);
}

static bool take_nothing(struct cursor *cursor)
{
	(void)cursor;
	return true;
}

static bool take_hashed_name(struct cursor *cursor) /* /hh/hh/h+ */
{
	return take_literal(cursor, VIEW_LITERAL("/")) && take_exactly(cursor, is_hex, 2) &&
	       take_literal(cursor, VIEW_LITERAL("/")) && take_exactly(cursor, is_hex, 2) &&
	       take_literal(cursor, VIEW_LITERAL("/")) && take_run(cursor, is_hex, 1);
}

static bool take_hex_name(struct cursor *cursor)
{
	return take_literal(cursor, VIEW_LITERAL("/")) && take_run(cursor, is_hex, 1);
}

/* Rules 5 to 7: a literal, more that is kept, and a name that is replaced; anywhere, many times. */
struct cache_rule {
	struct view literal;
	take_kept_fn take_kept;
	take_kept_fn take_replaced;
	struct view replacement;
};

#define CACHE "/.npm/_cacache/"

static const struct cache_rule content_rule = {
        {CACHE, sizeof(CACHE) - 1}, take_content, take_hashed_name, {"/<SHA256>", 9}};
static const struct cache_rule index_rule = {
        {CACHE "index-", sizeof(CACHE "index-") - 1}, take_index, take_hashed_name, {"/<HASH>", 7}};
static const struct cache_rule temporary_rule = {
        {CACHE "tmp", sizeof(CACHE "tmp") - 1}, take_nothing, take_hex_name, {"/<HEX>", 6}};

static struct view apply_cache_rule(const struct cache_rule *rule, struct view path,
                                    struct buf *out)
{
	size_t copied = 0, from = 0;
	buf_reset(out);
	while (from < path.size) {
		const char *found = memmem(path.data + from, path.size - from, rule->literal.data,
		                           rule->literal.size);
		if (!found)
			break;
		size_t start = (size_t)(found - path.data);
		struct cursor cursor = {.text = path, .at = start + rule->literal.size};
		size_t kept = 0;
		bool matches = rule->take_kept(&cursor);
		if (matches) {
			kept = cursor.at;
			matches = rule->take_replaced(&cursor);
		}
		if (!matches) {
			from = start + 1;
			continue;
		}
		buf_append(out, path.data + copied, kept - copied);
		buf_append_view(out, rule->replacement);
		copied = from = cursor.at;
	}
	if (copied == 0)
		return path;
	buf_append(out, path.data + copied, path.size - copied);
	return buf_view(out);
}

static struct view rule_content(struct view path, struct buf *out)
{
	return apply_cache_rule(&content_rule, path, out);
}

static struct view rule_index(struct view path, struct buf *out)
{
	return apply_cache_rule(&index_rule, path, out);
}

static struct view rule_cache_temporary(struct view path, struct buf *out)
{
	return apply_cache_rule(&temporary_rule, path, out);
}

/* A match takes the slash behind the component, so that of two neighbours only the first one is
 * replaced: the existing system does so, too. */
static struct view rule_hex_component(struct view path, struct buf *out)
{
	size_t copied = 0, from = 0;
	buf_reset(out);
	while (from < path.size) {
		const char *slash = memchr(path.data + from, '/', path.size - from);
		if (!slash)
			break;
		size_t start = (size_t)(slash - path.data);
		size_t end = run_end(path, start + 1, is_hex);
		bool whole = end == path.size || path.data[end] == '/';
		if (!whole || end - (start + 1) < HEX_COMPONENT_MIN) {
			from = start + 1;
			continue;
		}
		buf_append(out, path.data + copied, start - copied);
		buf_append_view(out, VIEW_LITERAL("/<HEX>"));
		copied = end;
		from = end + 1;
	}
	if (copied == 0)
		return path;
	buf_append(out, path.data + copied, path.size - copied);
	return buf_view(out);
}

struct rule {
	struct view (*apply)(struct view path, struct buf *out);
	bool of_cache; /* changes only what has CACHE in it, which no rule before it brings in */
};

static const struct rule rules[] = {
        {rule_process_id, false},     {rule_temporary, false},     {rule_debug_log, false},
        {rule_dated_file, false},     {rule_content, true},        {rule_index, true},
        {rule_cache_temporary, true}, {rule_hex_component, false},
};

void normalizer_init(struct normalizer *normalizer)
{
	buf_init(&normalizer->buffers[0], PATH_MAX_BYTES);
	buf_init(&normalizer->buffers[1], PATH_MAX_BYTES);
}

void normalizer_release(struct normalizer *normalizer)
{
	buf_release(&normalizer->buffers[0]);
	buf_release(&normalizer->buffers[1]);
}

struct view normalize_path(struct normalizer *normalizer, struct view path)
{
	size_t out = 0;
	bool cached = path.size && memmem(path.data, path.size, CACHE, sizeof(CACHE) - 1);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].of_cache && !cached)
			continue;
		struct view changed = rules[i].apply(path, &normalizer->buffers[out]);
		if (changed.data != path.data) {
			path = changed;
			out = 1 - out;
		}
	}
	return path;
}
