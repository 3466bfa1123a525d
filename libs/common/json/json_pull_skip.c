// SPDX-License-Identifier: Apache-2.0
/* Passing over values, checking them: most of the work on an event batch. */
#include <string.h>

#include "json/json_pull_internal.h"

/* Numbers of any form. */
static int skip_digits(struct json_pull *pull, struct error *err)
{
	size_t size = json_pull_digits(pull, pull->at);
	pull->at += size;
	return size > 0 ? 0 : json_pull_fail(pull, err, "expected a digit");
}

static int skip_number(struct json_pull *pull, struct error *err)
{
	bool negative;
	struct view digits = {NULL, 0};
	int rc = json_pull_integer_text(pull, &negative, &digits, err);
	if (rc == 0 && json_pull_at(pull, '.')) {
		pull->at++;
		rc = skip_digits(pull, err);
	}
	if (rc == 0 && (json_pull_at(pull, 'e') || json_pull_at(pull, 'E'))) {
		pull->at++;
		if (json_pull_at(pull, '+') || json_pull_at(pull, '-'))
			pull->at++;
		rc = skip_digits(pull, err);
	}
	return rc;
}

/* Byte arrays are most of an event's text and end in long runs of zeros: eight elements at a time,
 * `at` standing where an element begins. */
static void skip_zeros(struct json_pull *pull)
{
	static const char zeros[] = "0,0,0,0,0,0,0,0,";
	enum { RUN = sizeof(zeros) - 1 };
	while (pull->end - pull->at > RUN && memcmp(pull->at, zeros, RUN) == 0 &&
	       json_pull_is_digit(pull->at[RUN]))
		pull->at += RUN;
}

/* Passes over small integers as long as elements look like them; leaves the rest, of any kind, to
 * the general loop. */
static void skip_plain_integers(struct json_pull *pull)
{
	enum { DIGITS_MAX = 3 };
	for (;;) {
		skip_zeros(pull);
		const char *p = pull->at;
		while (p < pull->end && json_pull_is_digit(*p))
			p++;
		size_t digits = (size_t)(p - pull->at);
		if (digits == 0 || digits > DIGITS_MAX || (digits > 1 && *pull->at == '0') ||
		    pull->end - p < 2 || *p != ',' || !json_pull_is_digit(p[1]))
			return;
		pull->at = p + 1;
	}
}

static int skip_array(struct json_pull *pull, struct error *err)
{
	int more = json_pull_array(pull, err);
	if (more < 0)
		return more;
	skip_plain_integers(pull);
	while ((more = json_pull_item(pull, err)) > 0) {
		int rc = json_pull_skip(pull, err);
		if (rc < 0)
			return rc;
	}
	return more;
}

static int skip_string(struct json_pull *pull, struct error *err)
{
	struct view ignored;
	bool plain;
	return json_pull_string_text(pull, &ignored, &plain, err);
}

static int skip_object(struct json_pull *pull, struct error *err)
{
	int more = json_pull_object(pull, err);
	if (more < 0)
		return more;
	while ((more = json_pull_next(pull, '}', err)) > 0) {
		int rc = skip_string(pull, err);
		if (rc < 0)
			return rc;
		json_pull_space(pull);
		if (!json_pull_at(pull, ':'))
			return json_pull_fail(pull, err, "expected ':'");
		pull->at++;
		rc = json_pull_skip(pull, err);
		if (rc < 0)
			return rc;
	}
	return more;
}

int json_pull_skip(struct json_pull *pull, struct error *err)
{
	bool ignored;
	switch (json_pull_peek(pull)) {
	case JSON_PULL_OBJECT:
		return skip_object(pull, err);
	case JSON_PULL_ARRAY:
		return skip_array(pull, err);
	case JSON_PULL_STRING:
		return skip_string(pull, err);
	case JSON_PULL_NUMBER:
		return skip_number(pull, err);
	case JSON_PULL_BOOL:
		return json_pull_bool(pull, &ignored, err);
	case JSON_PULL_NULL:
		if (json_pull_null(pull))
			return 0;
		break;
	default:
		break;
	}
	return json_pull_fail(pull, err, "expected a value");
}

int json_pull_raw(struct json_pull *pull, struct view *ret, struct error *err)
{
	json_pull_space(pull);
	const char *first = pull->at;
	int rc = json_pull_skip(pull, err);
	if (rc == 0)
		*ret = view_of(first, (size_t)(pull->at - first));
	return rc;
}
