// SPDX-License-Identifier: Apache-2.0
/*
 * The eBPF sensor: what the processes of a run really did, as events.
 *
 * One sensor serves all runs of a runner. It is opened once (loads and attaches the kernel side);
 * each run is added BEFORE its container starts, by the cgroup v2 directory below which the
 * container will live, so that the first instruction inside is already seen. Events of all runs are
 * decoded on one thread that the sensor owns; it calls the run's handler.
 *
 * Typical use, on the run's own thread:
 *
 *	run = sensor_add_run(sensor, &options, err);    -- cgroup exists, container does not
 *	... start the container, wait for its end, read sensor_run_processes() before killing it ...
 *	sensor_drain(run, 2000, err);                   -- all it did has reached the handler
 *	sensor_run_stats(run, &stats);                  -- what was lost
 *	sensor_remove_run(run);                         -- no handler call after this returns
 *
 * Invariants: a handler is never called by two threads at once, nor after sensor_remove_run();
 * events of one run arrive in the kernel's order. @thread: every function may be called by any
 * thread except from inside a handler, unless it says otherwise; one run is used by one thread.
 */
#ifndef FANGS_RUNNER_SENSOR_H
#define FANGS_RUNNER_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/event.h"
#include "model/job.h"

struct sensor;
struct sensor_run;

enum { SENSOR_RUNS_MAX = 64, SENSOR_CGROUP_PATH_MAX = 4096 };

/* Life. ------------------------------------------------------------------------------------- */

struct sensor_options {           /* zero values mean the defaults */
	const char *tier;         /* NULL or "auto": the best that loads; else its name, as below */
	size_t file_ring_bytes;   /* power of two; default 4 MiB: opens of ordinary files */
	size_t packet_ring_bytes; /* power of two; default 1 MiB: bytes of packets */
	size_t priority_ring_bytes; /* power of two; default 1 MiB: everything else */
	unsigned poll_interval_ms;  /* default 15 */
};

/* Loads and attaches. On failure the sentence in `*err` says what is missing and what to do about
 * it ("kernel has no BTF (/sys/kernel/btf/vmlinux): ..."), always FATAL. */
struct sensor *sensor_open(const struct sensor_options *options, struct error *err);

/* All runs must have been removed. Accepts NULL. */
void sensor_close(struct sensor *sensor);
DEFINE_AUTO(sensor, struct sensor *, sensor_close)

/* What this host can see. ------------------------------------------------------------------- */

/* What could be loaded; static. sensor_hooks() tells the details. */
#define SENSOR_TIER_TRACEPOINT "tracepoint" /* all that this kernel has */
#define SENSOR_TIER_BASIC "basic"           /* none of the hooks that only newer kernels have */
const char *sensor_tier(const struct sensor *sensor);

struct sensor_hook {
	const char *name; /* of the attach point: "tp_btf/sys_exit" */
	const char *sees; /* for people: "opens of files, by any system call" */
	bool active;
	char missing[160]; /* why it is not active; empty otherwise */
};

/* The table of hooks, borrowed until sensor_close(). */
const struct sensor_hook *sensor_hooks(const struct sensor *sensor, size_t *ret_count);

/* The mount point of the cgroup v2 tree, from /proc/self/mountinfo ("/sys/fs/cgroup" or, on a
 * hybrid host, "/sys/fs/cgroup/unified"). ENOENT when there is none. */
int sensor_cgroup_root(char *path, size_t size, struct error *err);

/* Runs. ------------------------------------------------------------------------------------- */

/* Called on the sensor's thread. `event` and all its text are borrowed until the return. The
 * handler must not call sensor functions and must not block for long: what it does not take soon is
 * lost in the kernel once a ring is full (and counted). */
typedef void (*sensor_event_fn)(void *ctx, struct sensor_run *run, const struct event *event);

struct sensor_run_options {
	const char *cgroup_path;                  /* existing directory in the cgroup v2 tree */
	const struct watched_path *watched_paths; /* copied; the longest prefix wins */
	size_t watched_path_count;
	/* Actor of the sandbox's own command, before and beside npm: ACTOR_MANAGER for the scan of
	 * a package (the command is the operator's, no package code), ACTOR_UNKNOWN for any other
	 * job. What npm starts as a lifecycle script, and all below it, is always
	 * ACTOR_PACKAGE. */
	enum actor command_actor;
	/* The program with which the run begins: what is done before, and by others than its
	 * descendants, is the container runtime's set-up and is not told, nor is its own exec. Only
	 * the last component counts, as folders may be links. NULL: all is told. Borrowed. */
	const char *first_program;
	sensor_event_fn on_event;
	void *ctx; /* borrowed until sensor_remove_run() */
};

/* NULL on failure; ERROR_DROP when the cgroup or a watched path is bad, ERROR_RETRY when all
 * SENSOR_RUNS_MAX places are taken. */
struct sensor_run *sensor_add_run(struct sensor *sensor, const struct sensor_run_options *options,
                                  struct error *err);

/* Has a second witness look at the mounts that process `pid` of the run sees (host's pid
 * namespace; the one of its first program): it cannot be fooled by a descriptor that another thread
 * replaces before the call returns. To be called before the first instruction of the package, e.g.
 * while the sandbox's first process waits; mounts that come later are not watched. Without it all
 * else works. */
int sensor_watch_mounts(struct sensor_run *run, pid_t pid, struct error *err);

/* Detaches from the cgroup, forgets the run and frees it. Accepts NULL. */
void sensor_remove_run(struct sensor_run *run);
DEFINE_AUTO(sensor_run, struct sensor_run *, sensor_remove_run)

/* Returns when everything that the kernel recorded before the call has been handed to the
 * handlers, 0; -ETIMEDOUT (RETRY) when that took longer than `timeout_ms`. */
int sensor_drain(struct sensor_run *run, int timeout_ms, struct error *err);

/* Of this run only, from its sensor_add_run() on. Exact after sensor_drain(). */
struct sensor_stats {
	uint64_t events[EVENT_TYPE_COUNT]; /* handed out, by type */
	uint64_t lost[EVENT_TYPE_COUNT];   /* ring full; [EVENT_UNKNOWN]: forks and exits */
	uint64_t lost_total;   /* sum of lost, `missed`, `malformed` and `witness_overflowed` */
	uint64_t missed;       /* kernel skipped a program (re-entered); while the run was active */
	uint64_t malformed;    /* records that did not decode: a bug, reported as loss */
	uint64_t cut;          /* events with a cut path, name or argument list */
	uint64_t parse_failed; /* DNS or TLS bytes that did not parse (each is an event, too) */
	uint64_t unreadable;   /* failed opens whose path could not be read any more */
	uint64_t exec_failed;  /* exec attempts that failed */
	uint64_t repeats; /* opens like one that was handed out: same process, file, way of use */
	uint64_t unaggregated;   /* repeats that were handed out, because too many opens differed */
	uint64_t only_witnessed; /* opens that only the second witness saw (each is an event) */
	uint64_t witness_overflowed; /* 1: the second witness lost some, nobody knows how many */
	uint64_t unattributed;       /* packets without a known process (event.process.pid is 0) */
};
void sensor_run_stats(const struct sensor_run *run, struct sensor_stats *ret);

/* What is known of the run's processes, as of what has been handed out so far. */
struct sensor_processes {
	uint32_t started;       /* processes seen in all, threads not counted */
	uint32_t alive;         /* not ended yet, the sandbox's own command included */
	uint32_t package_alive; /* of these: code of a package (a survivor, once npm has ended) */
	/* Code of a package that was alive when the run's first program ended (in a sandbox: after
	 * the grace period), or is now if that has not ended. */
	uint32_t survivors;
	uint32_t npm_started; /* npm processes of the sandbox's own command */
	uint32_t npm_ended;
	/* First failure among npm_ended (exit status, or 128 + signal), 0 when all succeeded,
	 * INT32_MIN when none has ended. */
	int32_t npm_exit_code;
};
void sensor_run_processes(const struct sensor_run *run, struct sensor_processes *ret);

#endif
