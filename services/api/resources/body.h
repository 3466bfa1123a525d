// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies of requests that change something: one JSON object, checked by table. A member that is not
 * in the table or of another type is refused with a sentence that names it.
 */
#ifndef FANGS_API_BODY_H
#define FANGS_API_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "http/http_server.h"
#include "json/json.h"

enum { BODY_MAX_BYTES = 64 << 10 };

enum body_kind {
	BODY_TEXT,
	BODY_BOOL,
	BODY_NUMBER,   /* a whole one from 0 to `max` */
	BODY_TEXT_MAP, /* an object of strings */
};

struct body_member {
	const char *name;
	enum body_kind kind;
	bool required;
	size_t max; /* characters of a text */
};

/* The object; the caller frees it. DROP with what is wrong. */
struct json *body_parse(struct view text, const struct body_member *members, size_t count,
                        struct error *err);

/* The object of a request, which said that it is JSON (ACCESS_JSON_BODY); NULL when it was
 * answered. */
struct json *body_read(struct http_request *request, const struct body_member *members,
                       size_t count);

#define BODY_COUNT(members) (sizeof(members) / sizeof((members)[0]))

#endif
