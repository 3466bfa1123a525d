// SPDX-License-Identifier: Apache-2.0
/*
 * What the JSON API shows: the columns' names are the members' names, their types the JSON types
 * (browse.c). A list takes the number of rows as $1 and where to begin as $2 and $3, the two halves
 * of the last row's `cursor` before and behind its first '~', or NULL; its filters follow from $4
 * on, NULL when not given.
 */
#include "queries.h"

#define UTC(t) "to_char(" t " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define BEFORE(time, id)                                                                           \
	"(" time ", " id ") < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3, ''))"
#define CURSOR(time, id) UTC(time) " || '~' || " id " AS cursor"
#define FILTER(column, n) "($" #n "::text IS NULL OR " column " = $" #n ")"
#define ALIVE "last_seen_at > now() - interval '90 seconds'"

/* Old rows may have the words of earlier versions. */
#define SEVERITY_RANK(column)                                                                      \
	"CASE WHEN " column " IN ('crit', 'critical', 'high') THEN 3"                              \
	" WHEN " column " IN ('warn', 'medium') THEN 2 ELSE 1 END"

#define RUN_COLUMNS                                                                                \
	"r.id, r.package_name AS package, r.version, r.state, r.phase, r.verdict, r.complete,"     \
	" r.incomplete_reason, r.attempt, r.is_baseline, r.trigger, r.target_runner, r.runner_id," \
	" " UTC("r.queued_at") " AS queued_at, " UTC(                                              \
	        "r.started_at") " AS started_at,"                                                  \
	                        " " UTC("r.finished_at") " AS finished_at, " UTC(                  \
	                                "r.judged_at") " AS judged_at,"                            \
	                                               " r.failure_reason, r.events_emitted, "     \
	                                               "r.events_dropped,"                         \
	                                               " COALESCE(p.events_stored, 0) AS "         \
	                                               "events_stored, r.duration_ns / 1000000 "   \
	                                               "AS duration_ms,"                           \
	                                               " d.deviation_count, "                      \
	                                               "COALESCE((ARRAY['info', 'warn', "          \
	                                               "'crit'])[d.rank], '') AS max_severity,"    \
	                                               " r.image, r.image_digest, "                \
	                                               "r.node_version, r.npm_version, "           \
	                                               "r.sensor_tier"
#define RUN_TABLES                                                                                 \
	" FROM runs r LEFT JOIN run_progress p ON p.run_id = r.id,"                                \
	" LATERAL (SELECT count(*) AS deviation_count, max(" SEVERITY_RANK(                        \
	        "severity") ") AS rank"                                                            \
	                    "  FROM deviations WHERE run_id = r.id) d"

const struct db_statement browse_runs = {
        "api_runs", "SELECT " RUN_COLUMNS ", " CURSOR("r.started_at", "r.id") RUN_TABLES
        " WHERE " BEFORE("r.started_at", "r.id") " AND " FILTER("r.package_name", 4) " AND " FILTER(
                "r.state",
                5) " AND " FILTER("r.phase",
                                  6) " AND " FILTER("r.verdict",
                                                    7) " ORDER BY r.started_at DESC NULLS LAST, "
                                                       "r.id DESC LIMIT $1::bigint"};

const struct db_statement browse_run = {"api_run",
                                        "SELECT " RUN_COLUMNS RUN_TABLES " WHERE r.id = $1"};

const struct db_statement browse_runs_by_id = {
        "api_runs_by_id", "SELECT " RUN_COLUMNS RUN_TABLES
                          " WHERE r.id = ANY ($1::text[]) ORDER BY r.queued_at, r.id"};

const struct db_statement browse_pending = {
        "api_pending", "SELECT " RUN_COLUMNS ", " CURSOR("r.started_at", "r.id") RUN_TABLES
        " WHERE r.verdict = 'deviates' AND NOT r.is_baseline AND " BEFORE(
                "r.started_at", "r.id") " AND " FILTER("r.package_name",
                                                       4) " ORDER BY r.started_at DESC NULLS LAST, "
                                                          "r.id DESC LIMIT $1::bigint"};

#define DEVIATION_COLUMNS                                                                          \
	"d.id, d.run_id, r.package_name AS package, r.version, d.category, d.value, d.severity,"   \
	" d.actor, d.reason, d.process, d.evidence_event_id,"                                      \
	" " UTC("d.detected_at") " AS detected_at, d.suppressed"
#define DEVIATION_TABLES " FROM deviations d JOIN runs r ON r.id = d.run_id"

const struct db_statement browse_deviations = {
        "api_deviations",
        "SELECT " DEVIATION_COLUMNS ", " CURSOR("d.detected_at", "d.id") DEVIATION_TABLES
        " WHERE " BEFORE("d.detected_at", "d.id") " AND " FILTER(
                "r.package_name",
                4) " AND " FILTER("d.severity",
                                  5) " AND " FILTER("d.category",
                                                    6) " AND ($7::text IS NULL OR d.run_id ~>=~ $7 "
                                                       "AND d.run_id ~<~ ($7 || 'g'))"
                                                       " ORDER BY d.detected_at DESC, d.id DESC "
                                                       "LIMIT $1::bigint"};

const struct db_statement browse_deviations_by_id = {
        "api_deviations_by_id", "SELECT " DEVIATION_COLUMNS DEVIATION_TABLES
                                " WHERE d.id = ANY ($1::text[]) ORDER BY d.detected_at, d.id"};

/* Worst first, as a person reads them. */
const struct db_statement browse_run_deviations = {
        "api_run_deviations",
        "SELECT " DEVIATION_COLUMNS ", 9 - " SEVERITY_RANK(
                "d.severity") " || '~' || d.id AS cursor" DEVIATION_TABLES
                              " WHERE d.run_id = $4 AND (9 - " SEVERITY_RANK(
                                      "d.severity") ", d.id)"
                                                    "  > (COALESCE($2::integer, 0), COALESCE($3, "
                                                    "''))"
                                                    " ORDER BY 9 - " SEVERITY_RANK(
                                                            "d.severity") ", d.id LIMIT "
                                                                          "$1::bigint"};

const struct db_statement browse_deviation = {
        "api_deviation",
        "SELECT " DEVIATION_COLUMNS ", (SELECT jsonb_build_object('id', e.id, 'type', e.type,"
        "  'ts_ns', e.ts_ns, 'data', e.data) FROM events e WHERE e.id = d.evidence_event_id)"
        " AS evidence" DEVIATION_TABLES " WHERE d.id = $1"};

const struct db_statement browse_events = {
        "api_events",
        "SELECT id, run_id, type, ts_ns,"
        " " UTC("to_timestamp(ts_ns / 1000 / 1000000.0)") " AS received_at, data,"
                                                          " ts_ns || '~' || id AS cursor FROM "
                                                          "events"
                                                          " WHERE run_id = $4 AND " FILTER(
                                                                  "type",
                                                                  5) " AND (ts_ns, id) > "
                                                                     "(COALESCE($2::bigint, -1), "
                                                                     "COALESCE($3::bigint, -1))"
                                                                     " ORDER BY ts_ns, id LIMIT "
                                                                     "$1::bigint"};

const struct db_statement browse_notifications = {
        "api_notifications",
        "SELECT id, run_id, notifier_name AS notifier, attempt, status,"
        " " UTC("last_attempted_at") " AS last_attempted_at,"
                                     " " UTC("next_attempt_at") " AS next_attempt_at, "
                                                                "response_code, response_body, "
                                                                "error_msg,"
                                                                " deviation_count, " UTC(
                                                                        "created_at") " AS "
                                                                                      "created_at,"
                                                                                      " " UTC("crea"
                                                                                              "ted_"
                                                                                              "at") " || '~' || id AS cursor FROM notifications WHERE run_id = $4"
                                                                                                    " AND (created_at, id) > (COALESCE($2::timestamptz, '-infinity'), COALESCE($3, ''))"
                                                                                                    " ORDER BY created_at, id LIMIT $1::bigint"};

#define PACKAGE_COLUMNS                                                                            \
	"p.name, " UTC("p.added_at") " AS added_at, " UTC(                                         \
	        "p.last_checked_at") " AS last_checked_at,"                                        \
	                             " p.last_seen_version, COALESCE(q.registry_state, '') AS "    \
	                             "registry_state,"                                             \
	                             " COALESCE(q.last_error, '') AS last_error, "                 \
	                             "COALESCE(q.failures, 0) AS failures,"                        \
	                             " " UTC("q.next_poll_at") " AS next_poll_at,"                 \
	                                                       " COALESCE(b.state, CASE WHEN "     \
	                                                       "EXISTS (SELECT 1 FROM "            \
	                                                       "baseline_fingerprints f"           \
	                                                       "  WHERE f.package_name = p.name) " \
	                                                       "THEN 'trusted' ELSE 'none' END) "  \
	                                                       "AS baseline_state,"                \
	                                                       " (SELECT count(*) FROM runs r "    \
	                                                       "WHERE r.package_name = p.name) "   \
	                                                       "AS runs"
#define PACKAGE_TABLES                                                                             \
	" FROM packages p LEFT JOIN package_polls q ON q.package_name = p.name"                    \
	" LEFT JOIN baselines b ON b.package_name = p.name"

const struct db_statement browse_packages = {
        "api_packages",
        "SELECT " PACKAGE_COLUMNS ", '~' || p.name AS cursor" PACKAGE_TABLES
        " WHERE p.name > COALESCE($3, '') AND $2::text IS NULL ORDER BY p.name LIMIT $1::bigint"};

const struct db_statement browse_package = {"api_package", "SELECT " PACKAGE_COLUMNS PACKAGE_TABLES
                                                           " WHERE p.name = $1"};

const struct db_statement browse_releases = {
        "api_releases",
        "SELECT l.package_name AS package, l.version, l.tarball_url, l.shasum,"
        " l.npm_integrity AS integrity, " UTC(
                "l.published_at") " AS published_at,"
                                  " " UTC("l.discovered_at") " AS discovered_at,"
                                                             " " CURSOR(
                                                                     "l.discovered_at",
                                                                     "l.package_name || ' ' || "
                                                                     "l.version") " FROM releases "
                                                                                  "l"
                                                                                  " WHERE " BEFORE(
                                                                                          "l."
                                                                                          "discove"
                                                                                          "red_at",
                                                                                          "l."
                                                                                          "package"
                                                                                          "_name "
                                                                                          "|| ' ' "
                                                                                          "|| "
                                                                                          "l."
                                                                                          "versio"
                                                                                          "n") " A"
                                                                                               "ND"
                                                                                               " " FILTER(
                                                                                                       "l.package_name",
                                                                                                       4) " ORDER BY l.discovered_at DESC, l.package_name || ' ' || l.version DESC"
                                                                                                          " LIMIT $1::bigint"};

const struct db_statement browse_baseline = {
        "api_baseline",
        "SELECT $1::text AS package, COALESCE(b.state, 'trusted') AS state, b.seeded_by,"
        " " UTC("b.seeded_at") " AS seeded_at, f.fingerprints"
                               " FROM (SELECT count(*) AS fingerprints FROM baseline_fingerprints"
                               "  WHERE package_name = $1) f LEFT JOIN baselines b ON "
                               "b.package_name = $1"
                               " WHERE f.fingerprints > 0 OR b.package_name IS NOT NULL"};

const struct db_statement browse_baseline_items = {
        "api_baseline_items",
        "SELECT category, value, to_json(ARRAY(SELECT actor FROM baseline_actors a"
        "  WHERE a.package_name = f.package_name AND a.category = f.category"
        "   AND a.value = f.value ORDER BY actor)) AS actors,"
        " first_seen_run_id, last_seen_run_id, occurrence_count,"
        " category || '~' || value AS cursor FROM baseline_fingerprints f"
        " WHERE package_name = $4 AND (category, value) > (COALESCE($2, ''), COALESCE($3, ''))"
        " ORDER BY category, value LIMIT $1::bigint"};

#define RUNNER_COLUMNS                                                                             \
	"id, hostname, kernel_version, to_json(capabilities) AS capabilities, transport,"          \
	" jobs_partition, slots, (SELECT count(*) FROM runs r WHERE r.runner_id = n.id"            \
	"  AND r.phase IN ('leased', 'running')) AS busy, status, active_run_id, sensor_tier,"     \
	" version, " UTC("registered_at") " AS registered_at,"                                     \
	" " UTC("last_seen_at") " AS last_seen_at, " ALIVE " AS alive"

const struct db_statement browse_runners = {
        "api_runners", "SELECT " RUNNER_COLUMNS ", '~' || id AS cursor FROM runners n"
                       " WHERE id > COALESCE($3, '') AND $2::text IS NULL"
                       " ORDER BY id LIMIT $1::bigint"};

const struct db_statement browse_runners_by_id = {
        "api_runners_by_id", "SELECT " RUNNER_COLUMNS " FROM runners n"
                             " WHERE id = ANY ($1::text[]) ORDER BY id"};

/* A chat webhook's address is its secret; a header may hold one. */
const struct db_statement browse_notifiers = {
        "api_notifiers",
        "SELECT name, CASE WHEN template IN ('slack', 'discord')"
        "  THEN regexp_replace(url, '^([a-z]+://[^/]*/).*$', '\\1...') ELSE url END AS url,"
        " template, secret_env, headers IS NOT NULL AS has_headers, min_severity, enabled,"
        " " UTC("created_at") " AS created_at, " UTC(
                "updated_at") " AS updated_at,"
                              " '~' || name AS cursor FROM notifiers WHERE name > COALESCE($3, '') "
                              "AND $2::text IS NULL"
                              " ORDER BY name LIMIT $1::bigint"};

const struct db_statement browse_services = {
        "api_services",
        "SELECT regexp_replace(service, '^fangs-', '') AS service, instance, version, ready,"
        " detail, " UTC("started_at") " AS started_at, " UTC(
                "last_seen_at") " AS last_seen_at,"
                                " last_seen_at > now() - interval '30 seconds' AS alive FROM "
                                "service_instances"
                                " WHERE last_seen_at > now() - interval '1 hour' ORDER BY 1, 2"};

const struct db_statement browse_counts = {
        "api_counts",
        "SELECT (SELECT count(*) FROM packages) AS packages, (SELECT count(*) FROM runs) AS runs,"
        " (SELECT count(*) FROM runs WHERE phase = 'queued') AS queued,"
        " (SELECT count(*) FROM runs WHERE phase IN ('leased', 'running')) AS running,"
        " (SELECT count(*) FROM runs WHERE verdict = 'deviates' AND NOT is_baseline) AS pending,"
        " (SELECT count(*) FROM deviations) AS deviations"};

const struct db_statement browse_server = {
        "api_server", "SELECT true AS ok, current_setting('server_version') AS version"};
