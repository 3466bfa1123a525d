// SPDX-License-Identifier: Apache-2.0
#include "transact.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/consume.h"
#include "bus/offsets.h"
#include "log/log.h"

static void log_verdict(const struct batch_run *entry)
{
	const struct run_state *run = entry->run;
	const struct run_verdict *verdict = entry->verdict;
	LOG_INFO("run judged", LOG_STR("run_id", run->id), LOG_STR("package", run->package),
	         LOG_STR("version", run->version),
	         LOG_STR("verdict", verdict_name(verdict->judgement.verdict)),
	         LOG_INT("deviations", verdict->deviations),
	         LOG_BOOL("complete", verdict->judgement.complete),
	         LOG_STR("incomplete_reason", verdict->judgement.reason));
}

/* What was put into memory since the transaction began is not true. */
static void forget_touched(struct differ *differ)
{
	for (size_t i = 0; i < RUN_TABLE_BUCKETS; i++) {
		struct run_state *run = differ->runs.buckets[i];
		while (run) {
			struct run_state *next = run->next;
			if (run->used == differ->transactions)
				run_table_remove(&differ->runs, run);
			run = next;
		}
	}
}

static void finish_batch(struct differ *differ)
{
	struct batch *batch = &differ->batch;
	for (size_t i = 0; i < batch->run_count; i++) {
		struct batch_run *entry = &batch->runs[i];
		if (entry->verdict)
			log_verdict(entry);
		if (entry->end) { /* it will hardly be heard of again */
			run_table_remove(&differ->runs, entry->run);
			entry->run = NULL;
		}
	}
	batch_reset(batch);
	run_table_evict(&differ->runs, (size_t)differ->config->cached_runs);
}

void differ_batch_done(struct differ *differ, bool committed)
{
	if (committed) {
		int64_t spent_ns = clock_monotonic_ns() - differ->started_ns;
		differ_metrics_commit(&differ->metrics, (double)spent_ns / (double)NS_PER_S);
		finish_batch(differ);
	} else {
		differ_metrics_rollback(&differ->metrics);
		id_pool_forget(&differ->ids);
		batch_reset(&differ->batch);
		forget_touched(differ);
	}
	for (int32_t i = 0; i < differ->partition_end; i++) {
		struct partition *partition = &differ->partitions[i];
		if (committed && partition->reached)
			partition->next_offset = partition->reached;
		partition->reached = 0;
	}
}

static struct partition *partition_of(struct differ *differ, const struct bus_message *message)
{
	bool known = message->partition >= 0 && message->partition < differ->partition_end;
	return known ? &differ->partitions[message->partition] : NULL;
}

/* Of a partition that is ours. Its offset may be below the next one: then the log was replaced and
 * starts again, and the stored offset follows it down. */
static bool is_due(struct differ *differ, const struct bus_message *message)
{
	const struct partition *partition = partition_of(differ, message);
	return partition && partition->owned && !partition->lost_track;
}

static int load_runs(struct differ *differ, struct db_conn *conn,
                     const struct bus_message *messages, size_t count, struct error *err)
{
	size_t refs_count = 0;
	AUTO(free) struct run_ref *refs = xmalloc(count * sizeof(*refs));
	for (size_t i = 0; i < count; i++) {
		struct events_header header;
		struct events_reader reader;
		if (!is_due(differ, &messages[i]) ||
		    events_read_header(messages[i].value, &header, &reader, NULL) < 0)
			continue;
		bool again =
		        refs_count && run_id_equal(&refs[refs_count - 1].run_id, &header.run_id);
		if (!again)
			refs[refs_count++] = (struct run_ref){header.run_id, messages[i].partition};
	}
	return refs_count ? differ_load_runs(differ, conn, refs, refs_count, err) : 0;
}

static int apply_message(struct differ *differ, struct db_conn *conn,
                         const struct bus_message *message, struct error *err)
{
	if (!is_due(differ, message))
		return 0;
	struct admitted admitted;
	struct error bad = {0};
	int failed = 0;
	if (differ_admit(differ, message, &admitted, &bad) < 0) {
		LOG_WARN("message cannot be applied", LOG_INT("partition", message->partition),
		         LOG_INT("offset", message->offset), LOG_ERR(&bad));
		failed = dead_letter_add(conn, message, DIFFER_NAME, bad.text, err);
	} else {
		failed = differ_apply(differ, conn, message, &admitted, err);
	}
	differ->metrics.pending.messages++;
	partition_of(differ, message)->reached = message->offset + 1;
	return failed;
}

static int advance_offsets(struct differ *differ, struct db_conn *conn, struct error *err)
{
	for (int32_t i = 0; i < differ->partition_end; i++) {
		const struct partition *partition = &differ->partitions[i];
		if (!partition->reached)
			continue;
		int failed = offsets_advance(conn, DIFFER_NAME, BUS_EVENTS, i,
		                             partition->next_offset, partition->reached, err);
		if (failed)
			return failed;
	}
	return 0;
}

static int work(struct differ *differ, struct db_conn *conn, const struct bus_message *messages,
                size_t count, struct error *err)
{
	int failed = load_runs(differ, conn, messages, count, err);
	for (size_t i = 0; i < count && !failed; i++)
		failed = apply_message(differ, conn, &messages[i], err);
	if (!failed)
		failed = differ_write(differ, conn, err);
	if (!failed)
		failed = differ_finish(differ, conn, err);
	if (!failed)
		failed = advance_offsets(differ, conn, err);
	return failed;
}

int transact(struct differ *differ, const struct bus_message *messages, size_t count,
             struct error *err)
{
	differ->transactions++;
	differ->started_ns = clock_monotonic_ns();
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn)
		return -err->code;
	int failed = db_begin(conn, err);
	if (!failed)
		failed = work(differ, conn, messages, count, err);
	if (!failed)
		failed = db_commit(conn, err);
	differ_batch_done(differ, failed == 0);
	return failed;
}

int transact_dead_letter(struct differ *differ, const struct bus_message *message,
                         const char *reason, struct error *err)
{
	struct partition *partition = partition_of(differ, message);
	AUTO(db_conn) struct db_conn *conn = db_acquire(differ->db, err);
	if (!conn || !partition)
		return conn ? 0 : -err->code;
	int failed = db_begin(conn, err);
	if (!failed)
		failed = dead_letter_add(conn, message, DIFFER_NAME, reason, err);
	if (!failed)
		failed = offsets_advance(conn, DIFFER_NAME, BUS_EVENTS, message->partition,
		                         partition->next_offset, message->offset + 1, err);
	if (!failed)
		failed = db_commit(conn, err);
	if (!failed)
		partition->next_offset = message->offset + 1;
	return failed;
}
