// SPDX-License-Identifier: Apache-2.0
/*
 * Which name an address was found by, in one run: what DNS servers answered to questions that the
 * run's own sockets had asked.
 *
 * An answer only counts if its socket asked for that name under that id. Code of a package can ask
 * a server of its own making, so what it asks only counts if the server is one that something else
 * in the run has had an answer from before (the resolver that the sandbox was given).
 *
 * Invariants: bounded; the oldest entries make room.
 */
#ifndef FANGS_SENSOR_RESOLVER_H
#define FANGS_SENSOR_RESOLVER_H

#include "bpf/records.h"
#include "dns_answer.h"
#include "model/event.h"

enum {
	RESOLVER_QUESTIONS_MAX = 256, /* not answered yet */
	RESOLVER_SERVERS_MAX = 8,
	RESOLVER_NAMES_MAX = 4096,
	RESOLVER_BUCKETS = 1024,
};

struct resolver_question {
	uint64_t cookie; /* 0: place is free */
	uint64_t name;   /* hash, in lower case */
	uint16_t id;
};

struct resolver_name;

struct resolver {
	struct resolver_question questions[RESOLVER_QUESTIONS_MAX];
	size_t next_question;
	struct record_address servers[RESOLVER_SERVERS_MAX]; /* believed */
	size_t server_count;
	struct resolver_name *buckets[RESOLVER_BUCKETS];
	struct resolver_name *oldest, *newest;
	size_t count;
};

void resolver_init(struct resolver *resolver);
void resolver_release(struct resolver *resolver);

void resolver_asked(struct resolver *resolver, uint64_t cookie, uint16_t id, struct view name);

/* `server` answered a process that acts as `actor`. */
void resolver_answered(struct resolver *resolver, uint64_t cookie,
                       const struct record_address *server, enum actor actor,
                       const struct dns_answer *answer);

/* The name that led to the address last; empty: none. Borrowed until the next answer. */
struct view resolver_name_of(const struct resolver *resolver, uint8_t family,
                             const uint8_t address[16]);

#endif
