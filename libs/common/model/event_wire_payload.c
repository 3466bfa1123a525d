// SPDX-License-Identifier: Apache-2.0
#include "model/event_wire_payload.h"

#include "base/utf8.h"
#include "json/json_fields.h"

/* What a table fills: the event, and what finish_...() makes more of it from. */
struct payload {
	struct event event;
	struct view dest_ip;
	struct view bytes; /* the array of a captured packet, as text */
	uint16_t byte_count;
	bool parse_failed;
	size_t ancestor_comm_count;
	struct view ancestor_comms[EVENT_ANCESTORS_MAX];
};

static int read_actor(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	struct payload *payload = target;
	struct view text;
	int rc = json_pull_string(pull, arena, &text, err);
	if (rc == 0)
		(void)actor_parse(text, &payload->event.process.actor);
	return rc;
}

static int read_parse_error(struct json_pull *pull, void *target, struct arena *arena,
                            struct error *err)
{
	(void)arena;
	((struct payload *)target)->parse_failed = true; /* an object; null is no error */
	return json_pull_skip(pull, err);
}

static const struct json_field header_rows[] = {
        JSON_FIELD("TsNs", U64, struct payload, event.process.ts_ns),
        JSON_FIELD("CgroupID", U64, struct payload, event.process.cgroup_id),
        JSON_FIELD_IGNORED("RunID"),
        JSON_FIELD("PID", U32, struct payload, event.process.pid),
        JSON_FIELD("TID", U32, struct payload, event.process.tid),
        JSON_FIELD("PPID", U32, struct payload, event.process.ppid),
        JSON_FIELD("UID", U32, struct payload, event.process.uid),
        JSON_FIELD("GID", U32, struct payload, event.process.gid),
        JSON_FIELD_IGNORED("Comm"),
        JSON_FIELD_IGNORED("Type"),
        JSON_FIELD("Tags", U8, struct payload, event.process.tags),
};
static const struct json_fields header_fields = JSON_FIELDS(header_rows);

/* Rows that every payload has, and those that ours adds to each. */
#define HEADER_ROW JSON_FIELD_NESTED("Header", header_fields)
#define COMM_ROW JSON_FIELD("CommStr", TEXT, struct payload, event.process.comm)
#define OUR_ROWS                                                                                   \
	JSON_FIELD_BY("Actor", read_actor),                                                        \
	        JSON_FIELD("StartNs", U64, struct payload, event.process.start_ns),                \
	        JSON_FIELD("Package", TEXT, struct payload, event.process.package)

/* File accesses. */

static int read_operation(struct json_pull *pull, void *target, struct arena *arena,
                          struct error *err)
{
	struct payload *payload = target;
	struct view text;
	int rc = json_pull_string(pull, arena, &text, err);
	if (rc == 0)
		(void)file_operation_parse(text, &payload->event.file.operation);
	return rc;
}

static const struct json_field file_rows[] = {
        HEADER_ROW,
        JSON_FIELD("DFD", I32, struct payload, event.file.dfd),
        JSON_FIELD("Flags", I32, struct payload, event.file.flags),
        JSON_FIELD_IGNORED("PathLen"),
        JSON_FIELD("Truncated", FLAG, struct payload, event.file.truncated),
        JSON_FIELD_IGNORED("Path"),
        JSON_FIELD("PathName", TEXT, struct payload, event.file.path),
        COMM_ROW,
        OUR_ROWS,
        JSON_FIELD("Result", I32, struct payload, event.file.result),
        JSON_FIELD_BY("Operation", read_operation),
};

static void cut(struct view *text)
{
	*text = utf8_prefix(*text, EVENT_TEXT_MAX);
}

static bool finish_file(struct payload *payload, struct arena *arena)
{
	(void)arena;
	struct event_file *file = &payload->event.file;
	file->truncated = file->truncated || file->path.size > EVENT_TEXT_MAX;
	cut(&file->path);
	return true;
}

/* Executions. */

static int read_arguments(struct json_pull *pull, void *target, struct arena *arena,
                          struct error *err)
{
	struct event_exec *exec = &((struct payload *)target)->event.exec;
	int more = json_pull_array(pull, err);
	exec->argc = 0;
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		struct view text = {NULL, 0};
		if (!json_pull_null(pull))
			more = json_pull_string(pull, arena, &text, err);
		if (exec->argc < EVENT_ARGV_MAX)
			exec->argv[exec->argc++] = utf8_prefix(text, EVENT_TEXT_MAX);
		else
			exec->argv_truncated = true;
	}
	return more;
}

struct ancestor {
	uint32_t pid, ppid;
	uint64_t start_ns;
	uint8_t comm[WIRE_COMM_SIZE];
};

static int read_ancestor(struct json_pull *pull, struct event_ancestor *ret, struct arena *arena,
                         struct error *err)
{
	static const struct json_field rows[] = {
	        JSON_FIELD("PID", U32, struct ancestor, pid),
	        JSON_FIELD("PPID", U32, struct ancestor, ppid),
	        JSON_FIELD("Comm", BYTES, struct ancestor, comm),
	        JSON_FIELD("StartNs", U64, struct ancestor, start_ns),
	};
	static const struct json_fields fields = JSON_FIELDS(rows);
	struct ancestor ancestor = {0};
	int rc = json_read_fields(pull, &fields, &ancestor, arena, err);
	const char *comm = (const char *)ancestor.comm;
	*ret = (struct event_ancestor){
	        .pid = ancestor.pid,
	        .ppid = ancestor.ppid,
	        .start_ns = ancestor.start_ns,
	        .comm = arena_copy(arena, view_of(comm, strnlen(comm, WIRE_COMM_SIZE))),
	};
	return rc;
}

/* The wire has a fixed number; the first without a pid ends them. */
static int read_ancestors(struct json_pull *pull, void *target, struct arena *arena,
                          struct error *err)
{
	struct event_exec *exec = &((struct payload *)target)->event.exec;
	bool ended = false;
	exec->ancestor_count = 0;
	int more = json_pull_array(pull, err);
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		struct event_ancestor ancestor;
		more = read_ancestor(pull, &ancestor, arena, err);
		ended = ended || ancestor.pid == 0 || exec->ancestor_count == EVENT_ANCESTORS_MAX;
		if (!ended)
			exec->ancestors[exec->ancestor_count++] = ancestor;
	}
	return more;
}

static int read_ancestor_comms(struct json_pull *pull, void *target, struct arena *arena,
                               struct error *err)
{
	struct payload *payload = target;
	payload->ancestor_comm_count = 0;
	int more = json_pull_array(pull, err);
	while (more >= 0 && (more = json_pull_item(pull, err)) > 0) {
		struct view text = {NULL, 0};
		if (!json_pull_null(pull))
			more = json_pull_string(pull, arena, &text, err);
		if (payload->ancestor_comm_count < EVENT_ANCESTORS_MAX)
			payload->ancestor_comms[payload->ancestor_comm_count++] = text;
	}
	return more;
}

static const struct json_field exec_rows[] = {
        HEADER_ROW,
        JSON_FIELD_IGNORED("Argc"),
        JSON_FIELD_IGNORED("ArgvLens"),
        JSON_FIELD_IGNORED("Argv"),
        JSON_FIELD_IGNORED("BinaryPath"),
        JSON_FIELD_BY("Ancestors", read_ancestors),
        JSON_FIELD("BinaryPathStr", TEXT, struct payload, event.exec.path),
        JSON_FIELD_BY("ArgvStrs", read_arguments),
        COMM_ROW,
        JSON_FIELD_BY("AncestorComms", read_ancestor_comms),
        OUR_ROWS,
        JSON_FIELD("ArgvTruncated", BOOL, struct payload, event.exec.argv_truncated),
        JSON_FIELD("Result", I32, struct payload, event.exec.result),
};

static bool finish_exec(struct payload *payload, struct arena *arena)
{
	(void)arena;
	struct event_exec *exec = &payload->event.exec;
	cut(&exec->path);
	for (size_t i = 0; i < payload->ancestor_comm_count; i++) {
		exec->ancestors[i].comm = payload->ancestor_comms[i];
		cut(&exec->ancestors[i].comm);
	}
	if (exec->ancestor_count < payload->ancestor_comm_count)
		exec->ancestor_count = payload->ancestor_comm_count;
	return true;
}

/* Connections. */

static const struct json_field connect_rows[] = {
        HEADER_ROW,
        JSON_FIELD("Family", U8, struct payload, event.connect.family),
        JSON_FIELD("Source", U8, struct payload, event.connect.source),
        JSON_FIELD("DestPort", U16, struct payload, event.connect.port),
        JSON_FIELD("Sockfd", U32, struct payload, event.connect.fd),
        JSON_FIELD("DestAddr", BYTES, struct payload, event.connect.address),
        JSON_FIELD("DestIP", TEXT, struct payload, dest_ip),
        COMM_ROW,
        OUR_ROWS,
        JSON_FIELD("Protocol", U8, struct payload, event.connect.protocol),
        JSON_FIELD("Interface", TEXT, struct payload, event.connect.interface),
        JSON_FIELD("Name", TEXT, struct payload, event.connect.name),
        JSON_FIELD("Result", I32, struct payload, event.connect.result),
};

/* The text is what existing servers go by, so it wins over the bytes. */
static bool finish_connect(struct payload *payload, struct arena *arena)
{
	(void)arena;
	struct event_connect *connect = &payload->event.connect;
	(void)event_parse_ip(payload->dest_ip, &connect->family, connect->address);
	cut(&connect->interface);
	cut(&connect->name);
	return true;
}

/* DNS queries. */

static const struct json_field dns_rows[] = {
        HEADER_ROW,
        JSON_FIELD("Family", U8, struct payload, event.dns.family),
        JSON_FIELD("DestPort", U16, struct payload, event.dns.port),
        JSON_FIELD("QueryLen", U16, struct payload, byte_count),
        JSON_FIELD("DestAddr", BYTES, struct payload, event.dns.server),
        JSON_FIELD("Query", RAW, struct payload, bytes),
        JSON_FIELD("QName", TEXT, struct payload, event.dns.name),
        JSON_FIELD("QType", U16, struct payload, event.dns.qtype),
        JSON_FIELD("DestIP", TEXT, struct payload, dest_ip),
        COMM_ROW,
        JSON_FIELD_BY("ParseErr", read_parse_error),
        OUR_ROWS,
        JSON_FIELD("Response", BOOL, struct payload, event.dns.response),
        JSON_FIELD("Answers", TEXT, struct payload, event.dns.answers),
};

/* The captured packet: as many bytes of the array as the payload says that there are. */
static bool take_bytes(struct payload *payload, struct arena *arena, size_t max, struct view *ret)
{
	size_t size = payload->byte_count < max ? payload->byte_count : max;
	if (size == 0 || payload->bytes.size == 0)
		return true;
	uint8_t *bytes = arena_alloc(arena, size, 1);
	struct json_pull pull;
	json_pull_init(&pull, payload->bytes);
	*ret = view_of(bytes, size);
	return json_pull_bytes(&pull, bytes, size, NULL) == 0;
}

static bool finish_dns(struct payload *payload, struct arena *arena)
{
	struct event_dns *dns = &payload->event.dns;
	(void)event_parse_ip(payload->dest_ip, &dns->family, dns->server);
	dns->parse_failed = payload->parse_failed;
	cut(&dns->name);
	cut(&dns->answers);
	return take_bytes(payload, arena, WIRE_QUERY_SIZE, &dns->query);
}

/* TLS server names. */

static int read_tls_protocol(struct json_pull *pull, void *target, struct arena *arena,
                             struct error *err)
{
	struct payload *payload = target;
	struct view text;
	int rc = json_pull_string(pull, arena, &text, err);
	if (rc == 0 && view_is(text, "quic"))
		payload->event.tls.protocol = EVENT_TLS_OVER_QUIC;
	return rc;
}

static const struct json_field tls_rows[] = {
        HEADER_ROW,
        JSON_FIELD("Source", U8, struct payload, event.tls.source),
        JSON_FIELD_IGNORED("SniLen"),
        JSON_FIELD("RawPayloadLen", U16, struct payload, byte_count),
        JSON_FIELD("RawPayload", RAW, struct payload, bytes),
        JSON_FIELD("SNI", TEXT, struct payload, event.tls.sni),
        JSON_FIELD("DuplicateOf", TEXT, struct payload, event.tls.duplicate_of),
        JSON_FIELD_IGNORED("SourceName"),
        COMM_ROW,
        JSON_FIELD_BY("ParseErr", read_parse_error),
        OUR_ROWS,
        JSON_FIELD_BY("Protocol", read_tls_protocol),
        JSON_FIELD("Ech", BOOL, struct payload, event.tls.ech),
        JSON_FIELD("Tunnel", TEXT, struct payload, event.tls.tunnel),
        JSON_FIELD("DestIP", TEXT, struct payload, dest_ip),
        JSON_FIELD("DestPort", U16, struct payload, event.tls.port),
};

static bool finish_tls(struct payload *payload, struct arena *arena)
{
	struct event_tls *tls = &payload->event.tls;
	(void)event_parse_ip(payload->dest_ip, &tls->family, tls->address);
	tls->parse_failed = payload->parse_failed;
	cut(&tls->sni);
	cut(&tls->duplicate_of);
	cut(&tls->tunnel);
	return take_bytes(payload, arena, WIRE_CLIENTHELLO_SIZE, &tls->raw);
}

static const struct type {
	struct json_fields fields;
	bool (*finish)(struct payload *payload, struct arena *arena);
} types[EVENT_TYPE_COUNT] = {
        [EVENT_FILE] = {JSON_FIELDS(file_rows), finish_file},
        [EVENT_EXEC] = {JSON_FIELDS(exec_rows), finish_exec},
        [EVENT_CONNECT] = {JSON_FIELDS(connect_rows), finish_connect},
        [EVENT_DNS] = {JSON_FIELDS(dns_rows), finish_dns},
        [EVENT_TLS] = {JSON_FIELDS(tls_rows), finish_tls},
};

bool event_wire_read_payload(struct json_pull *pull, uint8_t type, struct event *event,
                             struct arena *arena)
{
	if (type == EVENT_UNKNOWN || type >= EVENT_TYPE_COUNT)
		return false;
	struct payload payload;
	memset(&payload, 0, sizeof(payload));
	payload.event.type = (enum event_type)type;
	payload.event.wire_type = type;
	if (type == EVENT_FILE)
		payload.event.file.result = INT32_MIN;
	if (json_read_fields(pull, &types[type].fields, &payload, arena, NULL) < 0)
		return false;
	cut(&payload.event.process.comm);
	cut(&payload.event.process.package);
	if (!types[type].finish(&payload, arena))
		return false;
	*event = payload.event;
	return true;
}
