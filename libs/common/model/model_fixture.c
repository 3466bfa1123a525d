// SPDX-License-Identifier: Apache-2.0
#include "model/model_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "model/event_wire_stream.h"
#include "json/json.h"

enum { FILE_MAX = 16 * 1024 * 1024, CHUNK_SIZE = 64 * 1024 };

__attribute__((noreturn)) static void give_up(const char *name)
{
	(void)fprintf(stderr, "fixture '%s' cannot be read\n", name);
	abort();
}

void model_fixture_read(const char *name, struct buf *ret)
{
	AUTO(free) char *path = xasprintf("%s/%s", FANGS_WIRE_FIXTURES, name);
	gzFile file = gzopen(path, "rbe"); /* reads plain files too */
	if (!file)
		give_up(path);
	buf_init(ret, FILE_MAX);
	int size;
	do {
		size = gzread(file, buf_reserve(ret, CHUNK_SIZE), CHUNK_SIZE);
		if (size < 0)
			give_up(path);
		buf_advance(ret, (size_t)size);
	} while (size > 0);
	(void)gzclose(file);
}

char *model_fixture_member(const char *name, const char *member)
{
	AUTO(buf) struct buf text;
	model_fixture_read(name, &text);
	AUTO(json) struct json *root = json_parse(buf_view(&text), true, NULL);
	const struct json *value = json_get(root, member);
	if (!value)
		give_up(name);
	return json_is_string(value) ? xstrdup(json_string(value, "")) : json_to_text(value);
}

/* Batches of the wire. */

struct collector {
	struct arena *arena;
	struct wire_batches *result;
	struct wire_batch *batch; /* the last of the result, until it has ended */
};

/* An array in the arena with room for one more; grows by doubling. */
static void *one_more(struct arena *arena, void *list, size_t count, size_t size)
{
	if (count & (count - 1)) /* not full */
		return list;
	void *larger = arena_alloc(arena, count ? 2 * count : 1, size);
	if (count)
		memcpy(larger, list, count * size);
	return larger;
}

static struct wire_batch *current(struct collector *collector)
{
	struct wire_batches *result = collector->result;
	if (!collector->batch) {
		result->list = one_more(collector->arena, result->list, result->count,
		                        sizeof(*result->list));
		collector->batch = &result->list[result->count];
		memset(collector->batch, 0, sizeof(*collector->batch));
	}
	return collector->batch;
}

/* A copy of everything, by way of the bus. */
static void collect_event(void *ctx, const struct event *event)
{
	struct collector *collector = ctx;
	struct wire_batch *batch = current(collector);
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	struct events_reader reader;
	AUTO(buf) struct buf message;
	buf_init(&message, FILE_MAX);
	events_write_batch(&message, &header);
	events_write_event(&message, event);
	struct view copy = arena_copy(collector->arena, buf_view(&message));
	batch->events = one_more(collector->arena, batch->events, batch->event_count,
	                         sizeof(*batch->events));
	if (message.overflowed || events_read_header(copy, &header, &reader, NULL) < 0 ||
	    events_next(&reader, &batch->events[batch->event_count], NULL) != 1)
		abort();
	if (model_fixture_difference(event, &batch->events[batch->event_count]))
		abort();
	batch->event_count++;
}

static void forget_events(void *ctx)
{
	struct collector *collector = ctx;
	collector->batch = NULL;
}

static void collect_batch(void *ctx, const struct event_wire_batch *batch)
{
	struct collector *collector = ctx;
	struct wire_batch *collected = current(collector);
	if (collected->event_count != batch->events)
		abort();
	collected->run_id = batch->run_id;
	collected->seq = batch->seq;
	collector->result->count++;
	collector->batch = NULL;
}

int model_fixture_read_split(struct view body, const size_t *splits, size_t split_count,
                             struct arena *arena, struct wire_batches *ret, struct error *err)
{
	struct collector collector = {.arena = arena, .result = ret};
	const struct event_wire_sink sink = {collect_event, forget_events, collect_batch,
	                                     &collector};
	struct event_wire_stream stream;
	struct error ignored = {0};
	size_t from = 0;
	int rc = 0;
	*ret = (struct wire_batches){.count = 0};
	event_wire_stream_init(&stream, &sink);
	for (size_t i = 0; rc == 0 && i <= split_count; i++) {
		size_t to = i < split_count ? splits[i] : body.size;
		/* A copy of its own, so that nothing points into what is gone. */
		AUTO(free) char *piece = view_dup(view_of(body.data + from, to - from));
		rc = event_wire_stream_feed(&stream, view_of(piece, to - from),
		                            err ? err : &ignored);
		from = to;
	}
	if (rc == 0)
		rc = event_wire_stream_end(&stream, err ? err : &ignored);
	event_wire_stream_release(&stream);
	return rc;
}

int model_fixture_read_wire(struct view body, struct arena *arena, struct wire_batches *ret,
                            struct error *err)
{
	return model_fixture_read_split(body, NULL, 0, arena, ret, err);
}

#define PROCESS                                                                                    \
	{                                                                                          \
		.ts_ns = UINT64_C(9007199254740993), .cgroup_id = UINT64_C(18446744073709551615),  \
		.start_ns = 1234567, .pid = 310, .tid = 311, .ppid = 300, .uid = 1000,             \
		.gid = 4294967295, .comm = {"node", 4},                                            \
		.tags = EVENT_TAG_INTERESTING | EVENT_TAG_CRED, .actor = ACTOR_PACKAGE,            \
		.package = TEXT("@scope/left-pad")                                                 \
	}

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(s), sizeof(s) - 1                                                                 \
	}

const struct event model_fixture_events[MODEL_FIXTURE_EVENTS] = {
        {.type = EVENT_FILE,
         .wire_type = EVENT_FILE,
         .process = PROCESS,
         .file = {.dfd = -100,
                  .flags = 524288,
                  .path = TEXT("/root/.ssh/<id>&\"rsa\""),
                  .truncated = true,
                  .result = -2}},
        {.type = EVENT_EXEC,
         .wire_type = EVENT_EXEC,
         .process = PROCESS,
         .exec = {.path = TEXT("/usr/bin/curl"),
                  .argv = {TEXT("curl"), TEXT("-d"), TEXT("a\0b")},
                  .argc = 3,
                  .argv_truncated = true,
                  .ancestors = {{300, 290, TEXT("sh"), 77}, {290, 1, TEXT("npm install"), 0}},
                  .ancestor_count = 2}},
        {.type = EVENT_CONNECT,
         .wire_type = EVENT_CONNECT,
         .process = PROCESS,
         .connect = {.family = 10,
                     .source = EVENT_CONNECT_KPROBE,
                     .protocol = 17,
                     .port = 31337,
                     .fd = 21,
                     .address = {0x20, 0x01, 0x0D, 0xB8, [15] = 1},
                     .name = TEXT("evil.test"),
                     .result = -111}},
        {.type = EVENT_DNS,
         .wire_type = EVENT_DNS,
         .process = PROCESS,
         .dns = {.family = 2,
                 .port = 53,
                 .server = {8, 8, 8, 8},
                 .query = TEXT("\x12\x34\0\377"),
                 .name = TEXT("evil.test"),
                 .qtype = 1,
                 .parse_failed = true,
                 .response = true,
                 .answers = TEXT("192.0.2.1 TYPE16")}},
        {.type = EVENT_TLS,
         .wire_type = EVENT_TLS,
         .process = PROCESS,
         .tls = {.source = EVENT_TLS_CLIENTHELLO,
                 .sni = TEXT("evil.test"),
                 .raw = TEXT("\x16\x03\x01\0"),
                 .duplicate_of = TEXT("libssl"),
                 .parse_failed = true,
                 .ech = true,
                 .protocol = EVENT_TLS_OVER_QUIC,
                 .tunnel = TEXT("hidden.test:443"),
                 .family = 2,
                 .port = 443,
                 .address = {192, 0, 2, 1}}},
};

struct events_header model_fixture_header(enum events_kind kind)
{
	struct events_header header = {
	        .kind = kind,
	        .attempt = 2,
	        .runner_id = TEXT("runner-1"),
	        .seq = 3,
	        .sent_at_ns = INT64_C(1795378734819653388),
	};
	if (!run_id_parse(VIEW_LITERAL("18ea77784152790c0123456789abcdef"), &header.run_id))
		give_up("header");
	return header;
}

const struct run_result model_fixture_result = {
        .status = RUN_STATUS_TIMEOUT,
        .reason = TEXT("npm install failed"),
        .events_emitted = 1742,
        .events_dropped = 5,
        .duration_ns = INT64_C(5998393741),
        .native = true,
        .last_seq = 30,
        .lost_ring = 1,
        .lost_parse = 2,
        .truncated = 3,
        .npm_exit_code = -7,
        .image = TEXT("node:20-slim"),
        .image_digest = TEXT("sha256:00"),
        .node_version = TEXT("v20.1.0"),
        .npm_version = TEXT("10.1.0"),
        .sensor_tier = TEXT("lsm"),
        .survivors = 2,
};

#define COMPARE(field)                                                                             \
	if (a->field != b->field)                                                                  \
	return #field
#define COMPARE_TEXT(field)                                                                        \
	if (!view_equal(a->field, b->field))                                                       \
	return #field
#define COMPARE_BYTES(field)                                                                       \
	if (memcmp(a->field, b->field, sizeof(a->field)) != 0)                                     \
	return #field

static const char *process_difference(const struct event_process *a, const struct event_process *b)
{
	COMPARE(ts_ns);
	COMPARE(cgroup_id);
	COMPARE(start_ns);
	COMPARE(pid);
	COMPARE(tid);
	COMPARE(ppid);
	COMPARE(uid);
	COMPARE(gid);
	COMPARE_TEXT(comm);
	COMPARE(tags);
	COMPARE(actor);
	COMPARE_TEXT(package);
	return NULL;
}

static const char *file_difference(const struct event_file *a, const struct event_file *b)
{
	COMPARE(dfd);
	COMPARE(flags);
	COMPARE_TEXT(path);
	COMPARE(truncated);
	COMPARE(result);
	COMPARE(operation);
	return NULL;
}

static const char *exec_difference(const struct event_exec *a, const struct event_exec *b)
{
	COMPARE_TEXT(path);
	COMPARE(argc);
	COMPARE(argv_truncated);
	COMPARE(ancestor_count);
	for (size_t i = 0; i < a->argc; i++)
		COMPARE_TEXT(argv[i]);
	for (size_t i = 0; i < a->ancestor_count; i++) {
		COMPARE(ancestors[i].pid);
		COMPARE(ancestors[i].ppid);
		COMPARE_TEXT(ancestors[i].comm);
		COMPARE(ancestors[i].start_ns);
	}
	COMPARE(result);
	return NULL;
}

static const char *connect_difference(const struct event_connect *a, const struct event_connect *b)
{
	COMPARE(family);
	COMPARE(source);
	COMPARE(protocol);
	COMPARE(port);
	COMPARE(fd);
	COMPARE_BYTES(address);
	COMPARE_TEXT(interface);
	COMPARE_TEXT(name);
	COMPARE(result);
	return NULL;
}

static const char *dns_difference(const struct event_dns *a, const struct event_dns *b)
{
	COMPARE(family);
	COMPARE(port);
	COMPARE_BYTES(server);
	COMPARE_TEXT(query);
	COMPARE_TEXT(name);
	COMPARE(qtype);
	COMPARE(parse_failed);
	COMPARE(response);
	COMPARE_TEXT(answers);
	return NULL;
}

static const char *tls_difference(const struct event_tls *a, const struct event_tls *b)
{
	COMPARE(source);
	COMPARE_TEXT(sni);
	COMPARE_TEXT(raw);
	COMPARE_TEXT(duplicate_of);
	COMPARE(parse_failed);
	COMPARE(ech);
	COMPARE(protocol);
	COMPARE_TEXT(tunnel);
	COMPARE(family);
	COMPARE(port);
	COMPARE_BYTES(address);
	return NULL;
}

const char *model_fixture_difference(const struct event *a, const struct event *b)
{
	COMPARE(type);
	COMPARE(wire_type);
	const char *field = process_difference(&a->process, &b->process);
	if (field)
		return field;
	switch (a->type) {
	case EVENT_FILE:
		return file_difference(&a->file, &b->file);
	case EVENT_EXEC:
		return exec_difference(&a->exec, &b->exec);
	case EVENT_CONNECT:
		return connect_difference(&a->connect, &b->connect);
	case EVENT_DNS:
		return dns_difference(&a->dns, &b->dns);
	case EVENT_TLS:
		return tls_difference(&a->tls, &b->tls);
	default:
		COMPARE_TEXT(unknown);
		return NULL;
	}
}
