// SPDX-License-Identifier: Apache-2.0
/*
 * What a run's earlier events say about its later ones: whose process it is, where npm installs,
 * which addresses are the sandbox's resolvers, and connects that wait for a name.
 *
 * A connect to a large content network is left out when a name was recorded for it: the name is
 * what counts there. The TLS host comes after the connect, so that one without a DNS name waits, to
 * the end of the run; it is reported then if none came.
 *
 * It is bounded, and rebuilt after a crash from the lines that run_context_save() gave
 * (`run_facts`).
 */
#ifndef FANGS_DIFFER_RUN_CONTEXT_H
#define FANGS_DIFFER_RUN_CONTEXT_H

#include "process_table.h"

enum { CONTEXT_RESOLVERS_MAX = 8, CONTEXT_WAITING_MAX = 256 };

struct context_address {
	uint8_t family;
	uint8_t bytes[16];
};

struct waiting_connect {
	struct context_address address;
	uint16_t port;
	uint8_t actor;
	bool names_known; /* the sensor would have said the name */
	uint32_t pid;
	int64_t event_id; /* of the first one */
	int64_t count;
};

struct run_context {
	struct process_table processes;
	char *root; /* owned; NULL: npm has not unpacked anything yet */
	struct context_address resolvers[CONTEXT_RESOLVERS_MAX];
	size_t resolver_count;
	struct waiting_connect *waiting; /* owned */
	size_t waiting_count;
	bool root_kept, resolvers_kept, waiting_kept;
};

void run_context_release(struct run_context *context); /* `= {0}` knows nothing */

/* Another attempt begins: other processes, maybe on another host. What waits goes on waiting. */
void run_context_begin_attempt(struct run_context *context);

/* What the context says about one event. Borrowed until the next one. */
struct event_context {
	enum actor actor;
	uint32_t tree;
	struct view root; /* data NULL: not known */
	bool resolver;    /* the destination is a resolver that npm uses */
	bool setup;       /* nobody's behaviour: the container runtime before the first program */
};
/* Learns from the event. */
struct event_context run_context_see(struct run_context *context, const struct event *event);

/* Lets a connect wait; false when there is no room. */
bool run_context_wait(struct run_context *context, const struct event *event, enum actor actor,
                      int64_t event_id);

/* As process_table.h says. */
void run_context_save(struct run_context *context, struct buf *out);
int run_context_load(struct run_context *context, struct view line, struct error *err);

#endif
