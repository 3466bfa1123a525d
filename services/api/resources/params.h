// SPDX-License-Identifier: Apache-2.0
/*
 * What stands behind the '?' of a request, checked by table: a parameter that is not in the table,
 * given twice, or of a wrong form is refused with a sentence that names it, so that a mistyped
 * filter never passes for "no filter".
 */
#ifndef FANGS_API_PARAMS_H
#define FANGS_API_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "http/http_server.h"

enum param_kind {
	PARAM_TEXT,      /* up to PARAM_TEXT_MAX characters; empty is as if it were not there */
	PARAM_WORD,      /* one of `choices` */
	PARAM_BOOL,      /* true or false */
	PARAM_NUMBER,    /* from 0 to 2^31 - 1 */
	PARAM_TIME,      /* RFC 3339 */
	PARAM_ID_PREFIX, /* 1 to 32 lower-case hex digits */
};

enum { PARAM_TEXT_MAX = 2048, PARAMS_MAX = 12 };

struct param {
	const char *name;
	enum param_kind kind;
	const char *choices; /* "a|b|c" */
};

/* Fills ret_values[i] for params[i]; NULL: not given. Values live in the arena. DROP on others. */
int params_parse(struct view query, const struct param *params, size_t count, struct arena *arena,
                 const char **ret_values, struct error *err);

/* As above, for a request. False when it was answered (400). */
bool params_read(struct http_request *request, const struct param *params, size_t count,
                 const char **ret_values);
/* For routes without parameters. */
bool params_none(struct http_request *request);

/* Whether `text` is 1 to 32 lower-case hex digits: the beginning of an id of run or deviation. */
bool params_is_id_prefix(const char *text);

#endif
