// SPDX-License-Identifier: Apache-2.0
/*
 * Batches of the /v1 wire. What an event's type promises is read by the table of that type
 * (event_wire_payload.c); a payload that is JSON but not what its type promises is kept as it came.
 */
#include <errno.h>

#include "model/event_codec.h"
#include "model/event_wire.h"
#include "model/event_wire_payload.h"
#include "json/json_fields.h"

enum { EVENTS_FIRST = 64 }; /* what existing runners send at once */

/* One element of "events" while it is read. */
struct element {
	struct event *event;
	uint8_t type;
	bool has_payload;
	uint8_t read_as;          /* the type by which the payload was read */
	struct json_pull payload; /* standing at it */
};

static int read_payload(struct json_pull *pull, struct element *element, struct arena *arena,
                        struct error *err)
{
	struct json_pull before = *pull;
	struct event *event = element->event;
	element->read_as = element->type;
	if (event_wire_read_payload(pull, element->type, event, arena))
		return 0;
	struct view text;
	*pull = before;
	int rc = json_pull_raw(pull, &text, err);
	if (rc < 0)
		return rc;
	if (text.size > EVENT_PAYLOAD_MAX)
		return json_pull_fail(&before, err, "more than 65536 bytes in an unknown payload");
	memset(event, 0, sizeof(*event));
	event->wire_type = element->type;
	event->unknown = text;
	return 0;
}

static int read_payload_member(struct json_pull *pull, void *target, struct arena *arena,
                               struct error *err)
{
	struct element *element = target;
	element->has_payload = true;
	element->payload = *pull;
	return read_payload(pull, element, arena, err);
}

static const struct json_field element_rows[] = {
        JSON_FIELD("type", U8, struct element, type),
        JSON_FIELD_BY("payload", read_payload_member),
};
static const struct json_fields element_fields = JSON_FIELDS(element_rows);

static int read_element(struct json_pull *pull, struct event *event, struct arena *arena,
                        struct error *err)
{
	struct element element = {.event = event};
	int rc = json_read_fields(pull, &element_fields, &element, arena, err);
	if (rc < 0)
		return rc;
	if (!element.has_payload) {
		event->wire_type = element.type;
		event->unknown = VIEW_LITERAL("null");
	} else if (element.read_as != element.type) { /* the type came behind its payload */
		rc = read_payload(&element.payload, &element, arena, err);
	}
	return rc;
}

struct batch {
	struct event_wire_batch result;
	size_t capacity;
};

static struct event *add_event(struct batch *batch, struct arena *arena)
{
	struct event_wire_batch *result = &batch->result;
	if (result->event_count == batch->capacity) {
		batch->capacity = batch->capacity ? 2 * batch->capacity : EVENTS_FIRST;
		struct event *events = arena_alloc(arena, batch->capacity, sizeof(*events));
		if (result->event_count)
			memcpy(events, result->events, result->event_count * sizeof(*events));
		result->events = events;
	}
	return &result->events[result->event_count++];
}

static int read_events(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	struct batch *batch = target;
	*batch = (struct batch){.result.run_id = batch->result.run_id,
	                        .result.seq = batch->result.seq};
	int more = json_pull_array(pull, err);
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		if (batch->result.event_count == EVENTS_BATCH_MAX)
			return json_pull_fail(pull, err, "more than 4096 events in a batch");
		more = read_element(pull, add_event(batch, arena), arena, err);
	}
	return more;
}

static const struct json_field batch_rows[] = {
        JSON_FIELD("run_id", BYTES, struct batch, result.run_id),
        JSON_FIELD("seq", U64, struct batch, result.seq),
        JSON_FIELD_BY("events", read_events),
};
static const struct json_fields batch_fields = JSON_FIELDS(batch_rows);

void event_wire_reader_init(struct event_wire_reader *reader, struct view body, struct arena *arena)
{
	*reader = (struct event_wire_reader){.body = body, .arena = arena};
}

int event_wire_next(struct event_wire_reader *reader, struct event_wire_batch *ret,
                    struct error *err)
{
	struct json_pull pull;
	json_pull_init(&pull, reader->body);
	pull.at += reader->offset;
	if (json_pull_peek(&pull) == JSON_PULL_END)
		return 0;
	struct batch batch = {0};
	int rc = json_read_fields(&pull, &batch_fields, &batch, reader->arena, err);
	if (rc < 0)
		return error_wrap(err, "decode batch");
	reader->offset = json_pull_offset(&pull);
	*ret = batch.result;
	return 1;
}
