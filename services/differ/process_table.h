// SPDX-License-Identifier: Apache-2.0
/*
 * The processes of a run as its events show them: who started whom, under which name, on whose
 * behalf.
 *
 * Actors. Our sensor says them. For an existing runner they follow from the tree, by the rules of
 * docs/sensor.md: the sandbox's own command and npm act as the package manager; what npm executes,
 * but for git and npm itself, is code of a package, and so is all that it starts. Such a runner
 * does not show forks. So a process that comes from nowhere after npm has started counts as package
 * code, and so does one that first shows itself below the sandbox's command (where orphans go)
 * after package code has run: wrongly blamed beats wrongly trusted.
 *
 * Set-up. What the container runtime does in the sandbox's cgroup before it runs the first program
 * there differs from host to host. Until then nothing of the sandbox can run, whatever a process
 * calls itself.
 *
 * Trees. Each lifecycle script is the root of one; processes whose tree is not known share
 * TREE_LOST, which counts as part of every other.
 *
 * Names come from what a process executed last or, until then, from what it calls itself. The table
 * is bounded; a run that starts more processes gets shorter chains, and the rest acts as package
 * code of the lost tree.
 */
#ifndef FANGS_DIFFER_PROCESS_TABLE_H
#define FANGS_DIFFER_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/event.h"

enum {
	PROCESS_NAME_MAX = 24,
	PROCESS_COMMAND_MAX = 256,
	PROCESS_TABLE_MAX = 8192,
	PROCESS_CHAIN_MAX = 8,
	PROCESS_RENAMES_MAX = 16, /* what it calls itself after that is not followed */
};

enum { TREE_NONE = 0, TREE_LOST = 1 };

/* What a tree has done so far. */
enum tree_deed {
	TREE_READ_CREDENTIAL = 1,
	TREE_CONNECTED = 2,
};

struct process {
	uint32_t pid; /* 0: free */
	uint32_t ppid;
	uint32_t tree; /* pid of its root; of package code only */
	uint8_t actor; /* enum actor */
	uint8_t deeds; /* enum tree_deed; of a root */
	uint8_t renames;
	bool npm;                    /* is npm itself */
	bool kept;                   /* what process_table_save() wrote last still holds */
	char name[PROCESS_NAME_MAX]; /* valid UTF-8, cut */
	char *command;               /* owned; valid UTF-8, cut; NULL: executed nothing yet */
};

struct process_table {
	struct process *slots;
	size_t capacity, count;
	bool npm_seen, package_seen;
	bool executed; /* a program of the sandbox */
	bool forgot;   /* process_table_forget() is not kept yet */
	uint8_t lost_deeds, any_deeds;
	bool kept;    /* of the members above */
	bool unsaved; /* something is not kept */
};

void process_table_release(struct process_table *table); /* `= {0}` is an empty table */

/* Another attempt begins, with processes of its own. */
void process_table_forget(struct process_table *table);

struct process_view {
	enum actor actor;
	uint32_t tree;
	bool setup; /* by the container runtime, before the sandbox's first program */
};
/* Learns from one event, and says whose it is. */
struct process_view process_table_see(struct process_table *table, const struct event *event);

uint32_t process_table_tree(const struct process_table *table, uint32_t pid);
/* Notes what a tree did; false when that was known. */
bool process_table_did(struct process_table *table, uint32_t tree, enum tree_deed deed);
bool process_table_has_done(const struct process_table *table, uint32_t tree, enum tree_deed deed);

/* Appends the chain that ends in `pid`, eldest first; nothing when the pid is unknown. */
void process_table_chain(const struct process_table *table, uint32_t pid, struct buf *out);
/* What the process executed last, with its arguments; "" when that is not known. */
const char *process_table_command(const struct process_table *table, uint32_t pid);

/* Appends lines with all that changed since the last time. Read again in their order, from the
 * first on, they give the same table. */
void process_table_save(struct process_table *table, struct buf *out);
/* One line, without its end. DROP when it is none of process_table_save(). */
int process_table_load(struct process_table *table, struct view line, struct error *err);

#endif
