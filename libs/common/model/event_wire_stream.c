// SPDX-License-Identifier: Apache-2.0
/*
 * The batches' frame is walked mark by mark; what stands in it (keys, values, whole events) is read
 * by the pull parser from contiguous bytes. A value that does not end in its piece is set aside and
 * read when its end, found by a scanner, has come.
 */
#include "model/event_wire_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "model/event_wire_payload.h"
#include "json/json_fields.h"
#include "json/json_pull.h"

/* One element of "events" while it is read. */
struct element {
	struct event event;
	const char *member; /* being read */
	uint8_t type;
	bool has_payload;
	uint8_t read_as;          /* the type by which the payload was read */
	struct json_pull payload; /* standing at it */
};

static int read_payload(struct json_pull *pull, struct element *element, struct arena *arena,
                        struct error *err)
{
	struct json_pull before = *pull;
	element->read_as = element->type;
	if (event_wire_read_payload(pull, element->type, &element->event, arena))
		return 0;
	struct view text;
	*pull = before;
	int rc = json_pull_raw(pull, &text, err);
	if (rc < 0)
		return rc;
	if (text.size > EVENT_PAYLOAD_MAX)
		return json_pull_fail(&before, err, "more than 65536 bytes in an unknown payload");
	memset(&element->event, 0, sizeof(element->event));
	element->event.wire_type = element->type;
	element->event.unknown = text;
	return 0;
}

static int read_payload_member(struct json_pull *pull, void *target, struct arena *arena,
                               struct error *err)
{
	struct element *element = target;
	element->has_payload = true;
	element->payload = *pull;
	element->member = "payload";
	int rc = read_payload(pull, element, arena, err);
	if (rc == 0)
		element->member = NULL;
	return rc;
}

static int read_type_member(struct json_pull *pull, void *target, struct arena *arena,
                            struct error *err)
{
	struct element *element = target;
	uint64_t type = 0;
	(void)arena;
	element->member = "type";
	int rc = json_pull_u64(pull, UINT8_MAX, &type, err);
	if (rc < 0)
		return rc;
	element->type = (uint8_t)type;
	element->member = NULL;
	return 0;
}

static const struct json_field element_rows[] = {
        JSON_FIELD_BY("type", read_type_member),
        JSON_FIELD_BY("payload", read_payload_member),
};
static const struct json_fields element_fields = JSON_FIELDS(element_rows);

static int read_element(struct json_pull *pull, struct element *element, struct arena *arena,
                        struct error *err)
{
	int rc = json_read_fields(pull, &element_fields, element, arena, err);
	if (rc < 0)
		return rc;
	if (!element->has_payload) {
		element->event.wire_type = element->type;
		element->event.unknown = VIEW_LITERAL("null");
	} else if (element->read_as != element->type) { /* the type came behind its payload */
		element->member = "payload";
		rc = read_payload(&element->payload, element, arena, err);
		if (rc < 0)
			return error_wrap(err, "payload");
	}
	return rc;
}

/* Puts the path of the event before an error that begins with a member's name, or does not. */
static int name_event(const struct event_wire_stream *stream, const char *member, struct error *err)
{
	if (!err)
		return -EBADMSG;
	struct error inner = *err;
	return error_set_class(err, inner.class, inner.code, "events[%" PRIu64 "]%s%s",
	                       stream->batch.events, member ? "." : ": ", inner.text);
}

static int read_event(struct event_wire_stream *stream, struct json_pull *pull, struct error *err)
{
	/* The frame around it. */
	enum { DEPTH = 2 };
	struct element element;
	element.member = NULL;
	element.type = 0;
	element.has_payload = false;
	memset(&element.event, 0, sizeof(element.event));
	pull->depth = DEPTH;
	int rc = read_element(pull, &element, &stream->arena, err);
	if (rc < 0)
		return name_event(stream, element.member, err);
	stream->sink.event(stream->sink.ctx, &element.event);
	stream->batch.events++;
	stream->place = EVENT_WIRE_EVENT_END;
	return 0;
}

/* Members of a batch. */

static const struct {
	struct view key;
	enum event_wire_place place;
} members[] = {
        {VIEW_LITERAL("run_id"), EVENT_WIRE_RUN_ID},
        {VIEW_LITERAL("seq"), EVENT_WIRE_SEQ},
        {VIEW_LITERAL("events"), EVENT_WIRE_EVENTS},
};

static int read_key(struct event_wire_stream *stream, struct json_pull *pull, struct error *err)
{
	struct view key;
	int rc = json_pull_string(pull, &stream->arena, &key, err);
	if (rc < 0)
		return rc;
	stream->member = EVENT_WIRE_OTHER;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (view_equal_ignoring_case(key, members[i].key))
			stream->member = members[i].place;
	}
	stream->place = EVENT_WIRE_COLON;
	return 0;
}

static int read_member(struct event_wire_stream *stream, struct json_pull *pull, struct error *err)
{
	struct event_wire_batch *batch = &stream->batch;
	enum event_wire_place place = stream->place;
	int rc = 0;
	pull->depth = 1;
	if (place == EVENT_WIRE_OTHER)
		rc = json_pull_skip(pull, err);
	else if (json_pull_null(pull))
		rc = 0;
	else if (place == EVENT_WIRE_RUN_ID)
		rc = json_pull_bytes(pull, batch->run_id.bytes, sizeof(batch->run_id.bytes), err);
	else if (place == EVENT_WIRE_SEQ)
		rc = json_pull_u64(pull, UINT64_MAX, &batch->seq, err);
	else
		rc = json_pull_fail(pull, err, "expected an array");
	if (rc == 0)
		stream->place = EVENT_WIRE_MEMBER_END;
	return rc;
}

/* The frame. */

static void begin_batch(struct event_wire_stream *stream)
{
	stream->batch = (struct event_wire_batch){.seq = 0};
	stream->place = EVENT_WIRE_FIRST_KEY;
}

static void end_batch(struct event_wire_stream *stream)
{
	stream->place = EVENT_WIRE_BATCH;
	stream->sink.batch(stream->sink.ctx, &stream->batch);
}

static void begin_events(struct event_wire_stream *stream)
{
	if (stream->batch.events)
		stream->sink.restart(stream->sink.ctx);
	stream->batch.events = 0;
	stream->place = EVENT_WIRE_FIRST_EVENT;
}

static int read_null_batch(struct event_wire_stream *stream, struct json_pull *pull,
                           struct error *err)
{
	if (!json_pull_null(pull))
		return json_pull_fail(pull, err, "expected an object");
	begin_batch(stream);
	end_batch(stream);
	return 0;
}

/* The value of which `bytes` has at least the beginning; how much was read into `*ret`. */
static int read_value(struct event_wire_stream *stream, struct view bytes, size_t *ret,
                      struct error *err)
{
	struct json_pull pull;
	int rc;
	json_pull_init(&pull, bytes);
	pull.base = stream->offset;
	switch (stream->place) {
	case EVENT_WIRE_BATCH:
		rc = read_null_batch(stream, &pull, err);
		break;
	case EVENT_WIRE_FIRST_KEY:
	case EVENT_WIRE_KEY:
		rc = read_key(stream, &pull, err);
		break;
	case EVENT_WIRE_FIRST_EVENT:
	case EVENT_WIRE_EVENT:
		rc = read_event(stream, &pull, err);
		break;
	default:
		rc = read_member(stream, &pull, err);
		break;
	}
	*ret = (size_t)(pull.at - pull.start);
	arena_reset(&stream->arena);
	return rc;
}

static int expected(const struct event_wire_stream *stream, struct error *err, const char *what)
{
	return error_set(err, EBADMSG, "expected %s at offset %" PRIu64, what, stream->offset);
}

/* 1: the byte was one of the frame's marks; 0: a value begins with it. */
static int read_mark(struct event_wire_stream *stream, char c, struct error *err)
{
	switch (stream->place) {
	case EVENT_WIRE_BATCH:
		if (c != '{')
			return 0;
		begin_batch(stream);
		return 1;
	case EVENT_WIRE_FIRST_KEY:
		if (c != '}')
			return 0;
		end_batch(stream);
		return 1;
	case EVENT_WIRE_COLON:
		if (c != ':')
			return expected(stream, err, "':'");
		stream->place = stream->member;
		return 1;
	case EVENT_WIRE_EVENTS:
		if (c != '[')
			return 0;
		begin_events(stream);
		return 1;
	case EVENT_WIRE_FIRST_EVENT:
		if (c != ']')
			return 0;
		stream->place = EVENT_WIRE_MEMBER_END;
		return 1;
	case EVENT_WIRE_EVENT_END:
		if (c != ',' && c != ']')
			return expected(stream, err, "',' or ']'");
		stream->place = c == ',' ? EVENT_WIRE_EVENT : EVENT_WIRE_MEMBER_END;
		return 1;
	case EVENT_WIRE_MEMBER_END:
		if (c == ',')
			stream->place = EVENT_WIRE_KEY;
		else if (c == '}')
			end_batch(stream);
		else
			return expected(stream, err, "',' or '}'");
		return 1;
	default:
		return 0;
	}
}

/* Puts the field's name before an error; events have done it. */
static int name_field(enum event_wire_place place, struct error *err)
{
	switch (place) {
	case EVENT_WIRE_RUN_ID:
		return error_wrap(err, "run_id");
	case EVENT_WIRE_SEQ:
		return error_wrap(err, "seq");
	case EVENT_WIRE_EVENTS:
	case EVENT_WIRE_EVENT_END:
		return error_wrap(err, "events");
	default:
		return -err->code;
	}
}

/* Values that are begun. */

static bool is_event_place(enum event_wire_place place)
{
	return place == EVENT_WIRE_EVENT || place == EVENT_WIRE_FIRST_EVENT;
}

static int too_long(struct event_wire_stream *stream, struct error *err)
{
	error_set(err, EBADMSG, "more than %d bytes in one value at offset %" PRIu64,
	          EVENT_WIRE_VALUE_MAX, stream->offset);
	return is_event_place(stream->place) ? name_event(stream, NULL, err)
	                                     : name_field(stream->place, err);
}

/* A value with its end. */
static int read_complete(struct event_wire_stream *stream, struct view value, struct error *err)
{
	enum event_wire_place place = stream->place;
	size_t used;
	int rc = read_value(stream, value, &used, err);
	if (rc < 0)
		return name_field(place, err);
	stream->offset += used;
	if (used < value.size) /* a number or word that does not end like one */
		return expected(stream, err, "',' or the end");
	if (is_event_place(place))
		stream->usual_size = used;
	return 0;
}

static int read_begun(struct event_wire_stream *stream, struct error *err)
{
	int rc = read_complete(stream, buf_view(&stream->begun), err);
	buf_reset(&stream->begun);
	return rc;
}

/* Adds to the value that is set aside; how much of the piece it took into `*ret`. */
static int go_on(struct event_wire_stream *stream, struct view piece, size_t *ret,
                 struct error *err)
{
	bool ended = json_scan_feed(&stream->scan, piece, ret);
	buf_append(&stream->begun, piece.data, *ret);
	if (stream->begun.overflowed)
		return too_long(stream, err);
	return ended ? read_begun(stream, err) : 0;
}

/* Most values end in their piece, so one is read at once if it looks as if: it is no number or
 * word, and there is as much as the event before had. */
static bool read_at_once(struct event_wire_stream *stream, struct view piece, size_t *ret)
{
	bool event = is_event_place(stream->place);
	bool has_end_mark = *piece.data == '{' || *piece.data == '[' || *piece.data == '"';
	if (!has_end_mark || (event && piece.size < stream->usual_size) ||
	    read_value(stream, piece, ret, NULL) < 0)
		return false;
	stream->offset += *ret;
	if (event)
		stream->usual_size = *ret;
	return true;
}

/* A value that begins in the piece. When it could not be read at once, it is either bad or not all
 * here. */
static int begin_value(struct event_wire_stream *stream, struct view piece, size_t *ret,
                       struct error *err)
{
	if (read_at_once(stream, piece, ret))
		return 0;
	json_scan_init(&stream->scan);
	if (json_scan_feed(&stream->scan, piece, ret))
		return read_complete(stream, view_of(piece.data, *ret), err);
	buf_append(&stream->begun, piece.data, *ret);
	return stream->begun.overflowed ? too_long(stream, err) : 0;
}

static size_t white_space(struct view piece)
{
	size_t size = 0;
	while (size < piece.size && (piece.data[size] == ' ' || piece.data[size] == '\n' ||
	                             piece.data[size] == '\t' || piece.data[size] == '\r'))
		size++;
	return size;
}

static int advance(struct event_wire_stream *stream, struct view piece, size_t *ret,
                   struct error *err)
{
	if (stream->begun.size)
		return go_on(stream, piece, ret, err);
	*ret = white_space(piece);
	stream->offset += *ret;
	if (*ret)
		return 0;
	int mark = read_mark(stream, *piece.data, err);
	if (mark < 0)
		return name_field(stream->place, err);
	if (mark == 0)
		return begin_value(stream, piece, ret, err);
	*ret = 1;
	stream->offset++;
	return 0;
}

int event_wire_stream_feed(struct event_wire_stream *stream, struct view piece, struct error *err)
{
	while (piece.size) {
		size_t used;
		int rc = advance(stream, piece, &used, err);
		if (rc < 0)
			return rc;
		piece = view_of(piece.data + used, piece.size - used);
	}
	return 0;
}

int event_wire_stream_end(struct event_wire_stream *stream, struct error *err)
{
	int rc = stream->begun.size ? read_begun(stream, err) : 0;
	if (rc < 0 || stream->place == EVENT_WIRE_BATCH)
		return rc;
	error_set(err, EBADMSG, "unexpected end at offset %" PRIu64, stream->offset);
	return name_field(stream->place, err);
}

void event_wire_stream_init(struct event_wire_stream *stream, const struct event_wire_sink *sink)
{
	memset(stream, 0, sizeof(*stream));
	stream->sink = *sink;
	stream->place = EVENT_WIRE_BATCH;
	buf_init(&stream->begun, EVENT_WIRE_VALUE_MAX);
	arena_init(&stream->arena);
}

void event_wire_stream_release(struct event_wire_stream *stream)
{
	buf_release(&stream->begun);
	arena_release(&stream->arena);
}
