// SPDX-License-Identifier: Apache-2.0
#include "resources/body.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

static const struct body_member *find(const struct body_member *members, size_t count,
                                      const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	}
	return NULL;
}

static bool is_text_map(const struct json *value)
{
	if (!json_is_object(value))
		return false;
	for (const struct json *item = json_first(value); item; item = json_next(item)) {
		if (!json_is_string(item))
			return false;
	}
	return true;
}

static int check(const struct body_member *member, const struct json *value, struct error *err)
{
	const char *name = member->name;

	switch (member->kind) {
	case BODY_TEXT:
		if (!json_is_string(value))
			return error_set(err, EINVAL, "%s must be a string", name);
		if (utf8_length(view_of_string(json_string(value, ""))) > member->max)
			return error_set(err, EINVAL, "%s has more than %zu characters", name,
			                 member->max);
		break;
	case BODY_BOOL:
		if (!json_is_bool(value))
			return error_set(err, EINVAL, "%s must be true or false", name);
		break;
	case BODY_NUMBER:
		if (json_int(value, -1) < 0 || (uint64_t)json_int(value, -1) > member->max)
			return error_set(err, EINVAL, "%s must be a whole number from 0 to %zu",
			                 name, member->max);
		break;
	case BODY_TEXT_MAP:
		if (!is_text_map(value))
			return error_set(err, EINVAL, "%s must be an object of strings", name);
		break;
	}
	return 0;
}

static int check_all(const struct json *body, const struct body_member *members, size_t count,
                     struct error *err)
{
	if (!json_is_object(body))
		return error_set(err, EINVAL, "decode body: not an object");
	for (const struct json *item = json_first(body); item; item = json_next(item)) {
		const struct body_member *member = find(members, count, json_key(item));

		if (!member)
			return error_set(err, EINVAL, "unknown member '%s'", json_key(item));
		if (check(member, item, err) < 0)
			return -err->code;
	}
	for (size_t i = 0; i < count; i++) {
		if (members[i].required && !json_get(body, members[i].name))
			return error_set(err, EINVAL, "%s is missing", members[i].name);
	}
	return 0;
}

struct json *body_parse(struct view text, const struct body_member *members, size_t count,
                        struct error *err)
{
	if (!utf8_is_valid(text)) {
		(void)error_set(err, EINVAL, "decode body: not UTF-8");
		return NULL;
	}
	struct json *body = json_parse(text, true, err);
	if (!body) {
		(void)error_wrap(err, "decode body");
		return NULL;
	}
	if (check_all(body, members, count, err) == 0)
		return body;
	json_free(body);
	return NULL;
}

struct json *body_read(struct http_request *request, const struct body_member *members,
                       size_t count)
{
	struct error err = {0};
	struct json *body = body_parse(http_request_body(request), members, count, &err);

	if (!body)
		http_reply_error(request, 400, "%s", err.text);
	return body;
}
