// SPDX-License-Identifier: Apache-2.0
/*
 * Schema migrations: the .sql files of db/migrations, embedded at build time, applied in order of
 * their names under an advisory lock, each in one transaction with its bookkeeping row.
 *
 * The first four reproduce the existing system's schema and are recorded in `schema_migrations` (a
 * table that the existing CLI reads and extends); ours are recorded in `fangs_migrations`. A
 * database that the existing system created is upgraded in place.
 */
#ifndef FANGS_DB_MIGRATE_H
#define FANGS_DB_MIGRATE_H

#include "db/db.h"

/* Applies what is missing. Refuses (FATAL, a sentence with the unknown version) when the database
 * has one of our migrations that this program does not know. */
int migrate(struct db *db, struct error *err);

#endif
