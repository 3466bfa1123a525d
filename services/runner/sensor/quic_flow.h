// SPDX-License-Identifier: Apache-2.0
/*
 * Puts the TLS handshakes of QUIC clients together, from the Initial packets of any number of
 * datagrams, which may come twice and out of order.
 *
 * A connection is what one set of keys opens: the keys follow from the destination connection id of
 * its first packet, while the id itself changes once the server has answered.
 *
 * Invariants: at most QUIC_FLOWS_MAX connections are kept; the one that was used least recently
 * makes room. What is done is remembered as such, so that repeats of it start nothing new.
 */
#ifndef FANGS_SENSOR_QUIC_FLOW_H
#define FANGS_SENSOR_QUIC_FLOW_H

#include "quic_initial.h"
#include "stream.h"

enum { QUIC_FLOWS_MAX = 128, QUIC_HANDSHAKE_MAX = 16384 };

struct quic_flow {
	uint64_t cookie; /* of the socket; 0: place is free */
	uint64_t used;   /* order of last use */
	uint64_t largest;
	uint32_t version;
	uint8_t id[QUIC_ID_MAX]; /* of the first packet */
	size_t id_size;
	bool unreadable; /* never opened: no keys */
	struct quic_keys keys;
	struct stream handshake; /* header, to and finished are used, too */
};

struct quic_flows {
	struct quic_flow *flows; /* QUIC_FLOWS_MAX places, allocated on first use */
	struct quic_plain *plain;
	uint64_t clock;
};

enum quic_news {
	QUIC_NOTHING,    /* nothing new */
	QUIC_PROGRESS,   /* quic_flow_handshake() has grown */
	QUIC_UNREADABLE, /* this claims to be QUIC and cannot be read; told once for each connection
	                  */
};

void quic_flows_init(struct quic_flows *flows);
void quic_flows_release(struct quic_flows *flows);

/* The next packet of a datagram that `cookie` sent to `to`. 1: `*ret_news` of `*ret_flow`; 0: the
 * datagram is read. Before the call the caller makes sure that there is room: see
 * quic_flows_oldest(). */
int quic_flows_next(struct quic_flows *flows, uint64_t cookie, struct view *datagram,
                    enum quic_news *ret_news, struct quic_flow **ret_flow);

/* The connection that has to make room for a new one, if it is unfinished; else NULL. */
struct quic_flow *quic_flows_oldest(struct quic_flows *flows);

/* No more of it is wanted. */
void quic_flow_finish(struct quic_flow *flow);

/* Calls `visit` for each unfinished connection. */
void quic_flows_each(struct quic_flows *flows, void (*visit)(void *ctx, struct quic_flow *flow),
                     void *ctx);

#endif
