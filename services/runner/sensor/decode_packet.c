// SPDX-License-Identifier: Apache-2.0
/* Payloads of packets: whose they are, and what protocol they speak. */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "proxy_request.h"

enum {
	STREAM_TLS_MAX = 16384,
	STREAM_PROXY_MAX = 32768, /* heads of requests, then a hello */
	STREAM_DNS_MAX = 65536,
	TLS_FIRST_BYTE = 0x16,
	TLS_SECOND_BYTE = 0x03,
	DNS_LENGTH_SIZE = 2,
	DNS_LENGTH_HIGH_MAX = 3, /* as the kernel side believes of a port that is not DNS's */
	DNS_LIKE_SIZE = 2 + DNS_HEADER_SIZE,
};

void decode_packet_process(struct run_decoder *decoder, const struct record_header *header,
                           struct event_process *ret)
{
	const struct process *process =
	        process_tree_find(&decoder->tree, header->pid, header->start_ns);

	if (header->pid == 0)
		decoder->stats.unattributed++;
	decode_process(header, header->pid ? process : NULL, ret);
}

/* The payload of a record whose sizes agree. */
static bool payload_of(struct view record, struct view *ret)
{
	const struct record_payload *payload = (const void *)record.data;

	if (record.size < sizeof(*payload) || payload->size > record.size - sizeof(*payload) ||
	    !decode_address_valid(&payload->to))
		return false;
	*ret = view_of(record.data + sizeof(*payload), payload->size);
	return true;
}

static void datagram(struct run_decoder *decoder, const struct record_payload *payload,
                     struct view bytes)
{
	const struct decode_packet from = {.header = &payload->header,
	                                   .to = &payload->to,
	                                   .cookie = payload->cookie,
	                                   .purpose = payload->purpose};

	if (payload->purpose == RECORD_PURPOSE_QUIC)
		decode_quic(decoder, &from, bytes);
	else
		decode_dns(decoder, &from, bytes);
}

bool decode_datagram(struct run_decoder *decoder, struct view record)
{
	const struct record_payload *payload = (const void *)record.data;
	struct view rest;

	if (!payload_of(record, &rest))
		return false;
	do {
		struct view bytes = rest;

		if (payload->segment_size && bytes.size > payload->segment_size)
			bytes.size = payload->segment_size;
		datagram(decoder, payload, bytes);
		rest = view_of(rest.data + bytes.size, rest.size - bytes.size);
	} while (rest.size);
	return true;
}

/* Streams. ---------------------------------------------------------------------------------- */

static void stream_done(struct run_decoder *decoder, struct stream *stream)
{
	stream_finish(stream);
	if (decoder->options.on_stream_done)
		decoder->options.on_stream_done(decoder->options.ctx, stream->cookie);
}

static struct decode_packet packet_of(const struct stream *stream)
{
	return (struct decode_packet){.header = &stream->header,
	                              .to = &stream->to,
	                              .cookie = stream->cookie,
	                              .purpose = stream->purpose};
}

/* Begins like TLS: what does not may still have the same first byte. */
static bool is_tls(struct view bytes)
{
	return bytes.size >= 2 && (uint8_t)bytes.data[0] == TLS_FIRST_BYTE &&
	       (uint8_t)bytes.data[1] == TLS_SECOND_BYTE;
}

static void tls_stream(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream);
	const struct decode_packet from = packet_of(stream);

	if (bytes.size < 2 && !last)
		return;
	if (!is_tls(bytes) ||
	    decode_tls_hello(decoder, &from, bytes, last || bytes.size >= STREAM_TLS_MAX))
		stream_done(decoder, stream);
}

/* What a stream asks of proxies, one behind the other. */
struct tunnel {
	struct proxy_request request; /* the last one */
	enum proxy_status status;     /* of what comes behind it */
	size_t start;                 /* of that */
	char target[PROXY_HOST_MAX + sizeof("[]:65535")];
};

static void tunnel_told(struct run_decoder *decoder, const struct stream *stream,
                        struct tunnel *tunnel, struct view raw)
{
	struct decode_packet from = packet_of(stream);
	const char *host = tunnel->status == PROXY_TARGET ? tunnel->request.host : NULL;
	bool bare6 = host && strchr(host, ':');

	tunnel->target[0] = '\0';
	if (host)
		(void)snprintf(tunnel->target, sizeof(tunnel->target), bare6 ? "[%s]:%u" : "%s:%u",
		               host, tunnel->request.port);
	from.tunnel = view_of_string(tunnel->target);
	if (tunnel->start >= stream->parsed)
		decode_tls_tunnel(decoder, &from, host, raw);
}

/* Follows requests as far as they are complete. stream->parsed: what has been told begins before
 * it. */
static void tunnel_follow(struct run_decoder *decoder, struct stream *stream, struct view bytes,
                          struct tunnel *tunnel)
{
	for (;;) {
		struct view rest = view_of(bytes.data + tunnel->start, bytes.size - tunnel->start);

		tunnel->status = proxy_request_parse(rest, &tunnel->request);
		if (tunnel->status != PROXY_TARGET && tunnel->status != PROXY_BAD)
			return;
		tunnel_told(decoder, stream, tunnel, rest);
		if (tunnel->start >= stream->parsed)
			stream->parsed = (uint32_t)tunnel->start + 1;
		if (tunnel->request.size == 0)
			return;
		tunnel->start += tunnel->request.size;
	}
}

/* What goes through a tunnel. False: more of it is needed. */
static bool tunnelled(struct run_decoder *decoder, const struct decode_packet *from,
                      struct view bytes, bool last)
{
	if (bytes.size < 2 && !last)
		return false;
	return !is_tls(bytes) || decode_tls_hello(decoder, from, bytes, last);
}

static void proxy_stream(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream), rest;
	struct decode_packet from = packet_of(stream);
	bool full = bytes.size >= STREAM_PROXY_MAX, done = last || full;
	struct tunnel tunnel = {.target = ""};

	tunnel_follow(decoder, stream, bytes, &tunnel);
	rest = view_of(bytes.data + tunnel.start, bytes.size - tunnel.start);
	from.tunnel = view_of_string(tunnel.target);
	if (tunnel.status == PROXY_NONE)
		done = tunnel.start == 0 || tunnelled(decoder, &from, rest, done);
	else if (tunnel.status == PROXY_MORE && full)
		decode_tls_tunnel(decoder, &from, NULL, rest); /* longer than any */
	if (done)
		stream_done(decoder, stream);
}

static size_t length_at(struct view bytes)
{
	return (size_t)(uint8_t)bytes.data[0] << 8 | (uint8_t)bytes.data[1];
}

/* On a port that is not DNS's: does the stream begin with a query? */
static bool is_dns(struct view bytes)
{
	const uint8_t *header = (const uint8_t *)bytes.data + DNS_LENGTH_SIZE;

	if (bytes.size && (uint8_t)bytes.data[0] > DNS_LENGTH_HIGH_MAX)
		return false;
	if (bytes.size < DNS_LIKE_SIZE)
		return true; /* as far as can be told */
	return length_at(bytes) > DNS_HEADER_SIZE && (header[2] & 0xf8) == 0 && header[4] == 0 &&
	       header[5] == 1 && header[6] == 0 && header[7] == 0;
}

static void dns_stream(struct run_decoder *decoder, struct stream *stream, bool last)
{
	struct view bytes = stream_prefix(stream);
	struct view rest = view_of(bytes.data + stream->parsed, bytes.size - stream->parsed);
	const struct decode_packet from = packet_of(stream);
	bool like = stream->purpose == RECORD_PURPOSE_DNS_LIKE;

	if (like && !is_dns(bytes)) {
		stream_done(decoder, stream);
		return;
	}
	while (rest.size >= DNS_LENGTH_SIZE) {
		size_t size = length_at(rest);

		if (size > rest.size - DNS_LENGTH_SIZE)
			break;
		decode_dns(decoder, &from, view_of(rest.data + DNS_LENGTH_SIZE, size));
		stream->parsed += (uint32_t)(DNS_LENGTH_SIZE + size);
		rest = view_of(bytes.data + stream->parsed, bytes.size - stream->parsed);
	}
	if (!last && bytes.size < STREAM_DNS_MAX)
		return;
	if (rest.size && !like)
		decode_dns_bad(decoder, &from, rest);
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
	if (stream->purpose == RECORD_PURPOSE_PROXY)
		proxy_stream(decoder, stream, last);
	else if (stream->purpose == RECORD_PURPOSE_TLS || is_tls(bytes))
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

static uint32_t stream_limit(uint16_t purpose)
{
	if (purpose == RECORD_PURPOSE_TLS)
		return STREAM_TLS_MAX;
	return purpose == RECORD_PURPOSE_PROXY ? STREAM_PROXY_MAX : STREAM_DNS_MAX;
}

bool decode_segment(struct run_decoder *decoder, struct view record)
{
	const struct record_payload *payload = (const void *)record.data;
	struct stream *stream;
	struct view bytes;
	uint32_t limit;

	if (!payload_of(record, &bytes) || payload->cookie == 0)
		return false;
	limit = stream_limit(payload->purpose);
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
