// SPDX-License-Identifier: Apache-2.0
/*
 * The processes of one run, kept from the kernel's fork, exec and exit records: who descends from
 * whom, and on whose behalf it acts.
 *
 * Actors. The sandbox's own command acts as `command_actor`. A process below it that becomes npm is
 * the package manager. What npm starts is code of a package (lifecycle scripts run through a
 * shell), but for git and ssh from the system's directories and npm itself. Whatever descends from
 * code of a package is code of a package for ever, whatever it calls itself. A node beside npm, and
 * any program below a node_modules folder, is code of a package, too.
 *
 * Set-up. What the container runtime does in the run's cgroup before it runs the sandbox's first
 * program is nobody's behaviour, whatever its processes are called and execute; so is what they do
 * afterwards. Only that program's process and what comes after it is inside the run.
 *
 * Invariants: a process is its pid and start time; ended processes stay known (packets and late
 * records still name them) until PROCESSES_MAX are kept, then the oldest ended ones go.
 */
#ifndef FANGS_SENSOR_PROCESS_TREE_H
#define FANGS_SENSOR_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "bpf/records.h"
#include "model/event.h"

enum { PROCESSES_MAX = 16384, PROCESS_BUCKETS = 1024 };

struct package_name;
struct process_attempt; /* a failed exec that may be part of a search along PATH */

struct process {
	uint32_t pid, ppid, uid, gid;
	uint64_t start_ns;
	struct process *parent; /* borrowed; NULL: above the run, or forgotten */
	struct process *bucket_next, *older, *newer;
	char comm[RECORD_COMM_SIZE];
	enum actor actor;
	struct view package; /* of process_package.h; borrowed from the tree, empty: not known */
	unsigned children;   /* that point here */
	bool alive;
	bool inside;     /* the run's first program, below it, or a stranger that came later */
	bool is_npm;     /* is the package manager */
	bool counts_npm; /* and its exit is npm's own result */
	struct process_attempt *attempt; /* owned by whoever sets it; see process_tree_init() */
};

struct process_tree {
	struct process *buckets[PROCESS_BUCKETS];
	struct process *oldest, *newest;
	size_t count;
	enum actor command_actor;
	bool npm_seen, executed, begun;
	struct view first_program; /* base name; with it the run begins. Borrowed */
	uint32_t first_pid;        /* of the process that it runs in, where that is known */
	uint32_t started, alive, package_alive, npm_started, npm_ended;
	/* The first program of the run, borrowed until it ends: in a container the kernel kills all
	 * others then. */
	struct process *main;
	uint32_t survivors; /* code of a package that was alive when that ended */
	struct package_name *package_names;
	size_t package_name_count;
	int32_t npm_exit_code; /* INT32_MIN until one has ended */
	void (*forget_attempt)(struct process_attempt *attempt);
};

struct process_exec {
	struct view path;   /* the program that runs */
	struct view script; /* empty: none */
	const struct view *argv;
	size_t argc;
	struct view package; /* npm_package_name of its environment, or empty */
};

/* `forget_attempt` frees what is left in process->attempt when a process is forgotten. */
void process_tree_init(struct process_tree *tree, enum actor command_actor,
                       void (*forget_attempt)(struct process_attempt *attempt));
void process_tree_release(struct process_tree *tree);

/* The run begins when a program of this name is run (base name; the path may lead over links). To
 * be called before the first record; `program` is borrowed. */
void process_tree_await(struct process_tree *tree, struct view program);

/* That program waits in this process. Should the record of its exec be lost, the run begins when
 * the process has its first child. */
void process_tree_expect(struct process_tree *tree, uint32_t pid);

/* The process that a record's header names, made known if it was not (its fork came before the run,
 * or was lost). NULL only for pid 0. */
struct process *process_tree_get(struct process_tree *tree, const struct record_header *header);

/* Only looks: NULL when unknown. `start_ns` 0: the youngest with that pid. */
struct process *process_tree_find(const struct process_tree *tree, uint32_t pid, uint64_t start_ns);

void process_tree_fork(struct process_tree *tree, const struct record_fork *record);
void process_tree_exec(struct process_tree *tree, struct process *process,
                       const struct record_header *header, const struct process_exec *exec);
void process_tree_exit(struct process_tree *tree, struct process *process, uint32_t exit_code);

/* The container runtime's own process: set-up, whatever it does. */
bool process_is_runtime(const struct process *process);

#endif
