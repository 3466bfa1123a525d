// SPDX-License-Identifier: Apache-2.0
/* ClientHellos, over TCP and over QUIC. */
#include "client_hello.h"
#include "decode.h"

static struct event event_of(struct run_decoder *decoder, const struct decode_packet *from,
                             enum event_tls_protocol protocol)
{
	struct event event = {.type = EVENT_TLS, .wire_type = EVENT_TLS};

	decode_packet_process(decoder, from->header, &event.process);
	event.tls.source = EVENT_TLS_CLIENTHELLO;
	event.tls.protocol = protocol;
	event.tls.family = from->to->family;
	event.tls.port = from->to->port;
	memcpy(event.tls.address, from->to->address, sizeof(event.tls.address));
	event.tls.tunnel = decode_text(from->tunnel);
	return event;
}

static void emit_unreadable(struct run_decoder *decoder, struct event *event, struct view raw)
{
	event->tls.parse_failed = true;
	event->tls.raw = decode_text(raw);
	decoder->stats.parse_failed++;
	decode_emit(decoder, event);
}

/* `hello` is NULL when there is nothing to be read in `raw`. */
static void tls_event(struct run_decoder *decoder, const struct decode_packet *from,
                      enum event_tls_protocol protocol, const struct client_hello *hello,
                      struct view raw)
{
	struct event event = event_of(decoder, from, protocol);

	if (!hello) {
		emit_unreadable(decoder, &event, raw);
		return;
	}
	event.tls.sni = view_of(hello->name, hello->name_size);
	event.tls.ech = hello->encrypted;
	decode_emit(decoder, &event);
}

void decode_tls_tunnel(struct run_decoder *decoder, const struct decode_packet *from,
                       const char *host, struct view raw)
{
	struct event event = event_of(decoder, from, EVENT_TLS_OVER_TCP);

	if (!host) {
		emit_unreadable(decoder, &event, raw);
		return;
	}
	event.tls.sni = view_of_string(host);
	decode_emit(decoder, &event);
}

/* False: more bytes are needed. `last`: there are none. */
static bool hello_done(struct run_decoder *decoder, const struct decode_packet *from,
                       enum event_tls_protocol protocol, struct view bytes, bool last)
{
	struct client_hello hello;
	enum client_hello_status status = protocol == EVENT_TLS_OVER_QUIC
	                                          ? client_hello_parse_bare(bytes, &hello)
	                                          : client_hello_parse(bytes, &hello);

	if (status == CLIENT_HELLO_MORE && !last)
		return false;
	if (status == CLIENT_HELLO_BAD || (status == CLIENT_HELLO_MORE && hello.name_size == 0))
		tls_event(decoder, from, protocol, NULL, bytes);
	else
		tls_event(decoder, from, protocol, &hello, bytes);
	return true;
}

bool decode_tls_hello(struct run_decoder *decoder, const struct decode_packet *from,
                      struct view bytes, bool last)
{
	return hello_done(decoder, from, EVENT_TLS_OVER_TCP, bytes, last);
}

/* QUIC. ------------------------------------------------------------------------------------- */

static void quic_look(struct run_decoder *decoder, struct quic_flow *flow, bool last)
{
	const struct stream *handshake = &flow->handshake;
	const struct decode_packet from = {.header = &handshake->header, .to = &handshake->to};

	if (hello_done(decoder, &from, EVENT_TLS_OVER_QUIC, stream_prefix(handshake),
	               last || stream_prefix(handshake).size >= QUIC_HANDSHAKE_MAX))
		quic_flow_finish(flow);
}

void decode_quic_flush(struct run_decoder *decoder, struct quic_flow *flow)
{
	quic_look(decoder, flow, true);
}

void decode_quic(struct run_decoder *decoder, const struct decode_packet *from,
                 struct view datagram)
{
	struct view rest = datagram;
	struct quic_flow *flow, *oldest;
	enum quic_news news;

	for (;;) {
		oldest = quic_flows_oldest(&decoder->quic);
		if (oldest) {
			decode_quic_flush(decoder, oldest);
			quic_flow_finish(oldest);
		}
		if (!quic_flows_next(&decoder->quic, from->cookie, &rest, &news, &flow))
			return;
		if (news == QUIC_UNREADABLE)
			tls_event(decoder, from, EVENT_TLS_OVER_QUIC, NULL, datagram);
		if (news != QUIC_PROGRESS)
			continue;
		flow->handshake.header = *from->header;
		flow->handshake.to = *from->to;
		quic_look(decoder, flow, false);
	}
}
