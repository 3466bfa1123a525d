// SPDX-License-Identifier: Apache-2.0
/*
 * The processes of a run as its events show them: who started whom, under which name. For people: a
 * deviation says "sh > npm > node", and nothing is decided by it.
 *
 * Names come from what a process executed last or, until then, from what it calls itself. The table
 * is bounded; a run that starts more processes gets shorter chains.
 */
#ifndef FANGS_DIFFER_PROCESS_TABLE_H
#define FANGS_DIFFER_PROCESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/event.h"

enum { PROCESS_NAME_MAX = 24, PROCESS_TABLE_MAX = 8192, PROCESS_CHAIN_MAX = 8 };

struct process {
	uint32_t pid; /* 0: free */
	uint32_t ppid;
	char name[PROCESS_NAME_MAX]; /* valid UTF-8, cut */
};

struct process_table {
	struct process *slots;
	size_t capacity, count;
};

void process_table_release(struct process_table *table); /* `= {0}` is an empty table */

/* Learns from one event. */
void process_table_see(struct process_table *table, const struct event *event);

/* The two ways of learning, for rebuilding a table: `set` overrides, `fill` only adds. */
void process_table_set(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name);
void process_table_fill(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name);
/* The name that an executed path gives: its last component. */
struct view process_name_of_path(struct view path);

/* Appends the chain that ends in `pid`, eldest first; nothing when the pid is unknown. */
void process_table_chain(const struct process_table *table, uint32_t pid, struct buf *out);

#endif
