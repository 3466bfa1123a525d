// SPDX-License-Identifier: Apache-2.0
/*
 * A second witness of opens: fanotify on the mounts of a sandbox. The kernel queues the opened file
 * itself while it is being opened, so nothing that a process does with its descriptors afterwards
 * changes what is reported. It sees no failed opens, and not who is who in detail: it is there to
 * find what the first witness, which looks at the end of the call, was shown wrongly or not at all.
 *
 * A witness sees nothing before witness_mark(). One thread at a time.
 */
#ifndef FANGS_SENSOR_WITNESS_H
#define FANGS_SENSOR_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/view.h"

struct witness {
	int fd;    /* -1: closed */
	int space; /* the mount namespace: with its end the files in it would lose their paths */
	bool overflowed; /* something was lost, nobody knows how much */
};

struct witnessed {
	uint32_t pid; /* process, host's pid namespace */
	uint64_t inode;
	uint64_t device;  /* as of stat(2) */
	struct view path; /* when it was read, not when it was opened */
};

/* Who takes what is seen. */
struct witness_handler {
	/* Without a path, whose reading costs as much as all the rest: is nothing to be told? */
	bool (*is_settled)(void *ctx, const struct witnessed *event);
	void (*on_open)(void *ctx, const struct witnessed *event);
	void *ctx;
};

int witness_open(struct witness *witness, struct error *err);
void witness_close(struct witness *witness);

/* Watches every mount that the process `pid` sees, but those of devices. Returns how many, or a
 * negative errno. */
int witness_mark(struct witness *witness, pid_t pid, struct error *err);

/* Hands out what is queued, at most `max` events; returns how many. */
size_t witness_read(struct witness *witness, size_t max, const struct witness_handler *handler);

#endif
