// SPDX-License-Identifier: Apache-2.0
/*
 * Runs that were judged and are analysed again: because somebody asks for it (table `reanalyses`),
 * or because the allow entries are others than those by which a run that waits for a person was
 * judged, whoever changed them.
 *
 * A run's fingerprints as they are stored are compared with the baseline and the rules of this
 * moment. Any differ does it, one transaction for each run, under the lock that judging takes; what
 * goes out is a verdict when it is another one than before.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ.h"
#include "differ_sql.h"
#include "learn.h"
#include "log/log.h"
#include "model/baseline.h"
#include "rules_apply.h"

enum { RUNS_PER_SWEEP = 200, SWEEP_MAX_MS = 250 };

enum { HELD_VERDICT, HELD_COMPLETE, HELD_ASKED, HELD_BY, HELD_NOTE };

/* One run, within its transaction. */
struct reanalysis {
	struct run_state *run; /* no more than its names, unless something new was found */
	bool done;             /* false: it is not due, or somebody else did it */
	const char *before;    /* verdict; of `held` */
	struct judgement judgement;
	struct outcome outcome;
	struct rule_changes changes;
	int64_t fresh; /* deviations that are new */
};

static int look_again(struct differ *differ, struct db_conn *conn, struct reanalysis *again,
                      bool complete, struct error *err)
{
	const struct run_state *run = again->run;
	struct judge_facts facts = {.purpose = run->purpose, .has_package = true};
	int failed = differ_ask_standing(conn, run, &facts, err);
	facts.has_baseline = run->has_baseline;
	if (!failed && run->has_baseline) /* seldom anything: its processes are not read before */
		again->fresh = differ_report_the_rest(differ, conn, again->run, false, err);
	if (again->fresh < 0)
		return (int)again->fresh;
	if (!failed)
		failed = rules_count(differ, conn, run, true, &again->outcome,
		                     &facts.deviation_count, &again->changes, err);
	judge_again(&facts, complete, &again->judgement);
	return failed;
}

static int change_verdict(struct differ *differ, struct db_conn *conn,
                          const struct reanalysis *again, struct error *err)
{
	const char *verdict = verdict_name(again->judgement.verdict);
	const struct run_state *run = again->run;
	const struct db_param params[] = {DB_TEXT(run->id), DB_TEXT(verdict)};
	if (strcmp(verdict, again->before) == 0)
		return 0;
	if (db_exec(conn, &sql_judge_again, params, 2, err) < 0)
		return -err->code;
	differ->metrics.pending.verdicts[again->judgement.verdict]++;
	return differ_send_verdict(conn,
	                           &(struct verdict_message){
	                                   .run_id = run->id,
	                                   .package = run->package,
	                                   .version = run->version,
	                                   .verdict = verdict,
	                                   .max_severity = again->outcome.max_severity,
	                                   .deviation_count = again->outcome.deviations,
	                                   .complete = again->judgement.complete,
	                                   .judged_at_ns = clock_wall_ns(),
	                           },
	                           err);
}

static int promote_if_clean(struct differ *differ, struct db_conn *conn,
                            const struct reanalysis *again, struct error *err)
{
	if (!again->judgement.promotes)
		return 0;
	if (learn(conn, again->run, err) < 0 ||
	    baseline_learn(conn, again->run->id, differ->config->seed_runs, err) < 0)
		return -err->code;
	differ->metrics.pending.promoted++;
	return 0;
}

/* Always when somebody asked; by itself only what made a difference. */
static int record(struct db_conn *conn, const struct reanalysis *again, const PGresult *held,
                  struct error *err)
{
	const struct rule_changes *changes = &again->changes;
	const char *verdict = verdict_name(again->judgement.verdict);
	const char *note = db_cell(held, 0, HELD_NOTE);
	bool changed = changes->allowed || changes->known || changes->back || again->fresh ||
	               strcmp(verdict, again->before) != 0;
	if (!changed && !db_cell_bool(held, 0, HELD_ASKED))
		return 0;
	AUTO(free)
	char *text = xasprintf("%s%sallowed %" PRId64 ", known %" PRId64 ", counted again %" PRId64
	                       ", new %" PRId64 "; verdict %s, was %s",
	                       note, *note ? ": " : "", changes->allowed, changes->known,
	                       changes->back, again->fresh, verdict, again->before);
	const struct db_param params[] = {
	        DB_TEXT(again->run->id),
	        DB_TEXT(again->run->package),
	        DB_TEXT(db_cell_bool(held, 0, HELD_ASKED) ? db_cell(held, 0, HELD_BY)
	                                                  : DIFFER_NAME),
	        DB_TEXT(text),
	};
	return db_exec(conn, &sql_record_reanalysis, params, 4, err) < 0 ? -err->code : 0;
}

static int analyse_held(struct differ *differ, struct db_conn *conn, struct reanalysis *again,
                        const PGresult *held, struct error *err)
{
	again->before = arena_strdup(&differ->batch.arena, db_cell(held, 0, HELD_VERDICT));
	int failed = look_again(differ, conn, again, db_cell_bool(held, 0, HELD_COMPLETE), err);
	if (!failed)
		failed = promote_if_clean(differ, conn, again, err);
	if (!failed)
		failed = change_verdict(differ, conn, again, err);
	if (!failed)
		failed = record(conn, again, held, err);
	again->done = failed == 0;
	return failed;
}

/* The run's names and what is compared with it, as they are now. It is not one of the differ's
 * table: its partition may be another differ's. */
static int load_run(struct db_conn *conn, struct run_state *run, struct error *err)
{
	AUTO(db_array) struct db_array ids;
	db_array_init(&ids, DB_ARRAY_TEXT);
	db_array_add(&ids, view_of_string(run->id));
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_runs, (struct db_param[]){db_array_param(&ids)}, 1, err);
	if (!rows)
		return -err->code;
	if (PQntuples(rows) > 0)
		run_state_load_names(run, rows, 0);
	return 0;
}

static int analyse(struct differ *differ, struct db_conn *conn, struct reanalysis *again,
                   const char *package, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(again->run->id)};
	const struct db_param locked_by[] = {DB_TEXT(package)};
	AUTO(pgresult) PGresult *locked = db_query(conn, &sql_lock_package, locked_by, 1, err);
	if (!locked)
		return -err->code;
	AUTO(pgresult) PGresult *held = db_query(conn, &sql_hold_reanalysis, params, 1, err);
	if (!held)
		return -err->code;
	int failed = 0;
	if (PQntuples(held) > 0)
		failed = load_run(conn, again->run, err);
	if (PQntuples(held) > 0 && !failed)
		failed = analyse_held(differ, conn, again, held, err);
	if (failed)
		return failed;
	return db_exec(conn, &sql_end_reanalysis, params, 1, err) < 0 ? -err->code : 0;
}

static void log_reanalysis(const struct reanalysis *again)
{
	if (again->done)
		LOG_INFO("run analysed again", LOG_STR("run_id", again->run->id),
		         LOG_STR("package", again->run->package),
		         LOG_STR("version", again->run->version), LOG_STR("was", again->before),
		         LOG_STR("verdict", verdict_name(again->judgement.verdict)),
		         LOG_INT("deviations", again->outcome.deviations),
		         LOG_INT("allowed", again->changes.allowed), LOG_INT("new", again->fresh));
}

static int analyse_run(struct differ *differ, struct db_conn *conn, const struct run_id *run_id,
                       const char *package, struct error *err)
{
	struct reanalysis again = {.run = run_state_create(run_id)};
	differ->transactions++;
	differ->started_ns = clock_monotonic_ns();
	int failed = db_begin(conn, err);
	if (!failed)
		failed = analyse(differ, conn, &again, package, err);
	if (!failed)
		failed = db_commit(conn, err);
	else
		db_rollback(conn);
	if (!failed)
		log_reanalysis(&again);
	differ_batch_done(differ, failed == 0);
	run_state_destroy(again.run);
	return failed;
}

static int analyse_row(struct differ *differ, struct db_conn *conn, const PGresult *rows, int row,
                       struct error *err)
{
	struct run_id run_id;
	const struct db_param params[] = {DB_TEXT(db_cell(rows, row, 0))};
	bool known = run_id_parse(view_of_string(db_cell(rows, row, 0)), &run_id);
	if (!known || db_cell_null(rows, row, 1)) /* not ours, or gone */
		return db_exec(conn, &sql_end_reanalysis, params, 1, err) < 0 ? -err->code : 0;
	return analyse_run(differ, conn, &run_id, db_cell(rows, row, 1), err);
}

int differ_reanalyse(struct differ *differ, struct error *err)
{
	int64_t begun_ms = clock_monotonic_ms();
	const struct db_param params[] = {DB_INT(RUNS_PER_SWEEP)};
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_due_reanalyses, params, 1, err);
	if (!rows)
		return -err->code;
	/* Events wait meanwhile: the rest has its turn after them. */
	for (int row = 0; row < PQntuples(rows); row++) {
		int failed = analyse_row(differ, conn, rows, row, err);
		if (failed)
			return failed;
		if (clock_monotonic_ms() - begun_ms > SWEEP_MAX_MS)
			break;
	}
	return PQntuples(rows);
}
