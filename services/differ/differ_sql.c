// SPDX-License-Identifier: Apache-2.0
#include "differ_sql.h"

#define HAS_BASELINE(package)                                                                      \
	"(EXISTS (SELECT 1 FROM baselines WHERE package_name = " package " AND state <> 'reset')"  \
	" OR EXISTS (SELECT 1 FROM baseline_fingerprints WHERE package_name = " package "))"

/* A baseline knows a value
 *  - by actor, in versions of this line or a lower one: the same one did it before, or one of the
 *    two is unknown;
 *  - from a person: the existing CLI wrote the value and cannot tell actors. That shows in a last
 *    seen run which is not the one that we merged;
 *  - because it varies from run to run of one version, unless it is about a credential.
 * The tables are asked by their primary keys; patterns are few. */
#define BY(actor, table)                                                                           \
	"(" table ".actor = " actor " OR " table ".actor = 'unknown' OR " actor " = 'unknown')"
#define KNOWN(package, category, actor, value, line, cred)                                         \
	"(EXISTS (SELECT 1 FROM baseline_fingerprints b"                                           \
	"  WHERE b.package_name = " package " AND b.category = " category " AND b.value = " value  \
	"  AND (b.merged_run_id <> b.last_seen_run_id"                                             \
	"   OR (" line " BETWEEN b.since_line AND b.until_line AND (" actor                        \
	" = 'unknown' OR EXISTS"                                                                   \
	"    (SELECT 1 FROM baseline_actors a WHERE a.package_name = " package                     \
	"     AND a.category = " category " AND a.value = " value " AND " BY(                      \
	        actor,                                                                             \
	        "a") ")))))"                                                                       \
	             " OR (NOT " cred " AND (EXISTS (SELECT 1 FROM volatile_values v WHERE "       \
	             "v.package_name = " package " AND v.category = " category                     \
	             " AND v.value = " value " AND NOT v.pattern AND " BY(                         \
	                     actor,                                                                \
	                     "v") ") OR EXISTS (SELECT 1 FROM volatile_values v WHERE v.pattern"   \
	                          "  AND v.package_name = " package " AND v.category = " category  \
	                          " AND " BY(actor, "v") "  AND starts_with(" value                \
	                                                 ", v.value) AND right(" value             \
	                                                 ", length(v.tail)) = v.tail"              \
	                                                 "  AND length(" value                     \
	                                                 ") > length(v.value) + length(v.tail)"    \
	                                                 "  AND position('/' in substr(" value     \
	                                                 ", length(v.value) + 1,"                  \
	                                                 "   GREATEST(length(" value               \
	                                                 ") - length(v.value) - length(v.tail), "  \
	                                                 "0))) = 0))))"

/* No accepted run of the package shows a program that code of a package ran. One that a person
 * promoted by the existing CLI, which cannot tell actors, may have. */
#define FIRST_CODE(package, category, actor)                                                       \
	"(" category " = 'proc_new_exec' AND " actor " = 'package'"                                \
	" AND NOT EXISTS (SELECT 1 FROM baseline_actors a WHERE a.package_name = " package         \
	"  AND a.category = 'proc_new_exec' AND a.actor <> 'manager')"                             \
	" AND NOT EXISTS (SELECT 1 FROM baseline_fingerprints b WHERE b.package_name = " package   \
	"  AND b.category = 'proc_new_exec' AND b.merged_run_id <> b.last_seen_run_id))"

#define FROM_NS(ns) "(TIMESTAMPTZ 'epoch' + " ns "::bigint / 1000 * INTERVAL '1 microsecond')"

const struct db_statement sql_runs = {
        "differ_runs",
        "SELECT r.id, r.package_name, r.version, r.attempt, r.phase = 'judged',"
        " r.phase = 'judged' AND p.result IS NOT NULL,"
        " r.package_name <> '' AND r.trigger NOT IN ('seed', 'control') AND " HAS_BASELINE(
                "r.package_name") ","
                                  " p.run_id IS NOT NULL, p.attempt, p.seqs::text, "
                                  "p.events_stored, r.trigger,"
                                  " coalesce((SELECT lowest_line FROM baselines b WHERE "
                                  "b.package_name = r.package_name), 0)"
                                  " FROM runs r LEFT JOIN run_progress p ON p.run_id = r.id"
                                  " WHERE r.id = ANY ($1::text[])"};

const struct db_statement sql_run_sightings_page = {
        "differ_run_sightings_page",
        "SELECT f.category, f.actor, f.item, s.number FROM (SELECT * FROM run_sightings"
        "  WHERE run_id = $1 AND number > $2::bigint ORDER BY number LIMIT 4) s,"
        " unnest(s.categories, s.actors, s.items) AS f (category, actor, item)"
        " ORDER BY s.number"};

const struct db_statement sql_run_facts = {
        "differ_run_facts", "SELECT facts FROM run_facts WHERE run_id = $1 ORDER BY number"};

const struct db_statement sql_insert_facts = {
        "differ_insert_facts",
        "INSERT INTO run_facts (run_id, facts)"
        " SELECT * FROM unnest($1::text[], $2::text[]) AS f (run_id, facts)"};

const struct db_statement sql_allow_entries = {
        "differ_allow_entries",
        "SELECT id, package_name, kind, value FROM ("
        " SELECT id, package_name, kind, value, created_at FROM allowlists UNION ALL"
        " SELECT id, package_name, kind, value, created_at FROM allow_rules) e"
        " ORDER BY created_at, id"};

const struct db_statement sql_event_ids = {
        "differ_event_ids", "SELECT nextval('events_id_seq') FROM generate_series(1, $1::int)"};

const struct db_statement sql_insert_events = {
        "differ_insert_events",
        "WITH chunks AS (INSERT INTO event_chunks (first_id, run_id, ts_ns, types, data)"
        " SELECT c.first_id, ($6::text[])[c.run], c.ts_ns, c.types, c.data"
        " FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::text[], $5::text[])"
        "  AS c (first_id, run, ts_ns, types, data))"
        " INSERT INTO event_ids (id)"
        " SELECT c.first_id + n FROM unnest($1::int8[], $4::text[]) AS c (first_id, types),"
        "  generate_series(0, length(c.types) - 1) AS n"};

const struct db_statement sql_unknown_fingerprints = {
        "differ_unknown_fingerprints",
        "SELECT n.ordinal, " FIRST_CODE(
                "n.package", "n.category",
                "n.actor") " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],"
                           "  $5::int8[], $6::int4[])"
                           " WITH ORDINALITY AS n (package, category, actor, value, line, cred, "
                           "ordinal)"
                           " WHERE NOT " KNOWN("n.package", "n.category", "n.actor", "n.value",
                                               "n.line", "n.cred <> 0") " ORDER BY n.ordinal"};

const struct db_statement sql_insert_sightings = {
        "differ_insert_sightings",
        "INSERT INTO run_sightings"
        " (run_id, number, categories, actors, items, counts, event_ids, creds,"
        "  compatibles)"
        " VALUES ($1, $2::bigint, $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],"
        "  $8::int[], $9::text[])"};

const struct db_statement sql_insert_deviations = {
        "differ_insert_deviations",
        "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, actor,"
        " reason, process, command, tree, detected_at)"
        " SELECT n.id, n.run_id, n.category, n.value, n.event_id, n.severity, n.actor, n.reason,"
        "  n.process, n.command, n.tree, " FROM_NS(
                "$12") " FROM unnest($1::text[], $2::text[], $3::text[],"
                       "  $4::text[], $5::int8[], $6::text[], $7::text[], $8::text[], $9::text[],"
                       "  $10::text[], $11::int8[])"
                       " AS n (id, run_id, category, value, event_id, severity, actor, reason, "
                       "process, command, tree)"
                       " ON CONFLICT (id) DO NOTHING RETURNING id"};

const struct db_statement sql_raise_deviations = {
        "differ_raise_deviations",
        "UPDATE deviations d SET severity = 'crit', reason = d.reason || $2"
        " WHERE d.id = ANY ($1::text[]) AND d.severity <> 'crit'"
        " RETURNING d.id, d.category, d.value, d.actor, d.reason, d.process, d.command,"
        " d.evidence_event_id, (extract(epoch FROM d.detected_at) * 1000000)::bigint * 1000"};

const struct db_statement sql_open_tree = {
        "differ_open_tree",
        "DECLARE tree_deviations NO SCROLL CURSOR FOR SELECT d.id FROM deviations d"
        " WHERE d.run_id = $1 AND (d.tree IN ($2::bigint, 1) OR $2::bigint = 1)"
        " AND d.actor = 'package' AND d.severity <> 'crit'"
        " AND d.category IN ('net_new_destination', 'net_new_dns', 'net_new_https_host')"};
const struct db_statement sql_next_of_tree = {"differ_next_of_tree",
                                              "FETCH 1000 FROM tree_deviations"};
const struct db_statement sql_close_tree = {"differ_close_tree", "CLOSE tree_deviations"};

const struct db_statement sql_upsert_progress = {
        "differ_upsert_progress",
        "INSERT INTO run_progress (run_id, attempt, seqs, events_stored, last_event_at)"
        " SELECT n.run_id, n.attempt, n.seqs::int8multirange, n.stored, now()"
        " FROM unnest($1::text[], $2::int4[], $3::text[], $4::int8[])"
        "  AS n (run_id, attempt, seqs, stored)"
        " ON CONFLICT (run_id) DO UPDATE SET attempt = excluded.attempt, seqs = excluded.seqs,"
        "  events_stored = excluded.events_stored, last_event_at = excluded.last_event_at"};

const struct db_statement sql_lock_package = {
        "differ_lock_package",
        "SELECT pg_advisory_xact_lock(hashtextextended('fangs baseline ' || $1::text, 0))"};

const struct db_statement sql_standing = {
        "differ_standing",
        "SELECT " HAS_BASELINE(
                "$1::text") ", EXISTS (SELECT 1 FROM runs"
                            " WHERE package_name = $1 AND version = $2 AND decision = 'reject')"};

// clang-format off
/* What is reported already is put aside first, by one pass over both: a look into an index for each
 * of a million takes several times as long. */
#define UNREPORTED \
	" SELECT f.category, f.actor, f.value, f.cred, f.first_event_id," \
	" coalesce((e.data #>> '{Header,PID}')::bigint, 0), f.mark, " \
	FIRST_CODE("$2::text", "f.category", "f.actor") \
	" FROM (SELECT u.category, u.actor, u.value, min(u.first_event_id) AS first_event_id," \
	"   bool_or(u.cred) AS cred, max(u.mark) AS mark, max(u.compatible) AS compatible" \
	"  FROM (SELECT category, actor, value, first_event_id, cred, mark, compatible," \
	"     FALSE AS reported FROM run_fingerprints WHERE run_id = $1" \
	"    UNION ALL SELECT category, actor, value, NULL, FALSE, 0, NULL, TRUE" \
	"     FROM deviations WHERE run_id = $1) u" \
	"  GROUP BY u.category, u.actor, u.value HAVING NOT bool_or(u.reported) OFFSET 0) f" \
	" LEFT JOIN LATERAL (SELECT data FROM events WHERE id = f.first_event_id OFFSET 0) e ON TRUE" \
	" WHERE NOT " \
	KNOWN("$2::text", "f.category", "f.actor", "(f.value)", "$3::bigint", "f.cred") \
	" AND NOT " \
	KNOWN("$2::text", "f.category", "f.actor", "(f.compatible)", "$3::bigint", "f.cred") \
	" AND (f.cred OR NOT $4::boolean) ORDER BY f.first_event_id, f.category, f.actor, f.value"

const struct db_statement sql_some_unreported = {"differ_some_unreported",
	UNREPORTED " LIMIT 1000"};
const struct db_statement sql_open_unreported = {"differ_open_unreported",
	"DECLARE unreported NO SCROLL CURSOR FOR" UNREPORTED};
// clang-format on
const struct db_statement sql_next_unreported = {"differ_next_unreported",
                                                 "FETCH 1000 FROM unreported"};
const struct db_statement sql_close_unreported = {"differ_close_unreported", "CLOSE unreported"};

const struct db_statement sql_count_deviations = {
        "differ_count_deviations",
        "SELECT count(*), coalesce(max(CASE severity WHEN 'crit' THEN 2 WHEN 'warn' THEN 1"
        " ELSE 0 END), -1) FROM deviations WHERE run_id = $1 AND NOT suppressed"};

const struct db_statement sql_previous_dropped = {
        "differ_previous_dropped",
        "SELECT result #>> '{result,events_dropped}' FROM run_progress"
        " WHERE result ->> 'runner_id' = $1 AND (result ->> 'sent_at_ns')::bigint < $2::bigint"
        " AND result ->> 'native' = 'false'"
        /* a run that the dispatcher gave up has a result of its own making */
        " AND (result #>> '{result,duration}')::bigint > 0"
        " ORDER BY (result ->> 'sent_at_ns')::bigint DESC LIMIT 1"};

/* Waits for a person. */
#define PENDING "r.verdict = 'deviates' AND NOT r.is_baseline AND r.decision = ''"
/* Not while its verdict is held back. */
#define NOT_HELD_BACK_AS(id)                                                                       \
	" AND NOT EXISTS (SELECT 1 FROM controls c WHERE c.run_id = " id " AND c.outcome = '')"
#define NOT_HELD_BACK NOT_HELD_BACK_AS("r.id")

const struct db_statement sql_note_rules = {
        "differ_note_rules",
        "UPDATE runs SET rules_digest = fangs_rules_digest(package_name) WHERE id = $1"};

// clang-format off
const struct db_statement sql_open_deviations = {
	"differ_open_deviations",
	"DECLARE run_deviations NO SCROLL CURSOR FOR SELECT d.id, d.category, d.value,"
	" d.suppressed_by, d.suppressed_why,"
	" coalesce(f.compatible, d.value), $3::boolean AND ("
	KNOWN("$2::text", "d.category", "d.actor", "(d.value)", "$4::bigint", "coalesce(f.cred, FALSE)")
	" OR " KNOWN("$2::text", "d.category", "d.actor", "(f.compatible)", "$4::bigint",
		"coalesce(f.cred, FALSE)")
	") FROM deviations d LEFT JOIN run_fingerprints f ON f.run_id = $1"
	"  AND f.category = d.category AND f.actor = d.actor AND f.value = d.value"
	" WHERE d.run_id = $1 AND (NOT d.suppressed OR d.suppressed_by IN ('entry', 'baseline'))"};
// clang-format on

const struct db_statement sql_next_deviations = {"differ_next_deviations",
                                                 "FETCH 2000 FROM run_deviations"};
const struct db_statement sql_close_deviations = {"differ_close_deviations",
                                                  "CLOSE run_deviations"};

const struct db_statement sql_count_by_person = {
        "differ_count_by_person",
        "SELECT count(*) FROM deviations WHERE run_id = $1 AND suppressed_by = 'person'"};

const struct db_statement sql_suppress = {
        "differ_suppress", "UPDATE deviations d SET suppressed = n.by <> '', suppressed_by = n.by,"
                           " suppressed_why = n.why FROM unnest($1::text[], $2::text[], $3::text[])"
                           " AS n (id, by, why) WHERE d.id = n.id"};

const struct db_statement sql_due_reanalyses = {
        "differ_due_reanalyses",
        "SELECT q.run_id, r.package_name"
        " FROM reanalyses q LEFT JOIN runs r ON r.id = q.run_id"
        "  WHERE r.id IS NULL OR NOT EXISTS (SELECT 1 FROM controls c WHERE c.run_id = r.id"
        "   AND c.outcome = '')"
        " UNION SELECT r.id, r.package_name FROM runs r"
        "  LEFT JOIN allow_digests a ON a.package_name IS NULL"
        "  LEFT JOIN allow_digests o ON o.package_name = r.package_name"
        "  WHERE " PENDING " AND r.rules_digest IS DISTINCT FROM"
        "   coalesce(a.digest, '') || '/' || coalesce(o.digest, '')" NOT_HELD_BACK
        " ORDER BY 1 LIMIT $1::int"};

const struct db_statement sql_hold_reanalysis = {
        "differ_hold_reanalysis",
        "SELECT r.verdict, r.complete, q.run_id IS NOT NULL, coalesce(q.requested_by, ''),"
        " coalesce(q.note, '') FROM runs r LEFT JOIN reanalyses q ON q.run_id = r.id"
        " WHERE r.id = $1 AND r.phase = 'judged' AND NOT r.is_baseline AND r.decision = ''"
        " AND r.trigger <> 'control'" NOT_HELD_BACK
        " AND r.package_name <> '' AND (q.run_id IS NOT NULL OR (" PENDING
        "  AND r.rules_digest IS DISTINCT FROM fangs_rules_digest(r.package_name)))"
        " FOR NO KEY UPDATE OF r"};

const struct db_statement sql_judge_again = {
        "differ_judge_again", "UPDATE runs SET verdict = $2, judged_at = now() WHERE id = $1"};

const struct db_statement sql_record_reanalysis = {
        "differ_record_reanalysis",
        "INSERT INTO decisions (decision, run_id, package_name, decided_by, note)"
        " VALUES ('reanalyse', $1, $2, $3, $4)"};

const struct db_statement sql_end_reanalysis = {
        "differ_end_reanalysis",
        "DELETE FROM reanalyses r WHERE r.run_id = $1" NOT_HELD_BACK_AS("r.run_id")};

const struct db_statement sql_set_result = {
        "differ_set_result",
        "INSERT INTO run_progress (run_id, attempt, result) VALUES ($1, $2::int, $3::jsonb)"
        " ON CONFLICT (run_id) DO UPDATE SET result = excluded.result"};

const struct db_statement sql_end_attempt = {
        "differ_end_attempt", "UPDATE run_attempts SET ended_at = now(), outcome = 'result'"
                              " WHERE run_id = $1 AND attempt = $2::int AND outcome = ''"};

const struct db_statement sql_judge = {
        "differ_judge",
        "UPDATE runs SET phase = 'judged', judged_at = now(), lease_expires_at = NULL,"
        " state = $3, verdict = $4, complete = $5::boolean, incomplete_reason = $6,"
        " is_baseline = is_baseline AND $4 <> 'deviates'"
        " WHERE id = $1 AND attempt = $2::int"};

const struct db_statement sql_judge_late = {
        "differ_judge_late",
        "UPDATE runs SET verdict = 'deviates', is_baseline = FALSE, judged_at = now(),"
        /* the allow entries are still to be asked about it */
        " rules_digest = NULL"
        " WHERE id = $1 AND phase = 'judged' AND verdict <> 'deviates' RETURNING complete"};

const struct db_statement sql_record_result = {
        "differ_record_result",
        "UPDATE runs SET finished_at = " FROM_NS(
                "$2") ","
                      " failure_reason = CASE WHEN $3 <> '' THEN $3 ELSE failure_reason END,"
                      " events_emitted = $4::bigint, events_dropped = $5::bigint, duration_ns = "
                      "$6::bigint,"
                      " image = CASE WHEN $7 <> '' THEN $7 ELSE image END,"
                      " image_digest = CASE WHEN $8 <> '' THEN $8 ELSE image_digest END,"
                      " node_version = CASE WHEN $9 <> '' THEN $9 ELSE node_version END,"
                      " npm_version = CASE WHEN $10 <> '' THEN $10 ELSE npm_version END,"
                      " sensor_tier = CASE WHEN $11 <> '' THEN $11 ELSE sensor_tier END"
                      " WHERE id = $1"};

const struct db_statement sql_record_silence = {
        "differ_record_silence", "UPDATE runs SET finished_at = p.last_event_at FROM run_progress p"
                                 " WHERE runs.id = $1 AND p.run_id = runs.id"};

const struct db_statement sql_notify_runs = {"differ_notify_runs",
                                             "SELECT pg_notify('fangs_runs', '')"};

#define QUIET                                                                                      \
	" FROM runs r JOIN run_progress p ON p.run_id = r.id"                                      \
	" WHERE r.phase = 'running' AND r.lease_expires_at IS NULL AND p.result IS NULL"

const struct db_statement sql_quiet_runs = {
        "differ_quiet_runs",
        "SELECT r.id" QUIET " AND p.last_event_at < now() - $1::bigint * INTERVAL '1 millisecond'"
        " ORDER BY p.last_event_at LIMIT $2::int"};

const struct db_statement sql_lock_quiet_run = {
        "differ_lock_quiet_run",
        "SELECT r.attempt" QUIET " AND r.id = $1"
        " AND p.last_event_at < now() - $2::bigint * INTERVAL '1 millisecond' FOR UPDATE OF r"};

const struct db_statement sql_prune_lock = {
        "differ_prune_lock", "SELECT pg_try_advisory_xact_lock(x'66616e677304'::bigint)"};

/* Not what a deviation names as its evidence: an id of the `ids` that begin with `id`. */
#define PRUNE(table, key, ids)                                                                     \
	"WITH front AS MATERIALIZED (SELECT " key " AS id, ts_ns < $2::bigint AS old FROM " table  \
	"  WHERE " key " > $1::bigint ORDER BY " key " LIMIT $3::int),"                            \
	" gone AS (DELETE FROM " table " t USING front f WHERE t." key " = f.id AND f.old"         \
	"  AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id >= f.id"           \
	"   AND d.evidence_event_id < f.id + " ids ") RETURNING 1)"                                \
	" SELECT coalesce(max(id), $1::bigint), count(*), coalesce(bool_and(old), TRUE),"          \
	"  (SELECT count(*) FROM gone) FROM front"

const struct db_statement sql_prune_chunks = {"differ_prune_chunks",
                                              PRUNE("event_chunks", "first_id", "64")};
const struct db_statement sql_prune_rows = {"differ_prune_rows", PRUNE("event_rows", "id", "1")};
