// SPDX-License-Identifier: Apache-2.0
#include "queries.h"

#include "base/clock.h"

/* A second's grace for new packages: the existing CLI adds the row first and stores the version
 * that it scans by itself in a statement of its own right after. */
static const struct db_statement adopt_packages = {
        "watcher_adopt_packages",
        "INSERT INTO package_polls (package_name, next_poll_at)"
        " SELECT p.name, p.added_at + interval '1 second' FROM packages p"
        " WHERE NOT EXISTS (SELECT 1 FROM package_polls q WHERE q.package_name = p.name)"
        " ON CONFLICT (package_name) DO NOTHING"};

static const struct db_statement claim_next = {
        "watcher_claim",
        "UPDATE package_polls q SET next_poll_at = now() + $1::bigint * interval '1 millisecond'"
        " FROM packages p"
        " WHERE p.name = q.package_name AND q.package_name ="
        "  (SELECT d.package_name FROM package_polls d WHERE d.next_poll_at <= now()"
        "   ORDER BY d.next_poll_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING q.package_name, q.etag, q.registry_state, q.failures,"
        "  p.last_seen_version IS NULL"};

static const struct db_statement record_poll = {
        "watcher_record_poll",
        "UPDATE package_polls SET etag = COALESCE($2, etag), registry_state = $3, last_error = $4,"
        " failures = $5::integer, next_poll_at = now() + $6::bigint * interval '1 millisecond'"
        " WHERE package_name = $1"};

static const struct db_statement lock_package = {
        "watcher_lock_package",
        "SELECT last_seen_version FROM packages WHERE name = $1 FOR NO KEY UPDATE"};

static const struct db_statement set_checked = {
        "watcher_set_checked", "UPDATE packages SET last_checked_at = now() WHERE name = $1"};

static const struct db_statement set_seen = {
        "watcher_set_seen",
        "UPDATE packages SET last_checked_at = now(), last_seen_version = $2 WHERE name = $1"};

/* tarball_sha256 holds the registry's shasum, which is a SHA-1: the existing CLI shows it there. */
static const struct db_statement insert_release = {
        "watcher_insert_release",
        "INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at,"
        " discovered_at, tarball_url, shasum)"
        " VALUES ($1, $2, $3, $4, $5::timestamptz, now(), $6, $3)"
        " ON CONFLICT (package_name, version) DO NOTHING"};

int query_adopt_packages(struct db_conn *conn, struct error *err)
{
	return db_exec(conn, &adopt_packages, NULL, 0, err) < 0 ? -err->code : 0;
}

int query_claim(struct db_conn *conn, int64_t claim_ms, struct arena *arena, struct claim *ret,
                struct error *err)
{
	const struct db_param params[] = {DB_INT(claim_ms)};
	AUTO(pgresult) PGresult *result = db_query(conn, &claim_next, params, 1, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret = (struct claim){
	        .package = arena_strdup(arena, db_cell(result, 0, 0)),
	        .etag = arena_strdup(arena, db_cell(result, 0, 1)),
	        .registry_state = arena_strdup(arena, db_cell(result, 0, 2)),
	        .failures = db_cell_int(result, 0, 3),
	        .never_seen = db_cell_bool(result, 0, 4),
	};
	return 1;
}

int query_record_poll(struct db_conn *conn, const struct poll_record *record, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(record->package),        DB_TEXT(record->etag),
	        DB_TEXT(record->registry_state), DB_TEXT(record->last_error),
	        DB_INT(record->failures),        DB_INT(record->next_poll_ms),
	};
	return db_exec(conn, &record_poll, params, 6, err) < 0 ? -err->code : 0;
}

int query_lock_package(struct db_conn *conn, const char *package, struct arena *arena,
                       const char **ret_last_seen, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package)};
	AUTO(pgresult) PGresult *result = db_query(conn, &lock_package, params, 1, err);
	if (!result)
		return -err->code;
	if (PQntuples(result) == 0)
		return 0;
	*ret_last_seen =
	        db_cell_null(result, 0, 0) ? NULL : arena_strdup(arena, db_cell(result, 0, 0));
	return 1;
}

int query_set_checked(struct db_conn *conn, const char *package, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package)};
	return db_exec(conn, &set_checked, params, 1, err) < 0 ? -err->code : 0;
}

int query_set_seen(struct db_conn *conn, const char *package, const char *version,
                   struct error *err)
{
	const struct db_param params[] = {DB_TEXT(package), DB_TEXT(version)};
	return db_exec(conn, &set_seen, params, 2, err) < 0 ? -err->code : 0;
}

int query_insert_release(struct db_conn *conn, const char *package,
                         const struct packument *packument, struct error *err)
{
	char published[CLOCK_TEXT_MAX] = "0001-01-01T00:00:00Z"; /* compat: unknown */
	if (packument->published_at_ns != INT64_MIN)
		clock_format_rfc3339(packument->published_at_ns, published, sizeof(published));

	const struct db_param params[] = {
	        DB_TEXT(package),           DB_TEXT(packument->latest),
	        DB_TEXT(packument->shasum), DB_TEXT(packument->integrity),
	        DB_TEXT(published),         DB_TEXT(packument->tarball_url),
	};
	return db_exec(conn, &insert_release, params, 6, err) < 0 ? -err->code : 0;
}
