// SPDX-License-Identifier: Apache-2.0
/*
 * What every service of the pipeline stands on: its life as a process, the database with the
 * schema, the bus with its topics, its row for `fangs status`. Opened in this order, each part
 * waited for if it is not there yet; closed in the reverse order.
 *
 *   int main(int argc, char **argv)
 *   {
 *           struct differ_config config = {0};
 *           const struct backbone_program program = {.name = "fangs-differ", ..., .run = run};
 *           return backbone_main(&program, argc, argv);
 *   }
 */
#ifndef FANGS_BACKBONE_BACKBONE_H
#define FANGS_BACKBONE_BACKBONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bus/bus.h"
#include "config/config.h"
#include "db/db.h"
#include "service/service.h"

/* Borrowed by `run` until it returns. */
struct backbone {
	struct service *service;
	struct db *db;
	struct bus *bus;
	const char *bus_driver;      /* "kafka" or "postgres" */
	const struct config *config; /* for those who show it */
};

struct backbone_program {
	const char *name;                    /* "fangs-differ" */
	const char *section;                 /* of the configuration file: "differ" */
	const char *summary;                 /* first line of --help */
	const char *examples;                /* shown in --help, may be NULL */
	const struct config_option *options; /* the service's own */
	size_t option_count;
	void *config; /* which the options fill */
	/* Refuses values that each are good but not together; before anything is opened. NULL:
	 * none. */
	int (*check)(const void *config, struct error *err);
	bool relays_outbox; /* the service writes to the outbox: run a relay of it */
	/* The service itself: creates its parts, loops while service_running(), destroys them.
	 * Returns 0, or a negative errno for a process that cannot go on. */
	int (*run)(const struct backbone *backbone, void *config, struct error *err);
};

/* All of main(): returns the exit code. */
int backbone_main(const struct backbone_program *program, int argc, char **argv);

/* The main loop of a service whose work is in the database: calls `turn` at least every `tick_ms`
 * and at once when `channel` is notified, until the service stops. A turn that fails is logged once
 * per outage and repeated. Returns 0, or a negative errno when it could not even begin. */
int backbone_loop(const struct backbone *backbone, const char *channel, int64_t tick_ms,
                  int (*turn)(void *ctx, struct error *err), void *ctx, struct error *err);

#endif
