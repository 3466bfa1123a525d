// SPDX-License-Identifier: Apache-2.0
/*
 * For tests: a fresh database on the server that FANGS_TEST_DB_URL names, dropped afterwards.
 * A test that needs it exits with DB_FIXTURE_SKIP when the variable is not set. Failures abort.
 */
#ifndef FANGS_DB_DB_FIXTURE_H
#define FANGS_DB_DB_FIXTURE_H

#include "db/db.h"

enum { DB_FIXTURE_SKIP = 77 };

struct db_fixture {
	char *name;
	char *url; /* of the new database */
	struct db *db;
};

bool db_fixture_available(void);
/* With the schema, or empty. */
struct db_fixture *db_fixture_create(bool migrated);
void db_fixture_destroy(struct db_fixture *fixture);

/* Runs SQL text; returns the first cell of the last result as a number, 0 when there is none. */
int64_t db_fixture_number(struct db_fixture *fixture, const char *sql);

#endif
