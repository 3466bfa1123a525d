// SPDX-License-Identifier: Apache-2.0
#include "resources/params.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "http/http_router.h"

enum { ID_SIZE = 32 };

bool params_is_id_prefix(const char *text)
{
	size_t size = strspn(text, "0123456789abcdef");

	return size > 0 && size <= ID_SIZE && text[size] == '\0';
}

static bool is_one_of(const char *text, const char *choices)
{
	struct view rest = view_of_string(choices);

	while (rest.size) {
		if (view_is(view_split(&rest, '|'), text))
			return true;
	}
	return false;
}

static int check(const struct param *param, const char *value, struct error *err)
{
	struct view text = view_of_string(value);
	int64_t number = 0;

	switch (param->kind) {
	case PARAM_TEXT:
		break;
	case PARAM_WORD:
		if (!is_one_of(value, param->choices))
			return error_set(err, EINVAL, "%s must be one of %s", param->name,
			                 param->choices);
		break;
	case PARAM_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return error_set(err, EINVAL, "%s must be true or false", param->name);
		break;
	case PARAM_NUMBER:
		if (!view_to_i64(text, &number) || number < 0 || number > INT32_MAX)
			return error_set(err, EINVAL, "%s must be a number from 0 to %d",
			                 param->name, INT32_MAX);
		break;
	case PARAM_TIME:
		if (!clock_parse_rfc3339(text, &number))
			return error_set(err, EINVAL,
			                 "%s must be a time such as 2026-11-22T20:18:54Z",
			                 param->name);
		break;
	case PARAM_ID_PREFIX:
		if (!params_is_id_prefix(value))
			return error_set(err, EINVAL,
			                 "%s must be the beginning of an id: lower-case hex digits",
			                 param->name);
		break;
	}
	return 0;
}

static const struct param *find(const struct param *params, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	}
	return NULL;
}

static int refuse_unknown(const struct param *params, size_t count, const char *name,
                          struct arena *arena, struct error *err)
{
	const char *known = "";

	for (size_t i = 0; i < count; i++)
		known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", params[i].name);
	return error_set(err, EINVAL, "unknown query parameter '%s': %s%s", name,
	                 count ? "there are " : "there is none here", known);
}

static int take(struct view pair, const struct param *params, size_t count, struct arena *arena,
                const char **values, struct error *err)
{
	const char *name = http_percent_decode(view_split(&pair, '='), true, arena);
	const struct param *param = name ? find(params, count, name) : NULL;

	if (!name || !utf8_is_valid(view_of_string(name)))
		return error_set(err, EINVAL, "the name of a query parameter is badly encoded");
	if (!param)
		return refuse_unknown(params, count, name, arena, err);
	const char *value = http_percent_decode(pair, true, arena);
	if (!value || !utf8_is_valid(view_of_string(value)))
		return error_set(err, EINVAL, "%s is badly encoded", name);
	if (values[param - params])
		return error_set(err, EINVAL, "%s is given twice", name);
	if (utf8_length(view_of_string(value)) > PARAM_TEXT_MAX)
		return error_set(err, EINVAL, "%s has more than %d characters", name,
		                 PARAM_TEXT_MAX);
	values[param - params] = value;
	return check(param, value, err);
}

int params_parse(struct view query, const struct param *params, size_t count, struct arena *arena,
                 const char **ret_values, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		ret_values[i] = NULL;
	while (query.size) {
		struct view pair = view_split(&query, '&');

		if (pair.size && take(pair, params, count, arena, ret_values, err) < 0)
			return -err->code;
	}
	for (size_t i = 0; i < count; i++) {
		if (ret_values[i] && !*ret_values[i])
			ret_values[i] = NULL;
	}
	return 0;
}

bool params_read(struct http_request *request, const struct param *params, size_t count,
                 const char **ret_values)
{
	struct error err = {0};

	if (params_parse(http_request_query_string(request), params, count,
	                 http_request_arena(request), ret_values, &err) == 0)
		return true;
	http_reply_error(request, 400, "%s", err.text);
	return false;
}

bool params_none(struct http_request *request)
{
	return params_read(request, NULL, 0, NULL);
}
