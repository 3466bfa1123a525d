// SPDX-License-Identifier: Apache-2.0
/* Verdicts: see differ.h and judgement.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bus/outbox.h"
#include "control.h"
#include "differ.h"
#include "differ_sql.h"
#include "learn.h"
#include "model/baseline.h"
#include "model/messages.h"
#include "rules_apply.h"
#include "writer.h"
#include "json/json_writer.h"

enum { JSON_MAX_BYTES = 64 * 1024 };

static int add_unreported(struct deviation_list *list, const struct run_state *run,
                          const PGresult *rows, int row, struct error *err)
{
	uint32_t pid = (uint32_t)db_cell_int(rows, row, 5);
	struct deviation_source source = {
	        .run_id = run->id,
	        .package = run->package,
	        .version = run->version,
	        .value = view_of_string(db_cell(rows, row, 2)),
	        .cred = db_cell_bool(rows, row, 3),
	        .evidence_event_id = db_cell_int(rows, row, 4),
	        .process = batch_chain(&list->arena, run, pid),
	        .command = process_table_command(&run->context.processes, pid),
	        .tree = process_table_tree(&run->context.processes, pid),
	        .mark = mark_with_code((enum mark)db_cell_int(rows, row, 6),
	                               db_cell_bool(rows, row, 7)),
	        .detected_at_ns = clock_wall_ns(),
	};
	if (!category_parse(db_cell(rows, row, 0), &source.category) ||
	    !actor_parse(view_of_string(db_cell(rows, row, 1)), &source.actor))
		return error_set(err, EINVAL, "run %s has a fingerprint of unknown kind", run->id);
	deviation_list_add(list, &source);
	return 0;
}

static int report_rows(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                       const PGresult *rows, struct error *err)
{
	AUTO(deviation_list) struct deviation_list list;
	deviation_list_init(&list);
	for (int row = 0; row < PQntuples(rows); row++) {
		int failed = add_unreported(&list, run, rows, row, err);
		if (failed)
			return failed;
	}
	return writer_deviations(differ, conn, &list, err);
}

/* One part of them. Returns how many there were. */
static int report_part(struct differ *differ, struct db_conn *conn, struct run_state *run,
                       const PGresult *rows, bool knows_processes, struct error *err)
{
	int count = PQntuples(rows);
	if (count > 0 && !knows_processes && run_state_load_processes(run, conn, err) < 0)
		return -err->code;
	return report_rows(differ, conn, run, rows, err) < 0 ? -err->code : count;
}

static int64_t report_many(struct differ *differ, struct db_conn *conn, struct run_state *run,
                           const struct db_param *params, struct error *err)
{
	int64_t total = 0;
	int count;
	if (db_send(conn, &sql_open_unreported, params, 4, err) < 0)
		return -err->code;
	do {
		AUTO(pgresult) PGresult *rows = db_query(conn, &sql_next_unreported, NULL, 0, err);
		count = rows ? report_part(differ, conn, run, rows, true, err) : -err->code;
		if (count < 0)
			return count;
		total += count;
	} while (count > 0);
	return db_send(conn, &sql_close_unreported, NULL, 0, err) < 0 ? -err->code : total;
}

int64_t differ_report_the_rest(struct differ *differ, struct db_conn *conn, struct run_state *run,
                               bool knows_processes, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id), DB_TEXT(run->package),
	                                  DB_INT(run->line), DB_BOOL(run->purpose == PURPOSE_SEED)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_some_unreported, params, 4, err);
	int count = rows ? report_part(differ, conn, run, rows, knows_processes, err) : -err->code;
	if (count < DEVIATIONS_AT_ONCE)
		return count;
	int64_t more = report_many(differ, conn, run, params, err);
	return more < 0 ? more : count + more;
}

int differ_ask_standing(struct db_conn *conn, const struct run_state *run, struct judge_facts *ret,
                        struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->package), DB_TEXT(run->version)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_standing, params, 2, err);
	if (!rows)
		return -err->code;
	ret->has_baseline = db_cell_bool(rows, 0, 0);
	ret->rejected = db_cell_bool(rows, 0, 1);
	return 0;
}

int differ_count_deviations(struct db_conn *conn, const char *run_id, struct outcome *ret,
                            struct error *err)
{
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_count_deviations, (struct db_param[]){DB_TEXT(run_id)}, 1, err);
	if (!rows)
		return -err->code;
	int64_t highest = db_cell_int(rows, 0, 1);
	ret->deviations = db_cell_int(rows, 0, 0);
	ret->max_severity = highest < 0 ? "" : severity_name((enum severity)highest);
	return 0;
}

/* What the same existing runner's result before said; -1 when there was none, or nobody needs it.
 */
static int previous_dropped(struct db_conn *conn, const struct run_end *end, int64_t *ret,
                            struct error *err)
{
	*ret = -1;
	if (end->result.native || end->result.events_dropped == 0)
		return 0;
	const struct db_param params[] = {DB_TEXT(end->runner_id), DB_INT(end->sent_at_ns)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_previous_dropped, params, 2, err);
	if (!rows)
		return -err->code;
	if (PQntuples(rows) > 0)
		*ret = db_cell_int(rows, 0, 0);
	return 0;
}

static int gather_facts(struct differ *differ, struct db_conn *conn, const struct batch_run *entry,
                        struct judge_facts *ret, struct outcome *ret_outcome, struct error *err)
{
	struct run_state *run = entry->run;
	const struct run_end *end = entry->end;
	int64_t previous = -1;
	int failed = 0;
	*ret = (struct judge_facts){
	        .purpose = run->purpose,
	        .has_package = run->package[0] != '\0',
	        .result = end ? &end->result : NULL,
	        .last_seq = end ? end->last_seq : 0,
	        .seqs = &run->seqs,
	        .events_stored = run->events_stored,
	        .first_attempt = run->attempt == 1,
	};
	if (ret->has_package)
		failed = differ_ask_standing(conn, run, ret, err);
	if (!failed && ret->has_baseline && run->purpose != PURPOSE_CONTROL &&
	    differ_report_the_rest(differ, conn, run, true, err) < 0)
		return -err->code;
	if (!failed)
		failed = rules_count(differ, conn, run, false, ret_outcome, &ret->deviation_count,
		                     &(struct rule_changes){0}, err);
	if (!failed && end)
		failed = previous_dropped(conn, end, &previous, err);
	ret->lost = end ? judge_lost(&end->result, previous) : 0;
	return failed;
}

/* Everything about the end, kept in run_progress: the next result of an existing runner is compared
 * with it. */
static int keep_result(struct db_conn *conn, const struct run_state *run, const struct run_end *end,
                       struct error *err)
{
	AUTO(buf) struct buf json, wire;
	buf_init(&json, JSON_MAX_BYTES);
	buf_init(&wire, JSON_MAX_BYTES);
	run_result_write_json(&wire, &run->run_id, &end->result);
	struct json_writer w = json_writer_on(&json);
	json_object(&w);
	json_member_string(&w, "runner_id", end->runner_id);
	json_member_uint(&w, "attempt", end->attempt);
	json_member_int(&w, "sent_at_ns", end->sent_at_ns);
	json_member_bool(&w, "native", end->result.native);
	json_member_raw(&w, "result", buf_view(&wire));
	json_end_object(&w);
	const struct db_param params[] = {DB_TEXT(run->id), DB_INT(end->attempt),
	                                  DB_TEXT(json.data)};
	return db_send(conn, &sql_set_result, params, 3, err);
}

/* Columns of `runs` that come from the result. Its views are NUL-terminated (keep_end()). */
static int record_end(struct db_conn *conn, const struct run_state *run, const struct run_end *end,
                      uint64_t lost, struct error *err)
{
	if (!end)
		return db_send(conn, &sql_record_silence, (struct db_param[]){DB_TEXT(run->id)}, 1,
		               err);
	const struct run_result *result = &end->result;
	const struct db_param params[] = {
	        DB_TEXT(run->id),
	        DB_INT(end->sent_at_ns),
	        DB_TEXT(result->reason.data),
	        DB_INT(result->events_emitted),
	        DB_INT((int64_t)lost),
	        DB_INT(result->duration_ns),
	        DB_TEXT(result->image.data),
	        DB_TEXT(result->image_digest.data),
	        DB_TEXT(result->node_version.data),
	        DB_TEXT(result->npm_version.data),
	        DB_TEXT(result->sensor_tier.data),
	};
	const struct db_param attempt[] = {DB_TEXT(run->id), DB_INT(end->attempt)};
	if (db_send(conn, &sql_record_result, params, 11, err) < 0 ||
	    db_send(conn, &sql_end_attempt, attempt, 2, err) < 0)
		return -err->code;
	return keep_result(conn, run, end, err);
}

int differ_send_verdict(struct db_conn *conn, const struct verdict_message *verdict,
                        struct error *err)
{
	AUTO(buf) struct buf text;
	buf_init(&text, JSON_MAX_BYTES);
	verdict_message_write(&text, verdict);
	const struct bus_record record = {.topic = BUS_DEVIATIONS,
	                                  .partition = BUS_PARTITION_BY_KEY,
	                                  .key = view_of_string(verdict->package),
	                                  .value = buf_view(&text)};
	return outbox_add(conn, &record, err);
}

static int send_verdict(struct db_conn *conn, const struct run_state *run,
                        const struct judgement *judgement, const struct outcome *outcome,
                        struct error *err)
{
	return differ_send_verdict(conn,
	                           &(struct verdict_message){
	                                   .run_id = run->id,
	                                   .package = run->package,
	                                   .version = run->version,
	                                   .verdict = verdict_name(judgement->verdict),
	                                   .max_severity = outcome->max_severity,
	                                   .deviation_count = outcome->deviations,
	                                   .complete = judgement->complete,
	                                   .judged_at_ns = clock_wall_ns(),
	                           },
	                           err);
}

/* The message about the verdict, unless it waits for a control. */
static int tell(const struct differ *differ, struct db_conn *conn, const struct run_state *run,
                const struct judgement *judgement, const struct outcome *outcome, struct error *err)
{
	int waits = judgement->verdict == VERDICT_DEVIATES
	                    ? control_ask(differ, conn, run, outcome, err)
	                    : 0;
	return waits ? (waits < 0 ? waits : 0) : send_verdict(conn, run, judgement, outcome, err);
}

/* Keeps the verdict for the log and the metrics, which follow the commit. */
static void note_verdict(struct differ *differ, struct batch_run *entry,
                         const struct judgement *judgement, const struct outcome *outcome)
{
	struct run_verdict *verdict = arena_alloc(&differ->batch.arena, 1, sizeof(*verdict));
	*verdict = (struct run_verdict){*judgement, outcome->deviations};
	entry->verdict = verdict;
	differ->metrics.pending.verdicts[judgement->verdict]++;
}

/* What a verdict changes for the package. */
static int follow_up(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                     const struct judgement *judgement, struct error *err)
{
	bool is_control = run->purpose == PURPOSE_CONTROL;
	bool teaches = judgement->complete && (is_control || judgement->promotes);
	if (teaches && learn(conn, run, err) < 0)
		return -err->code;
	if (is_control)
		return control_end(differ, conn, run, judgement->complete, err);
	if (!judgement->promotes)
		return 0;
	if (baseline_learn(conn, run->id, differ->config->seed_runs, err) < 0)
		return -err->code;
	differ->metrics.pending.promoted++;
	return 0;
}

/* The row that says it all; 0 rows when the run went on to another attempt meanwhile. */
static int64_t write_judgement(struct db_conn *conn, const struct run_state *run,
                               const struct judgement *judgement, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(run->id),
	        DB_INT(run->attempt),
	        DB_TEXT(judgement->state),
	        DB_TEXT(verdict_name(judgement->verdict)),
	        DB_BOOL(judgement->complete),
	        DB_TEXT(judgement->reason),
	};
	return db_exec(conn, &sql_judge, params, 6, err);
}

static int judge_run(struct differ *differ, struct db_conn *conn, struct batch_run *entry,
                     struct error *err)
{
	const struct run_state *run = entry->run;
	struct judge_facts facts;
	struct outcome outcome = {0};
	struct judgement judgement;
	if (gather_facts(differ, conn, entry, &facts, &outcome, err) < 0)
		return -err->code;
	judge(&facts, &judgement);
	int64_t rows = write_judgement(conn, run, &judgement, err);
	if (rows <= 0)
		return (int)rows;
	int failed = record_end(conn, run, entry->end, facts.lost, err);
	if (!failed)
		failed = follow_up(differ, conn, run, &judgement, err);
	if (!failed)
		failed = tell(differ, conn, run, &judgement, &outcome, err);
	if (failed)
		return failed;
	differ->metrics.pending.lost_events += facts.lost;
	note_verdict(differ, entry, &judgement, &outcome);
	return db_send(conn, &sql_notify_runs, NULL, 0, err);
}

/* A run that deviates after its verdict: held now, whatever it was before. */
static int judge_late(struct differ *differ, struct db_conn *conn, struct batch_run *entry,
                      struct error *err)
{
	const struct run_state *run = entry->run;
	AUTO(pgresult)
	PGresult *rows =
	        db_query(conn, &sql_judge_late, (struct db_param[]){DB_TEXT(run->id)}, 1, err);
	if (!rows)
		return -err->code;
	if (PQntuples(rows) == 0)
		return 0;
	struct outcome outcome = {0};
	struct judgement judgement = {.verdict = VERDICT_DEVIATES,
	                              .complete = db_cell_bool(rows, 0, 0)};
	if (differ_count_deviations(conn, run->id, &outcome, err) < 0 ||
	    send_verdict(conn, run, &judgement, &outcome, err) < 0)
		return -err->code;
	note_verdict(differ, entry, &judgement, &outcome);
	return 0;
}

static bool ends(const struct batch_run *entry)
{
	return entry->end || (entry->run->judged && entry->deviations > 0);
}

static int finish_run(struct differ *differ, struct db_conn *conn, struct batch_run *entry,
                      struct error *err)
{
	const struct db_param package[] = {DB_TEXT(entry->run->package)};
	AUTO(pgresult) PGresult *locked = db_query(conn, &sql_lock_package, package, 1, err);
	if (!locked)
		return -err->code;
	return entry->end || !entry->run->judged ? judge_run(differ, conn, entry, err)
	                                         : judge_late(differ, conn, entry, err);
}

static int compare_packages(const void *a, const void *b, void *ctx)
{
	const struct batch *batch = ctx;
	return strcmp(batch->runs[*(const size_t *)a].run->package,
	              batch->runs[*(const size_t *)b].run->package);
}

int differ_finish(struct differ *differ, struct db_conn *conn, struct error *err)
{
	struct batch *batch = &differ->batch;
	size_t count = 0;
	size_t *ending = arena_alloc(&batch->arena, batch->run_count + 1, sizeof(*ending));
	for (size_t i = 0; i < batch->run_count; i++) {
		if (ends(&batch->runs[i]))
			ending[count++] = i;
	}
	/* Packages are locked in one order everywhere, so that two differs never wait for each
	 * other. */
	qsort_r(ending, count, sizeof(*ending), compare_packages, batch);
	for (size_t i = 0; i < count; i++) {
		int failed = finish_run(differ, conn, &batch->runs[ending[i]], err);
		if (failed)
			return failed;
	}
	return 0;
}

int differ_finish_quiet(struct differ *differ, struct db_conn *conn, struct run_state *run,
                        struct error *err)
{
	return finish_run(differ, conn, batch_run_of(&differ->batch, run), err);
}
