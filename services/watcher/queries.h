// SPDX-License-Identifier: Apache-2.0
/*
 * The watcher's SQL. Each function runs on the caller's connection, inside the caller's transaction
 * where there is one, and returns 0 or a negative errno unless it says otherwise.
 */
#ifndef FANGS_WATCHER_QUERIES_H
#define FANGS_WATCHER_QUERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "db/db.h"
#include "packument.h"

/* A package that this process polls now; strings live in the arena of the claim. */
struct claim {
	const char *package;
	const char *etag;
	const char *registry_state;
	int64_t failures; /* polls failed in a row */
	bool never_seen;  /* no version of it was recorded yet: the poll must not be conditional */
};

/* Gives every watched package its row in package_polls. */
int query_adopt_packages(struct db_conn *conn, struct error *err);

/* Takes the package that is due longest and keeps other watchers off it for `claim_ms`. Returns 1
 * with `*ret` filled, 0 when nothing is due. */
int query_claim(struct db_conn *conn, int64_t claim_ms, struct arena *arena, struct claim *ret,
                struct error *err);

/* How a poll ended, for package_polls. */
struct poll_record {
	const char *package;
	const char *etag; /* NULL keeps the stored one */
	const char *registry_state;
	const char *last_error;
	int64_t failures;
	int64_t next_poll_ms; /* from now */
};
int query_record_poll(struct db_conn *conn, const struct poll_record *record, struct error *err);

/* Locks the package until the transaction ends. Returns 1 and its last seen version (NULL: never),
 * or 0 when it is no longer watched. */
int query_lock_package(struct db_conn *conn, const char *package, struct arena *arena,
                       const char **ret_last_seen, struct error *err);

int query_set_checked(struct db_conn *conn, const char *package, struct error *err);
int query_set_seen(struct db_conn *conn, const char *package, const char *version,
                   struct error *err);

/* A version which is already recorded stays as it is. */
int query_insert_release(struct db_conn *conn, const char *package,
                         const struct packument *packument, struct error *err);

#endif
