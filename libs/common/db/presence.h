// SPDX-License-Identifier: Apache-2.0
/*
 * This process's row in `service_instances`, which `fangs status` reads: written every few seconds
 * by a thread of its own, deleted at a clean stop. While the database is away the row grows old,
 * which is what its readers should see; the thread just tries again.
 */
#ifndef FANGS_DB_PRESENCE_H
#define FANGS_DB_PRESENCE_H

#include "db/db.h"

struct presence;

enum { PRESENCE_DETAIL_MAX = 256 };

struct presence_options {
	const char *service; /* "fangs-differ" */
	const char *version;
	/* Called by the thread before each write: is the service ready, and if not, what is missing
	 * (a sentence of at most PRESENCE_DETAIL_MAX - 1 bytes into `detail`, which is ""). */
	bool (*ready)(void *ctx, char *detail);
	void *ctx;
};

/* Strings are copied. `db` is borrowed until presence_stop(). */
struct presence *presence_start(struct db *db, const struct presence_options *options,
                                struct error *err);
void presence_stop(struct presence *presence); /* accepts NULL */

#endif
