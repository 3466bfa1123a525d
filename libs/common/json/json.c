// SPDX-License-Identifier: Apache-2.0
/* A `struct json` is a cJSON node under another name; only this file knows. */
#include "json/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>

#include "base/utf8.h"
#include "json/json_writer.h"

static const cJSON *node_of(const struct json *value)
{
	return (const cJSON *)value;
}

static const struct json *value_of(const cJSON *node)
{
	return (const struct json *)node;
}

/* Steps over the string whose opening quote is at text[at]; returns the place behind it, or
 * text.size. Sets `*ret_nul` at \u0000, which a NUL-terminated string cannot carry. */
static size_t skip_string(struct view text, size_t at, bool *ret_nul)
{
	for (at++; at < text.size && text.data[at] != '"'; at++) {
		if (text.data[at] != '\\')
			continue;
		if (view_starts_with(view_of(text.data + at, text.size - at),
		                     VIEW_LITERAL("\\u0000")))
			*ret_nul = true;
		at++;
	}
	return at < text.size ? at + 1 : text.size;
}

/* Refuses, before the library sees it, what it would accept to our harm: deep nesting (it recurses)
 * and \u0000 in strings (which would cut them short). Looks at the first value only. */
static int check_text(struct view text, struct error *err)
{
	int depth = 0;
	for (size_t at = 0; at < text.size;) {
		char c = text.data[at];
		bool nul = false;
		bool closing = c == '}' || c == ']';
		if (c == '{' || c == '[')
			depth++;
		if (depth > JSON_DEPTH_MAX)
			return error_set(err, EBADMSG,
			                 "invalid JSON at offset %zu: nested deeper than %d", at,
			                 JSON_DEPTH_MAX);
		at = c == '"' ? skip_string(text, at, &nul) : at + 1;
		if (nul)
			return error_set(err, EBADMSG,
			                 "invalid JSON: \\u0000 in the string before offset %zu",
			                 at);
		if (closing && --depth <= 0)
			break;
	}
	return 0;
}

static struct json *parse_valid(struct view text, bool whole, struct error *err)
{
	const char *end = text.data;
	if (check_text(text, err) < 0)
		return NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(text.data, text.size, &end, false);
	if (!root) {
		(void)error_set(err, EBADMSG, "invalid JSON at offset %td", end - text.data);
		return NULL;
	}
	struct view rest = view_of(end, text.size - (size_t)(end - text.data));
	if (whole && view_trim(rest).size) {
		(void)error_set(err, EBADMSG, "invalid JSON: text behind the value at offset %td",
		                end - text.data);
		cJSON_Delete(root);
		return NULL;
	}
	return (struct json *)root;
}

struct json *json_parse(struct view text, bool whole, struct error *err)
{
	if (text.size == 0) {
		(void)error_set(err, EBADMSG, "invalid JSON: empty text");
		return NULL;
	}
	if (utf8_is_valid(text))
		return parse_valid(text, whole, err);
	AUTO(buf) struct buf repaired;
	buf_init(&repaired, text.size * (sizeof(UTF8_REPLACEMENT) - 1));
	utf8_append_valid(&repaired, text);
	return parse_valid(buf_view(&repaired), whole, err);
}

void json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

static const struct json *find(const struct json *object, const char *key,
                               bool (*equal)(struct view, struct view))
{
	const cJSON *found = NULL;
	if (!json_is_object(object))
		return NULL;
	for (const cJSON *child = node_of(object)->child; child; child = child->next)
		if (!cJSON_IsNull(child) &&
		    equal(view_of_string(child->string), view_of_string(key)))
			found = child;
	return value_of(found);
}

const struct json *json_get(const struct json *object, const char *key)
{
	return find(object, key, view_equal);
}

const struct json *json_get_ci(const struct json *object, const char *key)
{
	return find(object, key, view_equal_ignoring_case);
}

bool json_is_object(const struct json *value)
{
	return cJSON_IsObject(node_of(value));
}

bool json_is_array(const struct json *value)
{
	return cJSON_IsArray(node_of(value));
}

bool json_is_string(const struct json *value)
{
	return cJSON_IsString(node_of(value));
}

bool json_is_number(const struct json *value)
{
	return cJSON_IsNumber(node_of(value));
}

bool json_is_bool(const struct json *value)
{
	return cJSON_IsBool(node_of(value));
}

const char *json_string(const struct json *value, const char *fallback)
{
	return json_is_string(value) ? node_of(value)->valuestring : fallback;
}

int64_t json_int(const struct json *value, int64_t fallback)
{
	double number = json_double(value, NAN);
	bool whole = number == trunc(number) && fabs(number) < 0x1p63; /* false for NaN */
	return whole ? (int64_t)number : fallback;
}

double json_double(const struct json *value, double fallback)
{
	return json_is_number(value) ? node_of(value)->valuedouble : fallback;
}

bool json_bool(const struct json *value, bool fallback)
{
	return json_is_bool(value) ? cJSON_IsTrue(node_of(value)) : fallback;
}

const struct json *json_first(const struct json *container)
{
	bool has_children = json_is_object(container) || json_is_array(container);
	return has_children ? value_of(node_of(container)->child) : NULL;
}

const struct json *json_next(const struct json *child)
{
	return child ? value_of(node_of(child)->next) : NULL;
}

const char *json_key(const struct json *child)
{
	return child ? node_of(child)->string : NULL;
}

size_t json_count(const struct json *container)
{
	size_t count = 0;
	for (const struct json *child = json_first(container); child; child = json_next(child))
		count++;
	return count;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static void write_value(struct json_writer *w, const cJSON *node)
{
	bool object = cJSON_IsObject(node);
	if (object || cJSON_IsArray(node)) {
		object ? json_object(w) : json_array(w);
		for (const cJSON *child = node->child; child; child = child->next) {
			if (object)
				json_member(w, child->string);
			write_value(w, child);
		}
		object ? json_end_object(w) : json_end_array(w);
	} else if (cJSON_IsString(node)) {
		json_put_string(w, node->valuestring);
	} else if (cJSON_IsNumber(node)) {
		json_put_double(w, node->valuedouble);
	} else if (cJSON_IsBool(node)) {
		json_put_bool(w, cJSON_IsTrue(node));
	} else {
		json_put_null(w);
	}
}

char *json_to_text(const struct json *value)
{
	AUTO(buf) struct buf out;
	buf_init(&out,
	         SIZE_MAX / 4); /* the parsed text was bounded, and so is what is made of it */
	struct json_writer w = json_writer_on(&out);
	write_value(&w, node_of(value));
	return buf_detach(&out);
}
