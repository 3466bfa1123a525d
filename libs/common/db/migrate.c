// SPDX-License-Identifier: Apache-2.0
#include "db/migrate.h"

#include <errno.h>
#include <string.h>

#include "db/migrations.h"

static const char own_prefix[] = "fangs_";

/* The first table is the existing system's, to the letter; the second is ours. Created only when
 * missing, because even IF NOT EXISTS asks for the right to create. */
static const char bookkeeping[] = "DO $$ BEGIN"
                                  " IF to_regclass('schema_migrations') IS NULL THEN"
                                  "  CREATE TABLE schema_migrations (version TEXT PRIMARY KEY,"
                                  "   applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
                                  " END IF;"
                                  " IF to_regclass('fangs_migrations') IS NULL THEN"
                                  "  CREATE TABLE fangs_migrations (version TEXT PRIMARY KEY,"
                                  "   applied_at TIMESTAMPTZ NOT NULL DEFAULT now());"
                                  " END IF; END $$";

/* The lock's key is "fangs" and a 1. Services that start together take turns. */
static const struct db_statement lock_statement = {
        "migrate_lock", "SELECT pg_advisory_lock(x'66616e677301'::bigint)"};
static const struct db_statement is_applied_statement = {
        "migrate_is_applied", "SELECT 1 FROM schema_migrations WHERE version = $1"
                              " UNION ALL SELECT 1 FROM fangs_migrations WHERE version = $1"};
static const struct db_statement own_applied_statement = {
        "migrate_own_applied", "SELECT version FROM fangs_migrations ORDER BY version"};
static const struct db_statement record_statement = {
        "migrate_record", "INSERT INTO schema_migrations (version) VALUES ($1)"};
static const struct db_statement record_own_statement = {
        "migrate_record_own", "INSERT INTO fangs_migrations (version) VALUES ($1)"};

static bool is_own(const char *name)
{
	return strncmp(name, own_prefix, sizeof(own_prefix) - 1) == 0;
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < migration_count; i++)
		if (strcmp(migrations[i].name, name) == 0)
			return true;
	return false;
}

static int refuse_newer_schema(struct db_conn *conn, struct error *err)
{
	AUTO(pgresult)
	PGresult *result = db_query(conn, &own_applied_statement, NULL, 0, err);
	if (!result)
		return err ? -err->code : -EIO;
	for (int row = 0; row < PQntuples(result); row++) {
		const char *version = db_cell(result, row, 0);
		if (!is_known(version))
			return error_set_class(
			        err, ERROR_FATAL, EPROTO,
			        "the database has migration '%s', which this version "
			        "does not know: update this program",
			        version);
	}
	return 0;
}

static int apply_in_transaction(struct db_conn *conn, const struct migration *migration,
                                struct error *err)
{
	const struct db_statement *record =
	        is_own(migration->name) ? &record_own_statement : &record_statement;
	int rc = db_begin(conn, err);
	if (rc == 0)
		rc = db_script(conn, migration->sql, err);
	if (rc == 0 && db_exec(conn, record, &DB_TEXT(migration->name), 1, err) < 0)
		rc = -EIO;
	if (rc == 0)
		rc = db_commit(conn, err);
	db_rollback(conn);
	return rc ? error_wrap(err, "migration '%s'", migration->name) : 0;
}

static int apply_missing(struct db_conn *conn, struct error *err)
{
	int rc = db_script(conn, bookkeeping, err);
	if (rc)
		return rc;
	rc = refuse_newer_schema(conn, err);
	for (size_t i = 0; rc == 0 && i < migration_count; i++) {
		AUTO(pgresult)
		PGresult *result =
		        db_query(conn, &is_applied_statement, &DB_TEXT(migrations[i].name), 1, err);
		if (!result)
			return err ? -err->code : -EIO;
		if (PQntuples(result) == 0)
			rc = apply_in_transaction(conn, &migrations[i], err);
	}
	return rc;
}

int migrate(struct db *db, struct error *err)
{
	/* A session of its own: its end gives the lock back whatever happens. */
	AUTO(db_conn) struct db_conn *conn = db_session_open(db, err);
	if (!conn || db_exec(conn, &lock_statement, NULL, 0, err) < 0)
		return err ? -err->code : -EIO;
	return apply_missing(conn, err);
}
