// SPDX-License-Identifier: Apache-2.0
#include "quic_flow.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { TRIES_MAX = 16 /* connections of a socket whose keys are tried on a packet */ };

void quic_flows_init(struct quic_flows *flows)
{
	*flows = (struct quic_flows){0};
}

void quic_flows_release(struct quic_flows *flows)
{
	for (size_t i = 0; flows->flows && i < QUIC_FLOWS_MAX; i++)
		stream_reset(&flows->flows[i].handshake);
	free(flows->flows);
	free(flows->plain);
	*flows = (struct quic_flows){0};
}

static bool flow_open(const struct quic_flow *flow)
{
	return flow->cookie && !flow->handshake.finished;
}

static struct quic_flow *least_used(struct quic_flows *flows)
{
	struct quic_flow *oldest = flows->flows;

	for (size_t i = 1; i < QUIC_FLOWS_MAX; i++)
		if (flows->flows[i].used < oldest->used)
			oldest = &flows->flows[i];
	return oldest;
}

struct quic_flow *quic_flows_oldest(struct quic_flows *flows)
{
	struct quic_flow *oldest = flows->flows ? least_used(flows) : NULL;

	return oldest && flow_open(oldest) ? oldest : NULL;
}

static struct quic_flow *flow_make(struct quic_flows *flows, uint64_t cookie,
                                   const struct quic_packet *packet)
{
	struct quic_flow *flow = least_used(flows);

	stream_reset(&flow->handshake);
	*flow = (struct quic_flow){
	        .cookie = cookie,
	        .used = ++flows->clock,
	        .version = packet->version,
	        .id_size = packet->destination.size,
	};
	if (packet->destination.size && packet->destination.data)
		memcpy(flow->id, packet->destination.data, flow->id_size);
	return flow;
}

/* The flow of the socket whose keys open the packet. */
static struct quic_flow *flow_of(struct quic_flows *flows, uint64_t cookie,
                                 const struct quic_packet *packet)
{
	unsigned tries = 0;

	for (size_t i = 0; i < QUIC_FLOWS_MAX && tries < TRIES_MAX; i++) {
		struct quic_flow *flow = &flows->flows[i];

		if (flow->cookie != cookie || flow->unreadable || flow->version != packet->version)
			continue;
		tries++;
		if (quic_packet_open(packet, &flow->keys, flow->largest, flows->plain))
			return flow;
	}
	return NULL;
}

static bool told_already(struct quic_flows *flows, uint64_t cookie,
                         const struct quic_packet *packet)
{
	for (size_t i = 0; i < QUIC_FLOWS_MAX; i++) {
		const struct quic_flow *flow = &flows->flows[i];

		if (flow->cookie == cookie && flow->unreadable &&
		    flow->version == packet->version &&
		    view_equal(view_of(flow->id, flow->id_size), packet->destination))
			return true;
	}
	return false;
}

static enum quic_news unreadable(struct quic_flows *flows, uint64_t cookie,
                                 const struct quic_packet *packet, struct quic_flow **ret_flow)
{
	if (told_already(flows, cookie, packet))
		return QUIC_NOTHING;
	*ret_flow = flow_make(flows, cookie, packet);
	(*ret_flow)->unreadable = true;
	stream_finish(&(*ret_flow)->handshake);
	return QUIC_UNREADABLE;
}

/* False: malformed frames. */
static bool add_frames(struct quic_flow *flow, const struct quic_plain *plain)
{
	struct view frames = view_of(plain->frames, plain->size);
	struct quic_crypto crypto;
	int r;

	while ((r = quic_crypto_next(&frames, &crypto)) > 0)
		if (crypto.offset < QUIC_HANDSHAKE_MAX &&
		    !stream_add(&flow->handshake, (uint32_t)crypto.offset, crypto.data,
		                QUIC_HANDSHAKE_MAX))
			return false;
	return r == 0;
}

static enum quic_news initial(struct quic_flows *flows, uint64_t cookie,
                              const struct quic_packet *packet, struct quic_flow **ret_flow)
{
	struct quic_flow *flow = flow_of(flows, cookie, packet);
	struct quic_keys keys;

	if (!flow) {
		if (!quic_keys_derive(packet, &keys) ||
		    !quic_packet_open(packet, &keys, 0, flows->plain))
			return unreadable(flows, cookie, packet, ret_flow);
		flow = flow_make(flows, cookie, packet);
		flow->keys = keys;
	}
	*ret_flow = flow;
	flow->used = ++flows->clock;
	if (flows->plain->number > flow->largest)
		flow->largest = flows->plain->number;
	if (flow->handshake.finished)
		return QUIC_NOTHING;
	if (add_frames(flow, flows->plain))
		return QUIC_PROGRESS;
	quic_flow_finish(flow);
	return QUIC_UNREADABLE;
}

int quic_flows_next(struct quic_flows *flows, uint64_t cookie, struct view *datagram,
                    enum quic_news *ret_news, struct quic_flow **ret_flow)
{
	struct quic_packet packet = {0};
	int r = quic_packet_next(datagram, &packet);

	*ret_news = QUIC_NOTHING;
	*ret_flow = NULL;
	if (r == 0)
		return 0;
	if (!flows->flows) {
		flows->flows = xcalloc(QUIC_FLOWS_MAX, sizeof(*flows->flows));
		flows->plain = xmalloc(sizeof(*flows->plain));
	}
	if (r < 0) {
		*datagram = (struct view){0};
		packet.destination = (struct view){0}; /* once for the socket */
		*ret_news = unreadable(flows, cookie, &packet, ret_flow);
	} else if (packet.is_initial) {
		*ret_news = initial(flows, cookie, &packet, ret_flow);
	}
	return 1;
}

void quic_flow_finish(struct quic_flow *flow)
{
	stream_finish(&flow->handshake);
}

void quic_flows_each(struct quic_flows *flows, void (*visit)(void *ctx, struct quic_flow *flow),
                     void *ctx)
{
	for (size_t i = 0; flows->flows && i < QUIC_FLOWS_MAX; i++)
		if (flow_open(&flows->flows[i]))
			visit(ctx, &flows->flows[i]);
}
