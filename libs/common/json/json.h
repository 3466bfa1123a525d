// SPDX-License-Identifier: Apache-2.0
/*
 * Reading JSON documents: the only module that touches the JSON library (cJSON).
 *
 * For control messages and API bodies, all bounded in size. Streams of events have a parser of
 * their own (model/event_wire.h). Accessors take NULL and answer with "absent", so that chains of
 * look-ups need no checks between. Numbers are exact as long as they fit 53 bits; 64-bit integers
 * are read from their text by the event parser, never from here.
 */
#ifndef FANGS_JSON_JSON_H
#define FANGS_JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/view.h"

struct json; /* a value; children are borrowed from the root */

enum { JSON_DEPTH_MAX = 64 };

/* Parses the first value in `text` (bytes behind it are ignored unless `whole`). The caller frees
 * the root by json_free(). NULL and a sentence with the offset on bad input. */
struct json *json_parse(struct view text, bool whole, struct error *err);
void json_free(struct json *root);
DEFINE_AUTO(json, struct json *, json_free)

/* Members; `json_get_ci` matches keys ignoring ASCII case with the last duplicate winning, as Go
 * decoders do. NULL when absent, JSON null, or `object` is not an object. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_ci(const struct json *object, const char *key);

bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_string(const struct json *value);
bool json_is_number(const struct json *value);
bool json_is_bool(const struct json *value);

/* Values with a fallback for absent and other types. Strings are borrowed and NUL-terminated. */
const char *json_string(const struct json *value, const char *fallback);
int64_t json_int(const struct json *value, int64_t fallback);
double json_double(const struct json *value, double fallback);
bool json_bool(const struct json *value, bool fallback);

/* Iteration over arrays and objects: first child, then next until NULL. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *child);
const char *json_key(const struct json *child); /* NULL in arrays */
size_t json_count(const struct json *container);

/* The value as compact text; the caller frees it. */
char *json_to_text(const struct json *value);

#endif
