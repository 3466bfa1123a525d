// SPDX-License-Identifier: Apache-2.0
#include "http/http_router.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hex.h"
#include "base/utf8.h"

enum segment_kind { SEGMENT_REST, SEGMENT_PARAM, SEGMENT_LITERAL }; /* by specificity */

/* In the order in which Allow lists them. */
static const char *const methods[] = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};
enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]), ALLOW_MAX = 64 };

static enum segment_kind segment_kind(struct view segment)
{
	if (segment.size < 3 || segment.data[0] != '{' || segment.data[segment.size - 1] != '}')
		return SEGMENT_LITERAL;
	if (view_ends_with(segment, VIEW_LITERAL("...}")))
		return SEGMENT_REST;
	return SEGMENT_PARAM;
}

static struct view segment_name(struct view segment)
{
	size_t around = segment_kind(segment) == SEGMENT_REST ? sizeof("{...}") - 1 : 2;

	return view_of(segment.data + 1, segment.size - around);
}

/* Cuts one segment off a path of which the leading '/' is gone; false at the end. */
static bool next_segment(struct view *rest, bool *more, struct view *ret)
{
	const char *slash;

	if (!*more)
		return false;
	slash = rest->size ? memchr(rest->data, '/', rest->size) : NULL;
	*more = slash != NULL;
	if (!slash) {
		*ret = *rest;
		*rest = view_of(NULL, 0);
		return true;
	}
	*ret = view_of(rest->data, (size_t)(slash - rest->data));
	*rest = view_of(slash + 1, rest->size - ret->size - 1);
	return true;
}

char *http_percent_decode(struct view text, bool form, struct arena *arena)
{
	char *out = arena_alloc(arena, text.size + 1, 1);
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (c == '%') {
			if (text.size - i < 3 || !hex_decode(view_of(text.data + i + 1, 2), &c, 1))
				return NULL;
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c == '\0')
			return NULL;
		out[size++] = c;
	}
	return out;
}

/* Walks pattern and path side by side. `*ret_rank` orders the routes that match: two bits for each
 * segment, the first segment highest. */
static bool pattern_matches(const char *pattern, struct view path, uint64_t *ret_rank)
{
	struct view wanted_rest = view_of_string(pattern + 1);
	struct view rest = view_of(path.data + 1, path.size - 1);
	struct view wanted, segment;
	bool more_wanted = true, more = true;
	uint64_t rank = 0;
	unsigned shift = 62;

	while (next_segment(&wanted_rest, &more_wanted, &wanted)) {
		enum segment_kind kind = segment_kind(wanted);

		rank |= (uint64_t)kind << shift;
		shift = shift > 1 ? shift - 2 : 0;
		if (kind == SEGMENT_REST) {
			*ret_rank = rank;
			return more;
		}
		if (!next_segment(&rest, &more, &segment))
			return false;
		if (kind == SEGMENT_LITERAL ? !view_equal(wanted, segment) : segment.size == 0)
			return false;
	}
	*ret_rank = rank;
	return !more;
}

static bool decode_params(const struct http_route *route, struct view path, struct arena *arena,
                          struct http_matched *ret)
{
	struct view wanted_rest = view_of_string(route->pattern + 1);
	struct view rest = view_of(path.data + 1, path.size - 1);
	struct view wanted, segment;
	bool more_wanted = true, more = true;

	while (next_segment(&wanted_rest, &more_wanted, &wanted)) {
		enum segment_kind kind = segment_kind(wanted);
		struct http_param *param = &ret->params[ret->param_count];

		segment = rest;
		if (kind != SEGMENT_REST)
			(void)next_segment(&rest, &more, &segment);
		if (kind == SEGMENT_LITERAL || ret->param_count == HTTP_PARAMS_MAX)
			continue;
		param->name = segment_name(wanted);
		param->value = http_percent_decode(segment, false, arena);
		if (!param->value || !utf8_is_valid(view_of_string(param->value)))
			return false;
		ret->param_count++;
	}
	return true;
}

static unsigned method_bit(const char *method)
{
	for (unsigned i = 0; i < METHOD_COUNT; i++) {
		if (strcmp(methods[i], method) == 0)
			return 1U << i;
	}
	return 0;
}

static const char *allow_header(unsigned mask, struct arena *arena)
{
	AUTO(buf) struct buf allow;

	buf_init(&allow, ALLOW_MAX);
	if (mask & method_bit("GET"))
		mask |= method_bit("HEAD");
	for (unsigned i = 0; i < METHOD_COUNT; i++) {
		if (!(mask & 1U << i))
			continue;
		buf_append_string(&allow, allow.size ? ", " : "");
		buf_append_string(&allow, methods[i]);
	}
	return arena_copy(arena, buf_view(&allow)).data;
}

enum http_match http_router_match(const struct http_route *routes, size_t count, const char *method,
                                  struct view path, struct arena *arena, struct http_matched *ret)
{
	bool head = strcmp(method, "HEAD") == 0;
	uint64_t best = 0, rank;
	unsigned others = 0;

	memset(ret, 0, sizeof(*ret));
	if (path.size == 0 || path.data[0] != '/')
		return HTTP_MATCH_NONE;
	for (size_t i = 0; i < count; i++) {
		if (!pattern_matches(routes[i].pattern, path, &rank))
			continue;
		if (strcmp(routes[i].method, head ? "GET" : method) != 0) {
			others |= method_bit(routes[i].method);
			continue;
		}
		if (!ret->route || rank > best) {
			ret->route = &routes[i];
			best = rank;
		}
	}
	if (!ret->route && !others)
		return HTTP_MATCH_NONE;
	if (!ret->route) {
		ret->allow = allow_header(others, arena);
		return HTTP_MATCH_METHOD;
	}
	return decode_params(ret->route, path, arena, ret) ? HTTP_MATCH_FOUND : HTTP_MATCH_BAD;
}

const char *http_query_get(struct view query, const char *name, struct arena *arena)
{
	while (query.size) {
		struct view pair = view_split(&query, '&');
		struct view key = view_split(&pair, '=');
		const char *decoded = http_percent_decode(key, true, arena);

		if (decoded && strcmp(decoded, name) == 0)
			return http_percent_decode(pair, true, arena);
	}
	return NULL;
}
