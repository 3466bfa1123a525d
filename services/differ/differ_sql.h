// SPDX-License-Identifier: Apache-2.0
/* Every statement of the differ. Parameters and columns are listed at each. */
#ifndef FANGS_DIFFER_DIFFER_SQL_H
#define FANGS_DIFFER_DIFFER_SQL_H

#include "db/db.h"

/* Reading what a run is and how far it was applied. */

/* $1 run ids. Columns: enum run_column. */
extern const struct db_statement sql_runs;
enum run_column {
	RUN_ID,
	RUN_PACKAGE,
	RUN_VERSION,
	RUN_ATTEMPT,
	RUN_JUDGED,       /* phase is 'judged' */
	RUN_FINAL,        /* judged, with the runner's result */
	RUN_HAS_BASELINE, /* its package has one */
	RUN_HAS_PROGRESS,
	RUN_PROGRESS_ATTEMPT,
	RUN_SEQS,
	RUN_EVENTS_STORED,
	RUN_TRIGGER,
	RUN_LOWEST_LINE, /* of the package's baseline */
};

/* $1 run id, $2 `number` of the last row of the page before. Columns: category, actor, value,
 * number.
 */
extern const struct db_statement sql_run_sightings_page;

/* $1 run id. Column: lines of run_context_save(), in their order. */
extern const struct db_statement sql_run_facts;
/* $1 run ids, $2 lines. */
extern const struct db_statement sql_insert_facts;

/* Columns: id, package or NULL, kind, value. */
extern const struct db_statement sql_allow_entries;

/* $1 how many. Column: the first id of each of so many chunks, ascending. */
extern const struct db_statement sql_event_ids;

/* Writing one transaction's rows. */

/* Chunks: $1 first ids, $2 runs (index into $6, from 1), $3 ts_ns, $4 types, $5 data, $6 run ids.
 */
extern const struct db_statement sql_insert_events;

/* $1 packages, $2 categories, $3 actors, $4 values, $5 lines of the versions, $6 cred (0, 1).
 * Column: ordinal (from 1) of each which no
 * baseline knows, ascending. */
extern const struct db_statement sql_unknown_fingerprints;

/* $1 run id, $2 number, $3 categories, $4 actors, $5 values, $6 counts, $7 first event ids, $8 cred
 * (bit 0) and mark (above), $9 what the existing CLI calls them, '' when it is the same. */
extern const struct db_statement sql_insert_sightings;

/* $1 ids, $2 run ids, $3 categories, $4 values, $5 event ids, $6 severities, $7 actors, $8 reasons,
 * $9 processes, $10 command lines, $11 trees, $12 detected at, Unix ns. Column: id of each that was
 * really inserted. */
extern const struct db_statement sql_insert_deviations;

/* Deviations become crit; those that were so before are left alone. $1 ids, $2 what is added to the
 * reason. Columns: enum raised_column. */
extern const struct db_statement sql_raise_deviations;
/* $1 run id, $2 tree: ids of what the tree has to do with the network and is not crit yet. They may
 * be a million: opened, read in parts, closed. */
extern const struct db_statement sql_open_tree, sql_next_of_tree, sql_close_tree;
enum raised_column {
	RAISED_ID,
	RAISED_CATEGORY,
	RAISED_VALUE,
	RAISED_ACTOR,
	RAISED_REASON,
	RAISED_PROCESS,
	RAISED_COMMAND,
	RAISED_EVENT_ID,
	RAISED_DETECTED_NS,
};

/* $1 run ids, $2 attempts, $3 batch numbers as multirange text, $4 events stored. */
extern const struct db_statement sql_upsert_progress;

/* Judging one run. */

/* $1 package: nobody else judges or promotes a run of it until the end of the transaction. */
extern const struct db_statement sql_lock_package;
/* $1 package. Column: it has a baseline. */
extern const struct db_statement sql_standing;

/* $1 run id, $2 package, $3 line of the version, $4 only those about credentials: fingerprints
 * which no baseline knows and no deviation reports. Columns: category, actor, value, cred, first
 * event id, pid of that event, mark, it is the first code. Some of them, DEVIATIONS_AT_ONCE at
 * most; as they may be a million, all of them: opened, read in parts, closed. That way needs a plan
 * each time. */
extern const struct db_statement sql_some_unreported;
extern const struct db_statement sql_open_unreported, sql_next_unreported, sql_close_unreported;

/* $1 run id. Columns: number of deviations, highest severity (0 to 2, -1 none). */
extern const struct db_statement sql_count_deviations;

/* $1 runner id, $2 Unix ns: what the existing runner's last result before that moment said about
 * events dropped since its start. */
extern const struct db_statement sql_previous_dropped;

/* $1 run id, $2 attempt, $3 result JSON. */
extern const struct db_statement sql_set_result;
/* $1 run id, $2 attempt. */
extern const struct db_statement sql_end_attempt;

/* $1 run id, $2 attempt, $3 state, $4 verdict, $5 complete, $6 incomplete reason. */
extern const struct db_statement sql_judge;
/* $1 run id: a judged run that showed something new since. No rows when it deviated already.
 * Column: complete. */
extern const struct db_statement sql_judge_late;
/* $1 run id, $2 finished at Unix ns, $3 failure reason, $4 emitted, $5 dropped, $6 duration, $7
 * image, $8 image digest, $9 node version, $10 npm version, $11 sensor tier. */
extern const struct db_statement sql_record_result;
/* $1 run id: finished when its last batch came. */
extern const struct db_statement sql_record_silence;
/* Frees a slot: wakes the dispatcher. */
extern const struct db_statement sql_notify_runs;

/* $1 milliseconds, $2 limit: runs without a lease whose last batch is that old. Column: run id. */
extern const struct db_statement sql_quiet_runs;
/* $1 run id, $2 milliseconds: the same for one run, which is locked. Column: attempt. */
extern const struct db_statement sql_lock_quiet_run;

/* Applying rules to what was found. */

/* $1 run id: keeps by which allow entries it is judged. Comes before they are read. */
extern const struct db_statement sql_note_rules;
/* $1 run id, $2 package, $3 ask the baseline, $4 line of the version: deviations that count, or
 * that a rule suppressed. Columns: id, category, value, suppressed by, why, what the existing CLI
 * calls the value, a baseline knows it. They may be a million: opened, read in parts, closed. */
extern const struct db_statement sql_open_deviations, sql_next_deviations, sql_close_deviations;
/* $1 run id: deviations that a person suppressed. */
extern const struct db_statement sql_count_by_person;
/* $1 ids, $2 suppressed by ('' counts), $3 why. */
extern const struct db_statement sql_suppress;

/* Analysing runs again. */

/* $1 limit: runs that somebody asks for, and those that wait for a person and were judged by other
 * allow entries. Columns: id, package (NULL: it is gone). */
extern const struct db_statement sql_due_reanalyses;
/* $1 run id: locked, if it is due; nothing otherwise, and when somebody decided about it. Columns:
 * verdict, complete, somebody asks for it, who, note. */
extern const struct db_statement sql_hold_reanalysis;
/* $1 run id, $2 verdict. */
extern const struct db_statement sql_judge_again;
/* $1 run id, $2 package, $3 by, $4 note. */
extern const struct db_statement sql_record_reanalysis;
/* $1 run id. */
extern const struct db_statement sql_end_reanalysis;

/* Removing old events. */

/* Until the end of the transaction. Column: got it. */
extern const struct db_statement sql_prune_lock;
/* $1 id above which to look, $2 Unix ns, $3 how many to look at. Columns: the last id looked at ($1
 * when there is none), how many, whether all are older, how many were removed. */
extern const struct db_statement sql_prune_chunks;
extern const struct db_statement sql_prune_rows;

#endif
