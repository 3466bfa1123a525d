// SPDX-License-Identifier: Apache-2.0
/*
 * Client Initial packets of QUIC version 1 (RFC 9000, 9001) and 2 (RFC 9369): their keys follow
 *from the packet, so whoever sees it can read it. No state; quic_flow.h puts several packets
 *together.
 *
 *	while ((r = quic_packet_next(&datagram, &packet)) > 0)
 *		if (packet.is_initial && quic_keys_derive(&packet, &keys) &&
 *		    quic_packet_open(&packet, &keys, 0, &plain))
 *			while ((r = quic_crypto_next(&frames, &crypto)) > 0)
 *				... bytes of the TLS handshake at crypto.offset ...
 *
 * Invariants: any bytes may be given. Views borrow from the datagram, or from the opened packet.
 */
#ifndef FANGS_SENSOR_QUIC_INITIAL_H
#define FANGS_SENSOR_QUIC_INITIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum {
	QUIC_ID_MAX = 20,
	QUIC_PLAIN_MAX = 16384,
	QUIC_KEY_SIZE = 16,
	QUIC_IV_SIZE = 12,
	QUIC_TAG_SIZE = 16,
};
#define QUIC_VERSION_1 1U
#define QUIC_VERSION_2 0x6b3343cfU

struct quic_keys { /* of the client's packets */
	uint8_t key[QUIC_KEY_SIZE], iv[QUIC_IV_SIZE], header[QUIC_KEY_SIZE];
};

struct quic_packet { /* with a long header */
	uint32_t version;
	bool is_initial;
	struct view destination; /* connection id */
	struct view bytes;       /* the whole packet */
	size_t number_at;        /* where the protected packet number begins; Initial only */
};

struct quic_plain {
	uint64_t number;
	size_t size;
	uint8_t frames[QUIC_PLAIN_MAX];
};

struct quic_crypto {
	uint64_t offset;
	struct view data;
};

/* 1: the next packet of a datagram; 0: no more with a long header; -1: malformed, or of a version
 * that is not known. */
int quic_packet_next(struct view *datagram, struct quic_packet *ret);

/* From the destination connection id of an Initial packet. False: no such version, or the library
 * refuses. */
bool quic_keys_derive(const struct quic_packet *packet, struct quic_keys *ret);

/* Removes the protection of an Initial packet. `largest` is the largest packet number read so far.
 * False: the packet was not made with these keys. */
bool quic_packet_open(const struct quic_packet *packet, const struct quic_keys *keys,
                      uint64_t largest, struct quic_plain *ret);

/* 1: the next piece of the TLS handshake; 0: no more; -1: malformed, or a frame that an Initial
 * packet must not hold. Other frames are skipped. */
int quic_crypto_next(struct view *frames, struct quic_crypto *ret);

#endif
