// SPDX-License-Identifier: Apache-2.0
/* Payloads as `events.data` holds them. */
#include <stdlib.h>

#include "base/utf8.h"
#include "model/event_wire.h"
#include "model/event_wire_payload.h"

static int copy_value(struct json_pull *pull, struct json_writer *w, struct arena *arena);

static int copy_object(struct json_pull *pull, struct json_writer *w, struct arena *arena)
{
	struct view key;
	int more = json_pull_object(pull, NULL);
	json_object(w);
	while (more >= 0 && (more = json_pull_key(pull, arena, &key, NULL)) > 0) {
		json_member(w, arena_copy(arena, utf8_storable(arena, key)).data);
		more = copy_value(pull, w, arena);
	}
	json_end_object(w);
	return more;
}

static int copy_array(struct json_pull *pull, struct json_writer *w, struct arena *arena)
{
	int more = json_pull_array(pull, NULL);
	json_array(w);
	while (more >= 0 && (more = json_pull_item(pull, NULL)) > 0)
		more = copy_value(pull, w, arena);
	json_end_array(w);
	return more;
}

static int copy_string(struct json_pull *pull, struct json_writer *w, struct arena *arena)
{
	struct view text = {NULL, 0};
	int rc = json_pull_string(pull, arena, &text, NULL);
	json_put_view(w, utf8_storable(arena, text));
	return rc;
}

/* A short decimal stays as it is; what PostgreSQL might refuse (1e999999) becomes a double. */
static int copy_number(struct json_pull *pull, struct json_writer *w, struct arena *arena)
{
	enum { PLAIN_MAX = 32 };
	struct view text = {NULL, 0};
	int rc = json_pull_raw(pull, &text, NULL);
	bool exponent = text.size &&
	                (memchr(text.data, 'e', text.size) || memchr(text.data, 'E', text.size));
	if (text.size <= PLAIN_MAX && !exponent)
		json_put_raw(w, text);
	else
		json_put_double(w, strtod(arena_copy(arena, text).data, NULL));
	return rc;
}

static int copy_value(struct json_pull *pull, struct json_writer *w, struct arena *arena)
{
	struct view word = {NULL, 0};
	int rc = 0;
	switch (json_pull_peek(pull)) {
	case JSON_PULL_OBJECT:
		return copy_object(pull, w, arena);
	case JSON_PULL_ARRAY:
		return copy_array(pull, w, arena);
	case JSON_PULL_STRING:
		return copy_string(pull, w, arena);
	case JSON_PULL_NUMBER:
		return copy_number(pull, w, arena);
	default:
		rc = json_pull_raw(pull, &word, NULL);
		json_put_raw(w, word);
		return rc;
	}
}

/* A payload that was not understood comes from outside unchecked: what is not JSON becomes null. */
static void write_unknown(struct buf *out, struct view payload)
{
	struct json_writer w = json_writer_on(out);
	struct json_pull pull;
	struct arena arena;
	size_t before = out->size;
	arena_init(&arena);
	json_pull_init(&pull, payload);
	if (copy_value(&pull, &w, &arena) < 0 || json_pull_peek(&pull) != JSON_PULL_END) {
		out->size = before;
		buf_append_string(out, "null");
	}
	arena_release(&arena);
}

void event_write_row_json(struct buf *out, const struct event *event)
{
	struct json_writer w = json_writer_on(out);
	if (event->type == EVENT_UNKNOWN)
		write_unknown(out, event->unknown);
	else
		event_wire_write_payload(&w, event, NULL);
}
