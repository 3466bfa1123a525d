// SPDX-License-Identifier: Apache-2.0
/* Initial packets of QUIC clients for tests. */
#ifndef FANGS_SENSOR_QUIC_FIXTURE_H
#define FANGS_SENSOR_QUIC_FIXTURE_H

#include "quic_initial.h"

enum { QUIC_FIXTURE_MAX = 4096, QUIC_FIXTURE_DATAGRAM = 1200 };

struct quic_fixture {
	uint32_t version;
	struct view destination,
	        key_destination; /* the keys follow from the second; empty: the first */
	struct view token;
	uint32_t number;
};

/* A CRYPTO frame; returns its size. */
size_t quic_fixture_crypto(uint8_t *out, size_t offset, struct view data);

/* A packet of `frames`, padded to `size` bytes of plain text if they are fewer; returns its size.
 */
size_t quic_fixture_initial(uint8_t out[QUIC_FIXTURE_MAX], const struct quic_fixture *packet,
                            struct view frames, size_t size);

/* A ClientHello as QUIC carries it, without records; returns its size. */
size_t quic_fixture_hello(uint8_t *out, const char *name, size_t padding);

#endif
