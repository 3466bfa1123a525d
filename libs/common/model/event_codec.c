// SPDX-License-Identifier: Apache-2.0
#include "model/event_codec.h"

#include <errno.h>

#include "base/utf8.h"
#include "model/proto.h"

/* Field numbers of docs/events.proto. */
enum { MESSAGE_EVENT = 8, MESSAGE_RESULT = 9 };
enum {
	EVENT_TYPE = 1,
	EVENT_PAYLOAD_FIRST = 16, /* of the known types, in the order of their numbers */
	EVENT_PAYLOAD_UNKNOWN = 21,
};

enum { RUNNER_ID_MAX = 256, ADDRESS_SIZE = 16 };

/* The message. */

struct header_form {
	struct events_header header;
	struct view run_id; /* of any size, as read */
};

static const struct proto_field header_rows[] = {
        PROTO_LIMITED(1, ENUM, struct header_form, header.kind, EVENTS_RESULT),
        PROTO_FIELD(2, BYTES, struct header_form, run_id),
        PROTO_FIELD(3, U32, struct header_form, header.attempt),
        PROTO_LIMITED(4, TEXT, struct header_form, header.runner_id, RUNNER_ID_MAX),
        PROTO_FIELD(5, U64, struct header_form, header.seq),
        PROTO_FIELD(6, I64, struct header_form, header.sent_at_ns),
};
static const struct proto_fields header_fields = PROTO_FIELDS(header_rows);

static void write_header(struct buf *out, const struct events_header *header)
{
	struct header_form form = {.header = *header};
	form.run_id = view_of(header->run_id.bytes, RUN_ID_SIZE);
	proto_write(out, &header_fields, &form);
}

/* What the header says about the rest is checked here, once, before anything is applied. */
static int check_content(struct view message, enum events_kind kind, struct error *err)
{
	struct proto_value value = {.number = 0};
	size_t events = 0;
	size_t results = 0;
	int more;
	while ((more = proto_next(&message, &value, err)) > 0) {
		events += value.is_bytes && value.number == MESSAGE_EVENT;
		results += value.is_bytes && value.number == MESSAGE_RESULT;
	}
	if (more < 0)
		return more;
	if (events > EVENTS_BATCH_MAX)
		return error_set(err, EBADMSG, "malformed message: more than %d events",
		                 EVENTS_BATCH_MAX);
	if ((kind == EVENTS_RESULT) != (results == 1) || results > 1)
		return error_set(err, EBADMSG, "malformed message: %zu results", results);
	return 0;
}

int events_read_header(struct view message, struct events_header *ret, struct events_reader *reader,
                       struct error *err)
{
	struct header_form form = {0};
	int rc = proto_read(message, &header_fields, &form, err);
	if (rc < 0)
		return rc;
	if (form.header.kind != EVENTS_BATCH && form.header.kind != EVENTS_RESULT)
		return error_set(err, EBADMSG, "malformed message: no kind");
	if (form.run_id.size != RUN_ID_SIZE)
		return error_set(err, EBADMSG, "malformed message: the run id has not 16 bytes");
	memcpy(form.header.run_id.bytes, form.run_id.data, RUN_ID_SIZE);
	rc = check_content(message, form.header.kind, err);
	if (rc < 0)
		return rc;
	*ret = form.header;
	*reader = (struct events_reader){.rest = message};
	return 0;
}

/* Events: the fields of every event, then the payload of its type. */

static const struct proto_field process_rows[] = {
        PROTO_FIELD(EVENT_TYPE, U8, struct event, wire_type),
        PROTO_FIELD(2, U64, struct event, process.ts_ns),
        PROTO_FIELD(3, U64, struct event, process.cgroup_id),
        PROTO_FIELD(4, U64, struct event, process.start_ns),
        PROTO_FIELD(5, U32, struct event, process.pid),
        PROTO_FIELD(6, U32, struct event, process.tid),
        PROTO_FIELD(7, U32, struct event, process.ppid),
        PROTO_FIELD(8, U32, struct event, process.uid),
        PROTO_FIELD(9, U32, struct event, process.gid),
        PROTO_LIMITED(10, BYTES, struct event, process.comm, EVENT_TEXT_MAX),
        PROTO_FIELD(11, U8, struct event, process.tags),
        PROTO_LIMITED(12, ENUM, struct event, process.actor, ACTOR_PACKAGE),
        PROTO_LIMITED(13, BYTES, struct event, process.package, EVENT_TEXT_MAX),
};
static const struct proto_fields process_fields = PROTO_FIELDS(process_rows);

static const struct proto_field file_rows[] = {
        PROTO_FIELD(1, S32, struct event, file.dfd),
        PROTO_FIELD(2, S32, struct event, file.flags),
        PROTO_LIMITED(3, BYTES, struct event, file.path, EVENT_TEXT_MAX),
        PROTO_FIELD(4, BOOL, struct event, file.truncated),
        PROTO_FIELD(5, S32_OPTIONAL, struct event, file.result),
        PROTO_LIMITED(6, ENUM, struct event, file.operation, FILE_STAT),
};

static int append_argument(void *target, struct view element, struct error *err)
{
	(void)err;
	struct event_exec *exec = &((struct event *)target)->exec;
	if (exec->argc < EVENT_ARGV_MAX)
		exec->argv[exec->argc++] = utf8_prefix(element, EVENT_TEXT_MAX);
	else
		exec->argv_truncated = true;
	return 0;
}

static void write_arguments(struct buf *out, uint32_t number, const void *source)
{
	const struct event_exec *exec = &((const struct event *)source)->exec;
	for (size_t i = 0; i < exec->argc && i < EVENT_ARGV_MAX; i++)
		proto_write_bytes(out, number, utf8_prefix(exec->argv[i], EVENT_TEXT_MAX));
}

static const struct proto_field ancestor_rows[] = {
        PROTO_FIELD(1, U32, struct event_ancestor, pid),
        PROTO_FIELD(2, U32, struct event_ancestor, ppid),
        PROTO_LIMITED(3, BYTES, struct event_ancestor, comm, EVENT_TEXT_MAX),
        PROTO_FIELD(4, U64, struct event_ancestor, start_ns),
};
static const struct proto_fields ancestor_fields = PROTO_FIELDS(ancestor_rows);

static int append_ancestor(void *target, struct view element, struct error *err)
{
	struct event_exec *exec = &((struct event *)target)->exec;
	if (exec->ancestor_count == EVENT_ANCESTORS_MAX)
		return 0;
	return proto_read(element, &ancestor_fields, &exec->ancestors[exec->ancestor_count++], err);
}

static void write_ancestors(struct buf *out, uint32_t number, const void *source)
{
	const struct event_exec *exec = &((const struct event *)source)->exec;
	for (size_t i = 0; i < exec->ancestor_count && i < EVENT_ANCESTORS_MAX; i++) {
		size_t mark = proto_begin(out, number);
		proto_write(out, &ancestor_fields, &exec->ancestors[i]);
		proto_end(out, mark);
	}
}

static const struct proto_field exec_rows[] = {
        PROTO_LIMITED(1, BYTES, struct event, exec.path, EVENT_TEXT_MAX),
        PROTO_EACH(2, append_argument, write_arguments),
        PROTO_FIELD(3, BOOL, struct event, exec.argv_truncated),
        PROTO_EACH(4, append_ancestor, write_ancestors),
        PROTO_FIELD(5, S32, struct event, exec.result),
};

static const struct proto_field connect_rows[] = {
        PROTO_FIELD(1, U8, struct event, connect.family),
        PROTO_FIELD(2, U8, struct event, connect.source),
        PROTO_FIELD(3, U8, struct event, connect.protocol),
        PROTO_FIELD(4, U16, struct event, connect.port),
        PROTO_FIELD(5, U32, struct event, connect.fd),
        PROTO_LIMITED(6, ARRAY, struct event, connect.address, ADDRESS_SIZE),
        PROTO_LIMITED(7, BYTES, struct event, connect.interface, EVENT_TEXT_MAX),
        PROTO_LIMITED(8, BYTES, struct event, connect.name, EVENT_TEXT_MAX),
        PROTO_FIELD(9, S32, struct event, connect.result),
};

static const struct proto_field dns_rows[] = {
        PROTO_FIELD(1, U8, struct event, dns.family),
        PROTO_FIELD(2, U16, struct event, dns.port),
        PROTO_LIMITED(3, ARRAY, struct event, dns.server, ADDRESS_SIZE),
        PROTO_LIMITED(4, BYTES, struct event, dns.query, EVENT_TEXT_MAX),
        PROTO_LIMITED(5, BYTES, struct event, dns.name, EVENT_TEXT_MAX),
        PROTO_FIELD(6, U16, struct event, dns.qtype),
        PROTO_FIELD(7, BOOL, struct event, dns.parse_failed),
        PROTO_FIELD(8, BOOL, struct event, dns.response),
        PROTO_LIMITED(9, BYTES, struct event, dns.answers, EVENT_TEXT_MAX),
};

static const struct proto_field tls_rows[] = {
        PROTO_FIELD(1, U8, struct event, tls.source),
        PROTO_LIMITED(2, BYTES, struct event, tls.sni, EVENT_TEXT_MAX),
        PROTO_LIMITED(3, BYTES, struct event, tls.raw, EVENT_TEXT_MAX),
        PROTO_LIMITED(4, BYTES, struct event, tls.duplicate_of, EVENT_TEXT_MAX),
        PROTO_FIELD(5, BOOL, struct event, tls.parse_failed),
        PROTO_FIELD(6, BOOL, struct event, tls.ech),
        PROTO_LIMITED(7, ENUM, struct event, tls.protocol, EVENT_TLS_OVER_QUIC),
        PROTO_FIELD(8, U8, struct event, tls.family),
        PROTO_FIELD(9, U16, struct event, tls.port),
        PROTO_LIMITED(10, ARRAY, struct event, tls.address, ADDRESS_SIZE),
        PROTO_LIMITED(11, BYTES, struct event, tls.tunnel, EVENT_TEXT_MAX),
};

static const struct proto_fields payload_fields[EVENT_TYPE_COUNT] = {
        [EVENT_FILE] = PROTO_FIELDS(file_rows),       [EVENT_EXEC] = PROTO_FIELDS(exec_rows),
        [EVENT_CONNECT] = PROTO_FIELDS(connect_rows), [EVENT_DNS] = PROTO_FIELDS(dns_rows),
        [EVENT_TLS] = PROTO_FIELDS(tls_rows),
};

void events_write_batch(struct buf *out, const struct events_header *header)
{
	write_header(out, header);
}

void events_write_event(struct buf *out, const struct event *event)
{
	size_t mark = proto_begin(out, MESSAGE_EVENT);
	proto_write(out, &process_fields, event);
	if (event->type == EVENT_UNKNOWN) {
		struct view payload = event->unknown;
		if (payload.size > EVENT_PAYLOAD_MAX) /* cut, it would not be JSON */
			payload = VIEW_LITERAL("null");
		proto_write_bytes(out, EVENT_PAYLOAD_UNKNOWN, payload);
	} else {
		uint32_t number = EVENT_PAYLOAD_FIRST + (uint32_t)event->type - EVENT_FILE;
		size_t payload = proto_begin(out, number);
		proto_write(out, &payload_fields[event->type], event);
		proto_end(out, payload);
	}
	proto_end(out, mark);
}

/* Finds the payload and with it the type; the last one wins, as in a oneof. */
static int find_payload(struct view message, struct event *event, struct view *ret,
                        struct error *err)
{
	struct proto_value value = {.number = 0};
	bool found = false;
	int more;
	while ((more = proto_next(&message, &value, err)) > 0) {
		bool known = value.number >= EVENT_PAYLOAD_FIRST &&
		             value.number < EVENT_PAYLOAD_FIRST + EVENT_TYPE_COUNT - EVENT_FILE;
		if (!value.is_bytes || (!known && value.number != EVENT_PAYLOAD_UNKNOWN))
			continue;
		event->type =
		        known ? (enum event_type)(value.number - EVENT_PAYLOAD_FIRST + EVENT_FILE)
		              : EVENT_UNKNOWN;
		*ret = value.bytes;
		found = true;
	}
	if (more == 0 && !found)
		return error_set(err, EBADMSG, "malformed message: an event without a payload");
	return more;
}

static int read_payload(struct view payload, struct event *event, struct error *err)
{
	if (event->type == EVENT_FILE)
		event->file.result = INT32_MIN;
	if (event->type != EVENT_UNKNOWN) {
		event->wire_type = (uint8_t)event->type;
		return proto_read(payload, &payload_fields[event->type], event, err);
	}
	if (payload.size > EVENT_PAYLOAD_MAX)
		return error_set(err, EBADMSG, "malformed message: a payload of %zu bytes",
		                 payload.size);
	event->unknown = payload;
	return 0;
}

static int read_event(struct view message, struct event *event, struct error *err)
{
	struct view payload = {NULL, 0};
	memset(event, 0, sizeof(*event));
	int rc = proto_read(message, &process_fields, event, err);
	if (rc == 0)
		rc = find_payload(message, event, &payload, err);
	if (rc == 0)
		rc = read_payload(payload, event, err);
	return rc;
}

int events_next(struct events_reader *reader, struct event *ret, struct error *err)
{
	struct proto_value value = {.number = 0};
	int more;
	while ((more = proto_next(&reader->rest, &value, err)) > 0) {
		if (value.number != MESSAGE_EVENT || !value.is_bytes)
			continue;
		reader->read++;
		int rc = read_event(value.bytes, ret, err);
		return rc < 0 ? error_wrap(err, "event %zu", reader->read) : 1;
	}
	return more;
}

/* Results. */

static const struct proto_field result_rows[] = {
        PROTO_LIMITED(1, ENUM, struct run_result, status, RUN_STATUS_TIMEOUT),
        PROTO_LIMITED(2, TEXT, struct run_result, reason, EVENT_TEXT_MAX),
        PROTO_FIELD(3, I64, struct run_result, events_emitted),
        PROTO_FIELD(4, U64, struct run_result, events_dropped),
        PROTO_FIELD(5, I64, struct run_result, duration_ns),
        PROTO_FIELD(6, BOOL, struct run_result, native),
        PROTO_FIELD(7, U64, struct run_result, last_seq),
        PROTO_FIELD(8, U64, struct run_result, lost_ring),
        PROTO_FIELD(9, U64, struct run_result, lost_parse),
        PROTO_FIELD(10, U64, struct run_result, truncated),
        PROTO_FIELD(11, S32_OPTIONAL, struct run_result, npm_exit_code),
        PROTO_LIMITED(12, TEXT, struct run_result, image, EVENT_TEXT_MAX),
        PROTO_LIMITED(13, TEXT, struct run_result, image_digest, EVENT_TEXT_MAX),
        PROTO_LIMITED(14, TEXT, struct run_result, node_version, EVENT_TEXT_MAX),
        PROTO_LIMITED(15, TEXT, struct run_result, npm_version, EVENT_TEXT_MAX),
        PROTO_LIMITED(16, TEXT, struct run_result, sensor_tier, EVENT_TEXT_MAX),
        PROTO_FIELD(17, U32, struct run_result, survivors),
};
static const struct proto_fields result_fields = PROTO_FIELDS(result_rows);

void events_write_result(struct buf *out, const struct events_header *header,
                         const struct run_result *result)
{
	write_header(out, header);
	size_t mark = proto_begin(out, MESSAGE_RESULT);
	proto_write(out, &result_fields, result);
	proto_end(out, mark);
}

int events_read_result(struct events_reader *reader, struct run_result *ret, struct error *err)
{
	struct proto_value value = {.number = 0};
	int more;
	while ((more = proto_next(&reader->rest, &value, err)) > 0) {
		if (value.number != MESSAGE_RESULT || !value.is_bytes)
			continue;
		struct run_result result = {.npm_exit_code = INT32_MIN};
		int rc = proto_read(value.bytes, &result_fields, &result, err);
		if (rc < 0)
			return error_wrap(err, "result");
		*ret = result;
		return 0;
	}
	return more < 0 ? more : error_set(err, EBADMSG, "malformed message: no result");
}
