// SPDX-License-Identifier: Apache-2.0
/*
 * The questions of a DNS query, from the bytes of the packet. Strict: whatever does not read as a
 * query is an error, so that the caller can say so instead of staying silent.
 */
#ifndef FANGS_SENSOR_DNS_QUERY_H
#define FANGS_SENSOR_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum { DNS_NAME_MAX = 255, DNS_QUESTIONS_MAX = 32, DNS_HEADER_SIZE = 12 };

struct dns_question {
	char name[DNS_NAME_MAX +
	          1]; /* labels verbatim (any byte), joined by '.'; "" for the root */
	size_t name_size;
	uint16_t type;
};

struct dns_reader {
	struct view packet;
	size_t offset;
	unsigned left;
};

/* False: shorter than a header, a response, or without a question. */
bool dns_reader_init(struct dns_reader *reader, struct view packet);

/* 1: `*ret` is the next question; 0: no more; -1: malformed (also: more than
 * DNS_QUESTIONS_MAX). */
int dns_reader_next(struct dns_reader *reader, struct dns_question *ret);

#endif
