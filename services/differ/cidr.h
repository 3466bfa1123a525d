// SPDX-License-Identifier: Apache-2.0
/*
 * Address ranges, parsed and matched as Go's net package does: the network part only ("10.0.0.5/8"
 * is 10.0.0.0/8), no leading zeros, no zones, and an IPv4 address in IPv6 clothes is an IPv4 one.
 */
#ifndef FANGS_DIFFER_CIDR_H
#define FANGS_DIFFER_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

struct ip {
	uint8_t bytes[16];
	uint8_t size; /* 4 or 16 */
};

struct cidr {
	struct ip network; /* host bits are zero */
	uint8_t prefix;    /* bits, of the network's own size */
};

/* From an event's address family; false for other families. */
bool ip_of_event(uint8_t family, const uint8_t address[16], struct ip *ret);

bool ip_parse(struct view text, struct ip *ret);
bool cidr_parse(struct view text, struct cidr *ret);
bool cidr_contains(const struct cidr *cidr, const struct ip *ip);

#endif
