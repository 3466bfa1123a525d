// SPDX-License-Identifier: Apache-2.0
/*
 * Append-only JSON writer into a buf: commas and quoting are its business, nesting is the
 * caller's. Escapes as Go's encoder does (\b \f \n \r \t, \u00XX, and < > & as \u003c ...), and
 * replaces invalid UTF-8 by U+FFFD, so that any bytes give a valid document. Overflow shows in
 * buf->overflowed.
 *
 *   struct json_writer w = json_writer_on(&buf);
 *   json_object(&w);
 *     json_member_string(&w, "id", id);
 *     json_member(&w, "tags"); json_array(&w); ... json_end_array(&w);
 *   json_end_object(&w);
 */
#ifndef FANGS_JSON_JSON_WRITER_H
#define FANGS_JSON_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

struct json_writer {
	struct buf *out; /* borrowed */
	bool comma;      /* a value was written in the current container */
};

struct json_writer json_writer_on(struct buf *out);

void json_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_member(struct json_writer *w, const char *key); /* key only; the value follows */

void json_put_view(struct json_writer *w, struct view text);
void json_put_string(struct json_writer *w, const char *text); /* NULL writes null */
void json_put_int(struct json_writer *w, int64_t number);
void json_put_uint(struct json_writer *w, uint64_t number);
void json_put_double(struct json_writer *w, double number);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct view json); /* already a valid JSON value */

void json_member_view(struct json_writer *w, const char *key, struct view text);
void json_member_string(struct json_writer *w, const char *key, const char *text);
void json_member_int(struct json_writer *w, const char *key, int64_t number);
void json_member_uint(struct json_writer *w, const char *key, uint64_t number);
void json_member_bool(struct json_writer *w, const char *key, bool value);
void json_member_raw(struct json_writer *w, const char *key, struct view json);

#endif
