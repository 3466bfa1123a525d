// SPDX-License-Identifier: Apache-2.0
/*
 * A few threads that work off a queue which lives in the database: each claims and does one piece
 * after another until nothing is left, then sleeps until it is woken. Waking is cheap and may
 * happen for nothing; a worker that found something wakes the next one, so that an idle pool asks
 * the database once per wake and not once per thread.
 */
#ifndef FANGS_BACKBONE_WORK_POOL_H
#define FANGS_BACKBONE_WORK_POOL_H

#include <stddef.h>

#include "base/error.h"
#include "service/service.h"

struct work_pool;

struct work_pool_options {
	struct service *service;
	const char *what; /* for the log when it fails: "poll packages" */
	size_t workers;
	/* Claims one piece of work for that worker, which `ctx` keeps until it is done. Returns 1,
	 * 0 when nothing is due, or a negative errno. */
	int (*claim)(void *ctx, size_t worker, struct error *err);
	/* Does what the worker claimed. Returns 0 or a negative errno. */
	int (*process)(void *ctx, size_t worker, struct error *err);
	void *ctx;
};

/* Options are copied. NULL when threads cannot be started. */
struct work_pool *work_pool_start(const struct work_pool_options *options, struct error *err);

/* Something may be due. Any thread. */
void work_pool_wake(struct work_pool *pool);

/* Waits for the work in flight. The service must be stopping. Accepts NULL. */
void work_pool_stop(struct work_pool *pool);

#endif
