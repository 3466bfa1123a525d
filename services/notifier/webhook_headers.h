// SPDX-License-Identifier: Apache-2.0
/* The headers of a webhook request, in order of precedence: a later one of the same name replaces
 * an earlier one, whatever its case. */
#ifndef FANGS_NOTIFIER_WEBHOOK_HEADERS_H
#define FANGS_NOTIFIER_WEBHOOK_HEADERS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "http/http_client.h"

enum { WEBHOOK_HEADERS_MAX = 64 };

struct webhook_headers {
	struct http_header items[WEBHOOK_HEADERS_MAX];
	size_t count;
};

/* Strings are borrowed. False when the table is full, or when name or value could not stand in a
 * request (a line break in a value would forge further headers). */
bool webhook_headers_set(struct webhook_headers *headers, const char *name, const char *value);

/* Sets all pairs of a JSON object of strings; -EINVAL with what is wrong with the text, and then
 * nothing was set. */
int webhook_headers_set_json(struct webhook_headers *headers, const char *json, struct arena *arena,
                             struct error *err);

#endif
