// SPDX-License-Identifier: Apache-2.0
#include "json/json_pull.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "json/json.h"
#include "json/json_pull_internal.h"

void json_pull_init(struct json_pull *pull, struct view text)
{
	const char *start = text.data ? text.data : "";
	*pull = (struct json_pull){.start = start, .at = start, .end = start + text.size};
}

uint64_t json_pull_offset(const struct json_pull *pull)
{
	return pull->base + (uint64_t)(pull->at - pull->start);
}

int json_pull_fail(const struct json_pull *pull, struct error *err, const char *what)
{
	if (pull->at >= pull->end)
		return error_set(err, EBADMSG, "unexpected end at offset %" PRIu64,
		                 json_pull_offset(pull));
	return error_set(err, EBADMSG, "%s at offset %" PRIu64, what, json_pull_offset(pull));
}

enum json_pull_type json_pull_peek(struct json_pull *pull)
{
	json_pull_space(pull);
	if (pull->at >= pull->end)
		return JSON_PULL_END;
	switch (*pull->at) {
	case '{':
		return JSON_PULL_OBJECT;
	case '[':
		return JSON_PULL_ARRAY;
	case '"':
		return JSON_PULL_STRING;
	case 't':
	case 'f':
		return JSON_PULL_BOOL;
	case 'n':
		return JSON_PULL_NULL;
	case '-':
		return JSON_PULL_NUMBER;
	default:
		return json_pull_is_digit(*pull->at) ? JSON_PULL_NUMBER : JSON_PULL_INVALID;
	}
}

/* Containers. */

static int open_container(struct json_pull *pull, char bracket, const char *what, struct error *err)
{
	json_pull_space(pull);
	if (!json_pull_at(pull, bracket))
		return json_pull_fail(pull, err, what);
	if (pull->depth >= JSON_DEPTH_MAX)
		return json_pull_fail(pull, err, "nested too deeply");
	pull->at++;
	pull->depth++;
	pull->comma = false;
	return 0;
}

int json_pull_next(struct json_pull *pull, char bracket, struct error *err)
{
	json_pull_space(pull);
	if (json_pull_at(pull, bracket)) {
		pull->at++;
		pull->depth--;
		pull->comma = true;
		return 0;
	}
	if (!pull->comma)
		return pull->at < pull->end ? 1 : json_pull_fail(pull, err, "");
	if (!json_pull_at(pull, ','))
		return json_pull_fail(pull, err, "expected ',' or the end of the container");
	pull->at++;
	json_pull_space(pull);
	if (pull->at >= pull->end || json_pull_at(pull, bracket))
		return json_pull_fail(pull, err, "expected a value after ','");
	return 1;
}

int json_pull_object(struct json_pull *pull, struct error *err)
{
	return open_container(pull, '{', "expected an object", err);
}

int json_pull_key(struct json_pull *pull, struct arena *arena, struct view *ret, struct error *err)
{
	int more = json_pull_next(pull, '}', err);
	if (more <= 0)
		return more;
	int rc = json_pull_string(pull, arena, ret, err);
	if (rc < 0)
		return rc;
	json_pull_space(pull);
	if (!json_pull_at(pull, ':'))
		return json_pull_fail(pull, err, "expected ':'");
	pull->at++;
	return 1;
}

int json_pull_array(struct json_pull *pull, struct error *err)
{
	return open_container(pull, '[', "expected an array", err);
}

int json_pull_item(struct json_pull *pull, struct error *err)
{
	return json_pull_next(pull, ']', err);
}

/* Numbers. */

int json_pull_integer_text(struct json_pull *pull, bool *ret_negative, struct view *ret_digits,
                           struct error *err)
{
	json_pull_space(pull);
	const char *p = pull->at;
	bool negative = p < pull->end && *p == '-';
	p += negative;
	size_t size = json_pull_digits(pull, p);
	if (size == 0 || (size > 1 && *p == '0'))
		return json_pull_fail(pull, err, "expected a number");
	*ret_negative = negative;
	*ret_digits = view_of(p, size);
	pull->at = p + size;
	pull->comma = true;
	return 0;
}

static bool is_fraction_or_exponent(const struct json_pull *pull)
{
	return json_pull_at(pull, '.') || json_pull_at(pull, 'e') || json_pull_at(pull, 'E');
}

static int pull_magnitude(struct json_pull *pull, bool *ret_negative, uint64_t *ret,
                          struct error *err)
{
	struct view digits = {NULL, 0};
	struct json_pull before = *pull;
	int rc = json_pull_integer_text(pull, ret_negative, &digits, err);
	if (rc < 0)
		return rc;
	if (is_fraction_or_exponent(pull))
		return json_pull_fail(&before, err, "expected an integer");
	uint64_t number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		if (__builtin_mul_overflow(number, 10U, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number))
			return json_pull_fail(&before, err, "number out of range");
	}
	*ret = number;
	return 0;
}

int json_pull_u64(struct json_pull *pull, uint64_t max, uint64_t *ret, struct error *err)
{
	struct json_pull before = *pull;
	bool negative = false;
	uint64_t number = 0;
	int rc = pull_magnitude(pull, &negative, &number, err);
	if (rc < 0)
		return rc;
	if ((negative && number != 0) || number > max)
		return json_pull_fail(&before, err, "number out of range");
	*ret = number;
	return 0;
}

int json_pull_i64(struct json_pull *pull, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	struct json_pull before = *pull;
	bool negative = false;
	uint64_t magnitude = 0;
	int rc = pull_magnitude(pull, &negative, &magnitude, err);
	if (rc < 0)
		return rc;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return json_pull_fail(&before, err, "number out of range");
	int64_t number = (int64_t)(negative ? 0 - magnitude : magnitude);
	if (number < min || number > max)
		return json_pull_fail(&before, err, "number out of range");
	*ret = number;
	return 0;
}

int json_pull_bytes(struct json_pull *pull, uint8_t *bytes, size_t size, struct error *err)
{
	int more = json_pull_array(pull, err);
	if (more < 0)
		return more;
	memset(bytes, 0, size);
	for (size_t i = 0; (more = json_pull_item(pull, err)) > 0; i++) {
		uint64_t number = 0;
		int rc = json_pull_null(pull) ? 0 : json_pull_u64(pull, UINT8_MAX, &number, err);
		if (rc < 0)
			return rc;
		if (i < size)
			bytes[i] = (uint8_t)number;
	}
	return more;
}

/* Words. */

static bool take_word(struct json_pull *pull, struct view word)
{
	json_pull_space(pull);
	if (!view_starts_with(view_of(pull->at, (size_t)(pull->end - pull->at)), word))
		return false;
	pull->at += word.size;
	pull->comma = true;
	return true;
}

int json_pull_bool(struct json_pull *pull, bool *ret, struct error *err)
{
	if (take_word(pull, VIEW_LITERAL("true")))
		*ret = true;
	else if (take_word(pull, VIEW_LITERAL("false")))
		*ret = false;
	else
		return json_pull_fail(pull, err, "expected true or false");
	return 0;
}

bool json_pull_null(struct json_pull *pull)
{
	json_pull_space(pull);
	return json_pull_at(pull, 'n') && take_word(pull, VIEW_LITERAL("null"));
}
