// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"
#include "model/event_wire.h"
#include "model/event_wire_payload.h"
#include "model/wire_parts.h"

/* What is written where: the wire has arrays of bytes, the database cannot hold U+0000. */
struct form {
	struct json_writer *w;
	const struct run_id *run_id; /* NULL: for the database */
	struct arena arena;
};

static void put_text(struct form *form, struct view text)
{
	json_put_view(form->w, form->run_id ? text : utf8_storable(&form->arena, text));
}

static void member_text(struct form *form, const char *key, struct view text)
{
	json_member(form->w, key);
	put_text(form, text);
}

static void member_bytes(struct form *form, const char *key, const void *bytes, size_t size,
                         size_t total)
{
	if (!form->run_id)
		return;
	json_member(form->w, key);
	wire_put_bytes(form->w, bytes, size, total);
}

/* Text in an array that ends with a NUL in any case. */
static void member_text_bytes(struct form *form, const char *key, struct view text, size_t total)
{
	member_bytes(form, key, text.data, text.size < total ? text.size : total - 1, total);
}

static void write_header(struct form *form, const struct event *event)
{
	const struct event_process *process = &event->process;
	json_member(form->w, "Header");
	json_object(form->w);
	json_member_uint(form->w, "TsNs", process->ts_ns);
	json_member_uint(form->w, "CgroupID", process->cgroup_id);
	if (form->run_id)
		wire_member_run_id(form->w, "RunID", form->run_id);
	json_member_uint(form->w, "PID", process->pid);
	json_member_uint(form->w, "TID", process->tid);
	json_member_uint(form->w, "PPID", process->ppid);
	json_member_uint(form->w, "UID", process->uid);
	json_member_uint(form->w, "GID", process->gid);
	member_text_bytes(form, "Comm", process->comm, WIRE_COMM_SIZE);
	json_member_uint(form->w, "Type", event->type);
	json_member_uint(form->w, "Tags", process->tags);
	json_end_object(form->w);
}

static void write_comm(struct form *form, const struct event *event)
{
	member_text(form, "CommStr", event->process.comm);
}

/* Members that are ours: only where there is something to say. */
static void write_ours(struct form *form, const struct event_process *process)
{
	if (process->actor != ACTOR_UNKNOWN)
		json_member_string(form->w, "Actor", actor_name(process->actor));
	if (process->start_ns)
		json_member_uint(form->w, "StartNs", process->start_ns);
	if (process->package.size)
		member_text(form, "Package", process->package);
}

static void write_ip(struct form *form, uint8_t family, const uint8_t address[16])
{
	char text[EVENT_IP_TEXT_MAX];
	event_format_ip(family, address, text);
	json_member_string(form->w, "DestIP", text);
}

/* null or an empty object: what an error value becomes in the JSON of existing runners. */
static void write_parse_error(struct form *form, bool failed)
{
	json_member_raw(form->w, "ParseErr", failed ? VIEW_LITERAL("{}") : VIEW_LITERAL("null"));
}

static size_t captured(struct view text, size_t total)
{
	return text.size < total ? text.size : total;
}

static void write_file(struct form *form, const struct event *event)
{
	const struct event_file *file = &event->file;
	json_member_int(form->w, "DFD", file->dfd);
	json_member_int(form->w, "Flags", file->flags);
	json_member_uint(form->w, "PathLen", captured(file->path, WIRE_PATH_SIZE - 1));
	json_member_uint(form->w, "Truncated", file->truncated);
	member_text_bytes(form, "Path", file->path, WIRE_PATH_SIZE);
	member_text(form, "PathName", file->path);
	write_comm(form, event);
	write_ours(form, &event->process);
	if (file->result != INT32_MIN)
		json_member_int(form->w, "Result", file->result);
	if (file->operation != FILE_OPEN)
		json_member_string(form->w, "Operation", file_operation_name(file->operation));
}

/* Eight slots of which each ends with a NUL. */
static void write_argument_bytes(struct form *form, const struct event_exec *exec)
{
	if (!form->run_id)
		return;
	uint8_t sizes[WIRE_ARGV_SLOTS] = {0};
	char slots[WIRE_ARGV_SLOTS * WIRE_ARGV_SLOT_SIZE] = {0};
	for (size_t i = 0; i < exec->argc && i < WIRE_ARGV_SLOTS; i++) {
		size_t size = captured(exec->argv[i], WIRE_ARGV_SLOT_SIZE - 1);
		sizes[i] = (uint8_t)size;
		if (size)
			memcpy(slots + i * WIRE_ARGV_SLOT_SIZE, exec->argv[i].data, size);
	}
	member_bytes(form, "ArgvLens", sizes, sizeof(sizes), sizeof(sizes));
	member_bytes(form, "Argv", slots, sizeof(slots), sizeof(slots));
}

static void write_ancestors(struct form *form, const struct event_exec *exec)
{
	static const struct event_ancestor none;
	size_t count = form->run_id ? WIRE_ANCESTORS : exec->ancestor_count;
	json_member(form->w, "Ancestors");
	json_array(form->w);
	for (size_t i = 0; i < count; i++) {
		const struct event_ancestor *ancestor =
		        i < exec->ancestor_count ? &exec->ancestors[i] : &none;
		json_object(form->w);
		json_member_uint(form->w, "PID", ancestor->pid);
		json_member_uint(form->w, "PPID", ancestor->ppid);
		member_text_bytes(form, "Comm", ancestor->comm, WIRE_COMM_SIZE);
		if (ancestor->start_ns)
			json_member_uint(form->w, "StartNs", ancestor->start_ns);
		json_end_object(form->w);
	}
	json_end_array(form->w);
}

static void write_exec(struct form *form, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	json_member_uint(form->w, "Argc",
	                 exec->argc < WIRE_ARGV_SLOTS ? exec->argc : WIRE_ARGV_SLOTS);
	write_argument_bytes(form, exec);
	member_text_bytes(form, "BinaryPath", exec->path, WIRE_PATH_SIZE);
	write_ancestors(form, exec);
	member_text(form, "BinaryPathStr", exec->path);
	json_member(form->w, "ArgvStrs");
	json_array(form->w);
	for (size_t i = 0; i < exec->argc; i++)
		put_text(form, exec->argv[i]);
	json_end_array(form->w);
	write_comm(form, event);
	json_member(form->w, "AncestorComms");
	json_array(form->w);
	for (size_t i = 0; i < exec->ancestor_count; i++)
		put_text(form, exec->ancestors[i].comm);
	json_end_array(form->w);
	write_ours(form, &event->process);
	if (exec->argv_truncated)
		json_member_bool(form->w, "ArgvTruncated", true);
	if (exec->result)
		json_member_int(form->w, "Result", exec->result);
}

static void write_connect(struct form *form, const struct event *event)
{
	const struct event_connect *connect = &event->connect;
	json_member_uint(form->w, "Family", connect->family);
	json_member_uint(form->w, "Source", connect->source);
	json_member_uint(form->w, "DestPort", connect->port);
	json_member_uint(form->w, "Sockfd", connect->fd);
	member_bytes(form, "DestAddr", connect->address, WIRE_ADDRESS_SIZE, WIRE_ADDRESS_SIZE);
	write_ip(form, connect->interface.size ? 0 : connect->family, connect->address);
	write_comm(form, event);
	write_ours(form, &event->process);
	if (connect->protocol)
		json_member_uint(form->w, "Protocol", connect->protocol);
	if (connect->interface.size)
		member_text(form, "Interface", connect->interface);
	if (connect->name.size)
		member_text(form, "Name", connect->name);
	if (connect->result)
		json_member_int(form->w, "Result", connect->result);
}

static void write_dns(struct form *form, const struct event *event)
{
	const struct event_dns *dns = &event->dns;
	size_t size = captured(dns->query, WIRE_QUERY_SIZE);
	json_member_uint(form->w, "Family", dns->family);
	json_member_uint(form->w, "DestPort", dns->port);
	json_member_uint(form->w, "QueryLen", size);
	member_bytes(form, "DestAddr", dns->server, WIRE_ADDRESS_SIZE, WIRE_ADDRESS_SIZE);
	member_bytes(form, "Query", dns->query.data, size, WIRE_QUERY_SIZE);
	member_text(form, "QName", dns->name);
	json_member_uint(form->w, "QType", dns->qtype);
	write_ip(form, dns->family, dns->server);
	write_comm(form, event);
	write_parse_error(form, dns->parse_failed);
	write_ours(form, &event->process);
	if (!dns->response)
		return;
	json_member_bool(form->w, "Response", true);
	member_text(form, "Answers", dns->answers);
}

static const char *source_name(uint8_t source)
{
	static const char *const names[] = {
	        [EVENT_TLS_LIBSSL] = "libssl",
	        [EVENT_TLS_NODE] = "node_internal",
	        [EVENT_TLS_CLIENTHELLO] = "tcp_clienthello",
	};
	bool known = source < sizeof(names) / sizeof(names[0]) && names[source];
	return known ? names[source] : "unknown";
}

static void write_tls(struct form *form, const struct event *event)
{
	const struct event_tls *tls = &event->tls;
	size_t size = captured(tls->raw, WIRE_CLIENTHELLO_SIZE);
	json_member_uint(form->w, "Source", tls->source);
	json_member_uint(form->w, "SniLen", tls->sni.size);
	json_member_uint(form->w, "RawPayloadLen", size);
	member_bytes(form, "RawPayload", tls->raw.data, size, WIRE_CLIENTHELLO_SIZE);
	member_text(form, "SNI", tls->sni);
	member_text(form, "DuplicateOf", tls->duplicate_of);
	json_member_string(form->w, "SourceName", source_name(tls->source));
	write_comm(form, event);
	write_parse_error(form, tls->parse_failed);
	write_ours(form, &event->process);
	if (tls->protocol == EVENT_TLS_OVER_QUIC)
		json_member_string(form->w, "Protocol", "quic");
	if (tls->ech)
		json_member_bool(form->w, "Ech", true);
	if (tls->tunnel.size)
		member_text(form, "Tunnel", tls->tunnel);
	if (tls->family == 0)
		return;
	write_ip(form, tls->family, tls->address);
	json_member_uint(form->w, "DestPort", tls->port);
}

void event_wire_write_payload(struct json_writer *w, const struct event *event,
                              const struct run_id *run_id)
{
	static void (*const writers[EVENT_TYPE_COUNT])(struct form *, const struct event *) = {
	        [EVENT_FILE] = write_file,       [EVENT_EXEC] = write_exec,
	        [EVENT_CONNECT] = write_connect, [EVENT_DNS] = write_dns,
	        [EVENT_TLS] = write_tls,
	};
	struct form form = {.w = w, .run_id = run_id};
	arena_init(&form.arena);
	json_object(w);
	write_header(&form, event);
	writers[event->type](&form, event);
	json_end_object(w);
	arena_release(&form.arena);
}

static void write_event(struct json_writer *w, const struct event *event,
                        const struct run_id *run_id)
{
	json_object(w);
	json_member_uint(w, "type", event->wire_type);
	json_member(w, "payload");
	if (event->type == EVENT_UNKNOWN)
		json_put_raw(w, event->unknown);
	else
		event_wire_write_payload(w, event, run_id);
	json_end_object(w);
}

void event_wire_write_batch(struct buf *out, const struct run_id *run_id, uint64_t seq,
                            const struct event *events, size_t count)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	wire_member_run_id(&w, "run_id", run_id);
	json_member_uint(&w, "seq", seq);
	json_member(&w, "events");
	json_array(&w);
	for (size_t i = 0; i < count; i++)
		write_event(&w, &events[i], run_id);
	json_end_array(&w);
	json_end_object(&w);
}
