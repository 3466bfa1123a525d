// SPDX-License-Identifier: Apache-2.0
/*
 * A pull parser: the caller asks for what it expects and gets it straight from the text, without a
 * tree and without copies. For what comes in great numbers (events) and where 64-bit integers,
 * U+0000 or the place of an error matter.
 *
 * Invariants: never reads outside `text`; nesting is at most JSON_DEPTH_MAX; every value that is
 * passed over is checked to be JSON. Errors are class DROP and end with "at offset N". After an
 * error only a copy of the parser taken earlier may be used.
 *
 *   json_pull_init(&pull, text);
 *   json_pull_object(&pull, err);
 *   while ((more = json_pull_key(&pull, arena, &key, err)) > 0)
 *     ... exactly one of the value functions ...
 */
#ifndef FANGS_JSON_JSON_PULL_H
#define FANGS_JSON_JSON_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"

struct json_pull {
	const char *start, *at, *end;
	unsigned depth;
	bool comma;    /* a value was completed in the current container */
	uint64_t base; /* offset of the text in what it is a piece of; 0 after json_pull_init() */
};

enum json_pull_type {
	JSON_PULL_END, /* of the text */
	JSON_PULL_OBJECT,
	JSON_PULL_ARRAY,
	JSON_PULL_STRING,
	JSON_PULL_NUMBER,
	JSON_PULL_BOOL,
	JSON_PULL_NULL,
	JSON_PULL_INVALID,
};

void json_pull_init(struct json_pull *pull, struct view text);

/* What the next value is, judged by its first character; skips white space only. */
enum json_pull_type json_pull_peek(struct json_pull *pull);
uint64_t json_pull_offset(const struct json_pull *pull);

/* Containers. key and item: 1 when a member or element follows, 0 when the container has ended,
 * negative on error. A key with escapes is decoded into the arena, others are borrowed. */
int json_pull_object(struct json_pull *pull, struct error *err);
int json_pull_key(struct json_pull *pull, struct arena *arena, struct view *ret, struct error *err);
int json_pull_array(struct json_pull *pull, struct error *err);
int json_pull_item(struct json_pull *pull, struct error *err);

/* Scalars. A string is borrowed from the text when it needs neither unescaping nor cleaning, else
 * it is in the arena; it is always valid UTF-8 and may hold U+0000. Integers have neither fraction
 * nor exponent. */
int json_pull_string(struct json_pull *pull, struct arena *arena, struct view *ret,
                     struct error *err);
/* As a C string in the arena; U+0000 in it is an error. null gives "". */
int json_pull_cstring(struct json_pull *pull, struct arena *arena, const char **ret,
                      struct error *err);
int json_pull_i64(struct json_pull *pull, int64_t min, int64_t max, int64_t *ret,
                  struct error *err);
int json_pull_u64(struct json_pull *pull, uint64_t max, uint64_t *ret, struct error *err);
int json_pull_bool(struct json_pull *pull, bool *ret, struct error *err);

/* Consumes a null; false, nothing consumed, when the next value is something else. */
bool json_pull_null(struct json_pull *pull);

/* Any value: passed over, or as its own text (a number too). */
int json_pull_skip(struct json_pull *pull, struct error *err);
int json_pull_raw(struct json_pull *pull, struct view *ret, struct error *err);

/* An array of integers 0 to 255 into `size` bytes: a short one is padded with zeros, a long one
 * cut. */
int json_pull_bytes(struct json_pull *pull, uint8_t *bytes, size_t size, struct error *err);

/* Sets `*err` to "<what> at offset N" and returns its negative code. */
int json_pull_fail(const struct json_pull *pull, struct error *err, const char *what);

#endif
