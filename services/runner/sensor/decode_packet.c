// SPDX-License-Identifier: Apache-2.0
#include "client_hello.h"
#include "decode.h"
#include "dns_query.h"

enum {
	PACKET_PORT_DNS = 53,
	STREAM_TLS_MAX = 16384,
	STREAM_DNS_MAX = 65536,
	TLS_FIRST_BYTE = 0x16,
	TLS_SECOND_BYTE = 0x03,
	DNS_LENGTH_SIZE = 2,
};

static bool address_valid(const struct record_address *address)
{
	return address->family == 2 || address->family == 10;
}

bool decode_connect(struct run_decoder *decoder, struct view record)
{
	const struct record_connect *connect = (const void *)record.data;
	struct event event = {.type = EVENT_CONNECT, .wire_type = EVENT_CONNECT};
	struct process *process;

	if (record.size != sizeof(*connect) || !address_valid(&connect->to))
		return false;
	process = process_tree_get(&decoder->tree, &connect->header);
	decode_process(&connect->header, process, &event.process);
	event.connect.family = connect->to.family;
	event.connect.source = EVENT_CONNECT_SYSCALL;
	event.connect.protocol = connect->to.protocol;
	event.connect.port = connect->to.port;
	memcpy(event.connect.address, connect->to.address, sizeof(event.connect.address));
	decode_emit(decoder, &event);
	return true;
}

/* Who sent a packet: the owner of its socket. */
static void packet_process(struct run_decoder *decoder, const struct record_header *header,
                           struct event_process *ret)
{
	const struct process *process =
	        process_tree_find(&decoder->tree, header->pid, header->start_ns);

	if (header->pid == 0)
		decoder->stats.unattributed++;
	decode_process(header, header->pid ? process : NULL, ret);
}

static void dns_event_init(struct run_decoder *decoder, const struct record_header *header,
                           const struct record_address *to, struct view packet, struct event *ret)
{
	*ret = (struct event){.type = EVENT_DNS, .wire_type = EVENT_DNS};
	packet_process(decoder, header, &ret->process);
	ret->dns.family = to->family;
	ret->dns.port = to->port;
	memcpy(ret->dns.server, to->address, sizeof(ret->dns.server));
	ret->dns.query = decode_text(packet);
}

static void emit_bad_dns(struct run_decoder *decoder, struct event *event)
{
	event->dns.parse_failed = true;
	decoder->stats.parse_failed++;
	decode_emit(decoder, event);
}

/* True when all questions read well. */
static bool emit_questions(struct run_decoder *decoder, struct dns_reader *reader,
                           struct event *event)
{
	struct dns_question question;
	int r;

	while ((r = dns_reader_next(reader, &question)) > 0) {
		event->dns.name = view_of(question.name, question.name_size);
		event->dns.qtype = question.type;
		decode_emit(decoder, event);
	}
	event->dns.name = (struct view){0};
	return r == 0;
}

static bool all_questions_read(struct view packet)
{
	struct dns_question question;
	struct dns_reader reader;
	int r;

	if (!dns_reader_init(&reader, packet))
		return false;
	while ((r = dns_reader_next(&reader, &question)) > 0)
		;
	return r == 0;
}

static void dns_message(struct run_decoder *decoder, const struct record_header *header,
                        const struct record_address *to, uint16_t purpose, struct view packet)
{
	struct dns_reader reader;
	struct event event;

	if (purpose == RECORD_PURPOSE_DNS_LIKE && !all_questions_read(packet))
		return;
	dns_event_init(decoder, header, to, packet, &event);
	if (dns_reader_init(&reader, packet)) {
		if (!emit_questions(decoder, &reader, &event))
			emit_bad_dns(decoder, &event);
	} else if (to->port == PACKET_PORT_DNS) {
		/* On the multicast ports responses are ordinary. */
		emit_bad_dns(decoder, &event);
	}
}

/* The payload of a record whose sizes agree. */
static bool payload_of(struct view record, struct view *ret)
{
	const struct record_payload *payload = (const void *)record.data;

	if (record.size < sizeof(*payload) || payload->size > record.size - sizeof(*payload) ||
	    !address_valid(&payload->to))
		return false;
	*ret = view_of(record.data + sizeof(*payload), payload->size);
	return true;
}

bool decode_datagram(struct run_decoder *decoder, struct view record)
{
	const struct record_payload *payload = (const void *)record.data;
	struct view rest;

	if (!payload_of(record, &rest))
		return false;
	do {
		struct view packet = rest;

		if (payload->segment_size && packet.size > payload->segment_size)
			packet.size = payload->segment_size;
		dns_message(decoder, &payload->header, &payload->to, payload->purpose, packet);
		rest = view_of(rest.data + packet.size, rest.size - packet.size);
	} while (rest.size);
	return true;
}

static void stream_done(struct run_decoder *decoder, struct stream *stream)
{
	stream_finish(stream);
	if (decoder->options.on_stream_done)
		decoder->options.on_stream_done(decoder->options.ctx, stream->cookie);
}

static void tls_event(struct run_decoder *decoder, const struct stream *stream,
                      const struct client_hello *hello, struct view raw)
{
	struct event event = {.type = EVENT_TLS, .wire_type = EVENT_TLS};

	packet_process(decoder, &stream->header, &event.process);
	event.tls.source = EVENT_TLS_CLIENTHELLO;
	if (hello)
		event.tls.sni = view_of(hello->name, hello->name_size);
	event.tls.parse_failed = !hello;
	event.tls.raw = decode_text(raw);
	if (!hello)
		decoder->stats.parse_failed++;
	decode_emit(decoder, &event);
}

static bool is_tls(struct view bytes)
{
	return bytes.size >= 2 && (uint8_t)bytes.data[0] == TLS_FIRST_BYTE &&
	       (uint8_t)bytes.data[1] == TLS_SECOND_BYTE;
}

static void tls_stream(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream);
	struct client_hello hello;

	switch (client_hello_parse(bytes, &hello)) {
	case CLIENT_HELLO_NAME:
	case CLIENT_HELLO_NO_NAME:
		tls_event(decoder, stream, &hello, (struct view){0});
		break;
	case CLIENT_HELLO_MORE:
		if (!last && bytes.size < STREAM_TLS_MAX)
			return;
		tls_event(decoder, stream, NULL, bytes);
		break;
	case CLIENT_HELLO_BAD:
		if (is_tls(bytes)) /* else it only began with the same byte */
			tls_event(decoder, stream, NULL, bytes);
		break;
	}
	stream_done(decoder, stream);
}

static void dns_stream(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream);
	struct view rest = view_of(bytes.data + stream->parsed, bytes.size - stream->parsed);
	struct event event;

	while (rest.size >= DNS_LENGTH_SIZE) {
		size_t size = (size_t)(uint8_t)rest.data[0] << 8 | (uint8_t)rest.data[1];

		if (size > rest.size - DNS_LENGTH_SIZE)
			break;
		dns_message(decoder, &stream->header, &stream->to, RECORD_PURPOSE_DNS,
		            view_of(rest.data + DNS_LENGTH_SIZE, size));
		stream->parsed += (uint32_t)(DNS_LENGTH_SIZE + size);
		rest = view_of(bytes.data + stream->parsed, bytes.size - stream->parsed);
	}
	if (!last && bytes.size < STREAM_DNS_MAX)
		return;
	if (rest.size) {
		dns_event_init(decoder, &stream->header, &stream->to, rest, &event);
		emit_bad_dns(decoder, &event);
	}
	stream_done(decoder, stream);
}

static void stream_look(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream);

	if (bytes.size == 0) {
		if (last) /* its start was lost in a full ring, and counted */
			stream_done(decoder, stream);
		return;
	}
	if (stream->purpose == RECORD_PURPOSE_TLS || is_tls(bytes))
		tls_stream(decoder, stream, last);
	else
		dns_stream(decoder, stream, last);
}

void decode_stream_flush(struct run_decoder *decoder, struct stream *stream)
{
	stream_look(decoder, stream, true);
}

static struct stream *stream_for(struct run_decoder *decoder, uint64_t cookie)
{
	struct stream *evicted, *stream = stream_get(&decoder->streams, cookie, &evicted);

	if (!evicted)
		return stream;
	decode_stream_flush(decoder, evicted);
	stream_reset(evicted);
	return stream_get(&decoder->streams, cookie, &evicted);
}

bool decode_segment(struct run_decoder *decoder, struct view record)
{
	const struct record_payload *payload = (const void *)record.data;
	struct stream *stream;
	struct view bytes;
	uint32_t limit;

	if (!payload_of(record, &bytes) || payload->cookie == 0)
		return false;
	limit = payload->purpose == RECORD_PURPOSE_TLS ? STREAM_TLS_MAX : STREAM_DNS_MAX;
	stream = stream_for(decoder, payload->cookie);
	if (!stream || stream->finished)
		return true;
	if (stream->purpose == RECORD_PURPOSE_NONE) {
		stream->header = payload->header;
		stream->to = payload->to;
		stream->purpose = payload->purpose;
	}
	if (!stream_add(stream, payload->offset, bytes, limit))
		decode_stream_flush(decoder, stream);
	else
		stream_look(decoder, stream, false);
	return true;
}
