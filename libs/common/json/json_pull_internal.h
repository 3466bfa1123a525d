// SPDX-License-Identifier: Apache-2.0
/* What the files of the pull parser share. */
#ifndef FANGS_JSON_JSON_PULL_INTERNAL_H
#define FANGS_JSON_JSON_PULL_INTERNAL_H

#include "json/json_pull.h"

/* White space is rare in what machines write: one comparison tells. */
static inline void json_pull_space(struct json_pull *pull)
{
	while (pull->at < pull->end && (unsigned char)*pull->at <= ' ' &&
	       (*pull->at == ' ' || *pull->at == '\n' || *pull->at == '\t' || *pull->at == '\r'))
		pull->at++;
}

static inline bool json_pull_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool json_pull_at(const struct json_pull *pull, char c)
{
	return pull->at < pull->end && *pull->at == c;
}

static inline size_t json_pull_digits(const struct json_pull *pull, const char *at)
{
	const char *p = at;
	while (p < pull->end && json_pull_is_digit(*p))
		p++;
	return (size_t)(p - at);
}

/* In the container that ends with `bracket`: 1: something follows; 0: the container has ended. */
int json_pull_next(struct json_pull *pull, char bracket, struct error *err);

/* Passes over an integer's sign and digits. */
int json_pull_integer_text(struct json_pull *pull, bool *ret_negative, struct view *ret_digits,
                           struct error *err);

/* Passes over a string whose escapes are well formed: its text between the quotes, and whether that
 * text is the string itself (no escapes, valid UTF-8). */
int json_pull_string_text(struct json_pull *pull, struct view *ret, bool *ret_plain,
                          struct error *err);

#endif
