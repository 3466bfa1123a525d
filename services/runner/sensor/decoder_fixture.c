// SPDX-License-Identifier: Apache-2.0
#include "decoder_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINES_MAX = 65536 };

static void on_event(void *ctx, const struct event *event)
{
	struct decoder_fixture *fixture = ctx;
	struct buf *out = &fixture->lines;
	char ip[EVENT_IP_TEXT_MAX];

	buf_printf(out, "%s %s", actor_name(event->process.actor), event_type_name(event->type));
	switch (event->type) {
	case EVENT_FILE:
		buf_printf(out, " %.*s tags %u result %d%s%s", VIEW_ARG(event->file.path),
		           event->process.tags, event->file.result,
		           event->file.truncated ? " cut" : "",
		           event->file.operation == FILE_STAT ? " stat" : "");
		break;
	case EVENT_EXEC:
		buf_printf(out, " %.*s", VIEW_ARG(event->exec.path));
		for (size_t i = 0; i < event->exec.argc; i++)
			buf_printf(out, " [%.*s]", VIEW_ARG(event->exec.argv[i]));
		if (event->exec.result)
			buf_printf(out, " result %d", event->exec.result);
		break;
	case EVENT_CONNECT:
		event_format_ip(event->connect.family, event->connect.address, ip);
		if (event->connect.interface.size)
			buf_printf(out, " <%.*s>", VIEW_ARG(event->connect.interface));
		else
			buf_printf(out, " %s %u", ip, event->connect.port);
		if (event->connect.name.size)
			buf_printf(out, " name %.*s", VIEW_ARG(event->connect.name));
		if (event->connect.result)
			buf_printf(out, " result %d", event->connect.result);
		break;
	case EVENT_DNS:
		buf_printf(out, " %.*s%s", VIEW_ARG(event->dns.name),
		           event->dns.parse_failed ? " bad" : "");
		if (event->dns.response)
			buf_printf(out, " is %.*s", VIEW_ARG(event->dns.answers));
		break;
	case EVENT_TLS:
		buf_printf(out, " %.*s%s%s%s", VIEW_ARG(event->tls.sni),
		           event->tls.protocol == EVENT_TLS_OVER_QUIC ? " quic" : "",
		           event->tls.ech ? " ech" : "", event->tls.parse_failed ? " bad" : "");
		if (event->tls.tunnel.size)
			buf_printf(out, " through %.*s", VIEW_ARG(event->tls.tunnel));
		break;
	default:
		fail();
	}
	buf_append_char(out, '\n');
}

static void on_stream_done(void *ctx, uint64_t cookie)
{
	((struct decoder_fixture *)ctx)->done_cookie = cookie;
}

int decoder_set_up(void **state)
{
	static const struct watched_path watched[] = {{"/etc/", false}, {"/root/.ssh/", true}};
	static struct decoder_fixture fixture;
	struct run_decoder_options options = {
	        .watched_paths = watched,
	        .watched_path_count = 2,
	        .command_actor = ACTOR_MANAGER,
	        .on_event = on_event,
	        .on_stream_done = on_stream_done,
	        .ctx = &fixture,
	};
	struct error err;

	fixture.done_cookie = 0;
	buf_init(&fixture.lines, LINES_MAX);
	assert_int_equal(run_decoder_init(&fixture.decoder, &options, &err), 0);
	*state = &fixture;
	return 0;
}

int decoder_tear_down(void **state)
{
	struct decoder_fixture *fixture = *state;

	run_decoder_release(&fixture->decoder);
	buf_release(&fixture->lines);
	return 0;
}

void decoder_expect(struct decoder_fixture *fixture, const char *lines)
{
	assert_string_equal(fixture->lines.data, lines);
	buf_reset(&fixture->lines);
}

void *decoder_begin(struct decoder_fixture *fixture, enum record_kind kind, unsigned flags,
                    size_t size)
{
	struct record_header *header = (void *)fixture->record;

	memset(fixture->record, 0, size);
	fixture->size = size;
	*header = (struct record_header){.kind = (uint8_t)kind,
	                                 .flags = (uint8_t)flags,
	                                 .pid = DECODER_PID,
	                                 .start_ns = DECODER_PID};
	memcpy(header->comm, "node", 4);
	return fixture->record;
}

size_t decoder_add_text(struct decoder_fixture *fixture, struct view text)
{
	if (text.size)
		memcpy(fixture->record + fixture->size, text.data, text.size);
	fixture->size += text.size;
	return text.size;
}

void decoder_give(struct decoder_fixture *fixture)
{
	run_decoder_record(&fixture->decoder, view_of(fixture->record, fixture->size));
}

void decoder_give_exec(struct decoder_fixture *fixture, const char *path, const char *script,
                       const char *base, struct view argv)
{
	struct record_exec *exec = decoder_begin(fixture, RECORD_EXEC, 0, sizeof(*exec));

	exec->path_size = (uint16_t)decoder_add_text(fixture, view_of_string(path));
	exec->name_size = (uint16_t)decoder_add_text(fixture, view_of_string(script));
	exec->base_size = (uint16_t)decoder_add_text(fixture, view_of_string(base));
	exec->argv_size = (uint16_t)decoder_add_text(fixture, argv);
	decoder_give(fixture);
}

void decoder_give_tcp(struct decoder_fixture *fixture, uint64_t cookie, uint64_t ts_ns)
{
	struct record_connect *connect =
	        decoder_begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));

	connect->header.ts_ns = ts_ns;
	connect->header.tid = (uint32_t)cookie;
	connect->cookie = cookie;
	connect->to.family = 2;
	connect->to.protocol = 6;
	connect->to.port = (uint16_t)cookie;
	memcpy(connect->to.address, "\xc0\x00\x02\x01", 4);
	decoder_give(fixture);
}
