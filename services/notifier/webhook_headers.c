// SPDX-License-Identifier: Apache-2.0
#include "webhook_headers.h"

#include <errno.h>

#include "json/json.h"

static bool is_token(const char *name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	return *name && name[strspn(name, allowed)] == '\0';
}

static bool is_field_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == '\x7f')
			return false;
	return true;
}

bool webhook_headers_set(struct webhook_headers *headers, const char *name, const char *value)
{
	size_t i = 0;

	if (!is_token(name) || !is_field_value(value))
		return false;
	while (i < headers->count &&
	       !view_equal_ignoring_case(view_of_string(headers->items[i].name),
	                                 view_of_string(name)))
		i++;
	if (i == WEBHOOK_HEADERS_MAX)
		return false;
	headers->items[i] = (struct http_header){name, value};
	if (i == headers->count)
		headers->count++;
	return true;
}

int webhook_headers_set_json(struct webhook_headers *headers, const char *json, struct arena *arena,
                             struct error *err)
{
	struct webhook_headers changed = *headers;
	AUTO(json) struct json *root = json_parse(view_of_string(json), true, err);

	if (!root)
		return -err->code;
	if (!json_is_object(root))
		return error_set(err, EINVAL, "headers are not a JSON object");
	for (const struct json *member = json_first(root); member; member = json_next(member)) {
		const char *name = json_key(member);
		if (!json_is_string(member))
			return error_set(err, EINVAL, "header '%s' is not a string", name);
		if (!webhook_headers_set(&changed, arena_strdup(arena, name),
		                         arena_strdup(arena, json_string(member, ""))))
			return error_set(err, EINVAL, "header '%s' cannot be sent", name);
	}
	*headers = changed;
	return 0;
}
