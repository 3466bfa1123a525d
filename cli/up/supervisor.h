// SPDX-License-Identifier: Apache-2.0
/*
 * Child processes of `fangs up`: started, restarted with back-off when they end, stopped in order.
 *
 * Invariants: SIGCHLD is blocked in the parent and taken by the caller's loop, which then calls
 * supervisor_reap(); a child gets SIGTERM when the parent dies for whatever reason, so nothing is
 * left behind. One thread uses a supervisor.
 */
#ifndef FANGS_CLI_UP_SUPERVISOR_H
#define FANGS_CLI_UP_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum child_state { CHILD_STOPPED, CHILD_RUNNING, CHILD_BACKING_OFF };

enum { CHILD_ARGS_MAX = 32 };

struct child {
	const char *name;
	char *argv[CHILD_ARGS_MAX]; /* borrowed; NULL-terminated, argv[0] is the program's path */
	uid_t uid;                  /* runs as this user; (uid_t)-1: as the parent */
	gid_t gid;
	int stop_signal;
	const char *log_path;          /* standard output and error go there; NULL: the parent's */
	const char *const *hidden_env; /* names removed from its environment; NULL-terminated */
	/* State. */
	enum child_state state;
	pid_t pid;
	unsigned restarts;
	int64_t started_ms, restart_at_ms;
};

enum { SUPERVISOR_CHILDREN_MAX = 16 };

struct supervisor {
	struct child children[SUPERVISOR_CHILDREN_MAX];
	size_t count;
	bool stopping;
};

/* Adds a row and returns it, to be filled in; it is started by the next supervisor_turn(). */
struct child *supervisor_add(struct supervisor *supervisor, const char *name, const char *program);
void child_add_args(struct child *child, const char *const *args, size_t count);

/* Starts what is due. */
void supervisor_turn(struct supervisor *supervisor);

/* Collects children that ended, logs why, and plans their restart; true when any state changed. */
bool supervisor_reap(struct supervisor *supervisor);

/* Signals one child and waits up to `timeout_ms`, then kills it. */
void supervisor_stop(struct supervisor *supervisor, struct child *child, int64_t timeout_ms);

struct child *supervisor_find(struct supervisor *supervisor, const char *name);
const char *child_state_name(enum child_state state);

#endif
