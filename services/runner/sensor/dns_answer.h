// SPDX-License-Identifier: Apache-2.0
/*
 * A DNS response, from the bytes of the packet: which name was asked for, what it stands for, and
 * the addresses that belong to it.
 */
#ifndef FANGS_SENSOR_DNS_ANSWER_H
#define FANGS_SENSOR_DNS_ANSWER_H

#include "base/buf.h"
#include "dns_query.h"

enum { DNS_ADDRESSES_MAX = 64, DNS_ANSWERS_TEXT_MAX = 4096, DNS_JUMPS_MAX = 128 };

struct dns_address {
	uint8_t family; /* AF_INET 2, AF_INET6 10 */
	uint8_t bytes[16];
};

struct dns_answer {
	uint16_t id;
	struct dns_question question; /* empty name: none */
	struct dns_address addresses[DNS_ADDRESSES_MAX];
	size_t address_count; /* of the question's name, directly or by CNAMEs */
	/* All records of the answer section in order, with a space between: addresses as text, the
	 * names that CNAMEs lead to, "TYPE<n>" of others. Bytes of names that are no plain text are
	 * written as \ddd. */
	char text[DNS_ANSWERS_TEXT_MAX];
	size_t text_size;
};

/* False: not a response, or malformed. A response that says that it was cut is read as far as it
 * goes. */
bool dns_answer_read(struct view packet, struct dns_answer *ret);

#endif
