// SPDX-License-Identifier: Apache-2.0
/* One message of the topic into the batch: see differ.h. */
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "differ.h"
#include "interfaces.h"
#include "text.h"
#include "writer.h"

enum { CLEAN_MAX_BYTES = 4 * EVENT_TEXT_MAX };

static int check_attempt(const struct run_state *run, uint32_t attempt, struct error *err)
{
	if (attempt > 0 && attempt <= run->attempt)
		return 0;
	return error_set(err, EINVAL,
	                 "attempt %" PRIu32 " of run %s does not exist, the last one is %" PRIu32,
	                 attempt, run->id, run->attempt);
}

/* Overtaken by a later attempt: what it still sends is fenced off. */
static bool is_stale(const struct admitted *admitted)
{
	return admitted->header.attempt < admitted->run->attempt;
}

/* Batch numbers start again with each attempt; the rows of an earlier one stay. */
static void begin_attempt(struct run_state *run, uint32_t attempt)
{
	if (run->progress_attempt == attempt)
		return;
	if (run->progress_attempt)
		run_context_begin_attempt(&run->context);
	run->progress_attempt = attempt;
	seq_set_clear(&run->seqs);
}

/* Reads the batch to its end, so that a bad one leaves nothing behind. */
static int count_events(struct events_reader reader, uint64_t *ret_count, struct error *err)
{
	struct event event;
	int more;
	*ret_count = 0;
	while ((more = events_next(&reader, &event, err)) > 0)
		(*ret_count)++;
	return more;
}

/* The wall clock where the batch was sent, as long as it is not ahead of ours. */
static int64_t stamp_of(const struct events_header *header, const struct bus_message *message)
{
	int64_t now_ns = clock_wall_ns();
	int64_t sent_ns =
	        header->sent_at_ns > 0 ? header->sent_at_ns : message->timestamp_ms * NS_PER_MS;
	return sent_ns > 0 && sent_ns < now_ns ? sent_ns : now_ns;
}

/* What an event is part of: an event that was seen just now, or one that waited. */
struct occasion {
	struct event_context context;
	uint32_t pid;
	int64_t event_id, count;
};

static bool is_network(enum category category)
{
	return category == CATEGORY_DESTINATION || category == CATEGORY_DNS ||
	       category == CATEGORY_HTTPS_HOST;
}

/* The package manager did the same, earlier in this run. */
static bool manager_did(const struct differ *differ, const struct run_state *run,
                        const struct fingerprint *fingerprint)
{
	return key_set_has(&run->seen, run_fingerprint_hash(&differ->key, fingerprint->category,
	                                                    ACTOR_MANAGER, fingerprint->value));
}

/* What a fingerprint of package code is in view of what the run did before it. */
static enum mark mark_in_context(const struct differ *differ, const struct run_state *run,
                                 const struct fingerprint *fingerprint,
                                 const struct event_context *context)
{
	const struct process_table *processes = &run->context.processes;
	if (is_network(fingerprint->category)) {
		if (!context->resolver && manager_did(differ, run, fingerprint))
			return MARK_REGISTRY;
		if (process_table_has_done(processes, context->tree, TREE_READ_CREDENTIAL))
			return MARK_AFTER_CREDENTIAL;
	}
	if (fingerprint->category == CATEGORY_EXEC &&
	    process_table_has_done(processes, context->tree, TREE_CONNECTED))
		return MARK_AFTER_CONNECT;
	return MARK_NONE;
}

/* Package code wrote that file, which is worse now. */
static bool was_written(struct differ *differ, const struct batch_run *entry, struct view path,
                        struct view root)
{
	struct fingerprint written = {
	        .category = CATEGORY_PATH_WRITE,
	        .actor = ACTOR_PACKAGE,
	        .value = fingerprint_written_path(&differ->fingerprinter, path, root),
	        .mark = MARK_EXECUTED,
	};
	struct hash128 hash =
	        run_fingerprint_hash(&differ->key, written.category, written.actor, written.value);
	if (written.value.size < 2 || !key_set_has(&entry->run->seen, hash))
		return false;
	if (entry->run->has_baseline)
		batch_raise_seen(&differ->batch, entry, &written);
	return true;
}

/* A program, or the script of an interpreter, that package code made itself. */
static enum mark mark_of_exec(struct differ *differ, const struct batch_run *entry,
                              const struct event *event, const struct event_context *context)
{
	enum { ARGUMENTS = 4 };
	const struct event_exec *exec = &event->exec;
	if (context->actor != ACTOR_PACKAGE || event->type != EVENT_EXEC)
		return MARK_NONE;
	if (view_starts_with(exec->path, VIEW_LITERAL("/memfd:")))
		return MARK_MEMORY;
	if (was_written(differ, entry, exec->path, context->root))
		return MARK_DROPPED;
	for (size_t i = 1; i < exec->argc && i < ARGUMENTS; i++)
		if (exec->argv[i].size && exec->argv[i].data[0] == '/' &&
		    was_written(differ, entry, exec->argv[i], context->root))
			return MARK_DROPPED;
	return MARK_NONE;
}

static bool is_loopback(const struct event_connect *connect)
{
	struct ip ip;
	struct cidr v4, v6;
	return ip_of_event(connect->family, connect->address, &ip) &&
	       cidr_parse(VIEW_LITERAL("127.0.0.0/8"), &v4) &&
	       cidr_parse(VIEW_LITERAL("::1/128"), &v6) &&
	       (cidr_contains(&v4, &ip) || cidr_contains(&v6, &ip));
}

static bool leads_away(const struct event_connect *connect)
{
	return connect->interface.size ? interface_is_network(connect->interface)
	                               : connect->family && !is_loopback(connect);
}

/* What its tree has done with this event. A credential makes earlier connections worse. */
static void note_deeds(struct differ *differ, struct batch_run *entry, const struct event *event,
                       const struct event_context *context, enum mark mark)
{
	struct process_table *processes = &entry->run->context.processes;
	if (context->actor != ACTOR_PACKAGE)
		return;
	if (event->type == EVENT_CONNECT && !context->resolver && leads_away(&event->connect))
		(void)process_table_did(processes, context->tree, TREE_CONNECTED);
	if (mark == MARK_CREDENTIAL &&
	    process_table_did(processes, context->tree, TREE_READ_CREDENTIAL))
		batch_raise(&differ->batch,
		            &(struct raise){.run = (uint32_t)entry->run->batch_index,
		                            .tree = context->tree,
		                            .mark = MARK_AFTER_CREDENTIAL});
}

static void see(struct differ *differ, struct batch_run *entry,
                const struct fingerprint *fingerprint, const struct occasion *occasion)
{
	struct run_state *run = entry->run;
	struct hash128 hash = run_fingerprint_hash(&differ->key, fingerprint->category,
	                                           fingerprint->actor, fingerprint->value);
	struct sighting *sighting = batch_see(&differ->batch, entry, hash, fingerprint,
	                                      occasion->event_id, occasion->count);
	if (!sighting)
		return;
	sighting->fresh = key_set_add(&run->seen, hash);
	if (!sighting->fresh) {
		if (run->has_baseline)
			batch_raise_seen(&differ->batch, entry, fingerprint);
		return;
	}
	if (!run->has_baseline)
		return;
	sighting->process = batch_chain(&differ->batch.arena, run, occasion->pid);
	sighting->command =
	        arena_strdup(&differ->batch.arena,
	                     process_table_command(&run->context.processes, occasion->pid));
	sighting->tree = occasion->context.tree;
}

static void apply_fingerprint(struct differ *differ, struct batch_run *entry,
                              const struct event *event, const struct event_context *context,
                              int64_t event_id)
{
	struct run_state *run = entry->run;
	struct fingerprint fingerprint;
	if (run->package[0] == '\0')
		return;
	enum mark mark = mark_of_exec(differ, entry, event, context);
	bool found = fingerprint_of(&differ->fingerprinter, event, context, differ->allow.filter,
	                            run->rules, &fingerprint);
	bool waits = found && fingerprint.unnamed &&
	             run_context_wait(&run->context, event, context->actor, event_id);
	if (found && !waits) {
		if (fingerprint.mark == MARK_NONE)
			fingerprint.mark = mark;
		if (fingerprint.mark == MARK_NONE && context->actor == ACTOR_PACKAGE)
			fingerprint.mark = mark_in_context(differ, run, &fingerprint, context);
		see(differ, entry, &fingerprint,
		    &(struct occasion){*context, event->process.pid, event_id, 1});
	}
	note_deeds(differ, entry, event, context, found ? fingerprint.mark : MARK_NONE);
}

void differ_end_waiting(struct differ *differ, struct batch_run *entry)
{
	struct run_context *context = &entry->run->context;
	for (size_t i = 0; i < context->waiting_count; i++) {
		const struct waiting_connect *connect = &context->waiting[i];
		struct fingerprint fingerprint;
		fingerprint_of_waiting(&differ->fingerprinter, connect, &fingerprint);
		see(differ, entry, &fingerprint,
		    &(struct occasion){
		            .context = {.tree = process_table_tree(&context->processes,
		                                                   connect->pid)},
		            .pid = connect->pid,
		            .event_id = connect->event_id,
		            .count = connect->count,
		    });
	}
	if (context->waiting_count)
		context->waiting_kept = false;
	context->waiting_count = 0;
}

/* A new chunk, with ids of its own; when there are many already, they are written first. */
static int next_chunk(struct differ *differ, struct db_conn *conn, const struct batch_run *entry,
                      int64_t ts_ns, struct error *err)
{
	batch_close_chunk(&differ->batch);
	if (batch_events_full(&differ->batch) && writer_events(differ, conn, err) < 0)
		return -err->code;
	int64_t first_id = id_pool_next(&differ->ids, conn, err);
	if (first_id < 0)
		return (int)first_id;
	batch_open_chunk(&differ->batch, entry, first_id, ts_ns);
	return 0;
}

static int apply_event(struct differ *differ, struct db_conn *conn, struct batch_run *entry,
                       const struct event *event, int64_t ts_ns, struct error *err)
{
	if (!batch_chunk_takes(&differ->batch, entry, ts_ns)) {
		int failed = next_chunk(differ, conn, entry, ts_ns, err);
		if (failed)
			return failed;
	}
	int64_t event_id = batch_add_event(&differ->batch, event);
	struct event_context context = run_context_see(&entry->run->context, event);
	apply_fingerprint(differ, entry, event, &context, event_id);
	differ->metrics.pending.events[event->type]++;
	entry->run->events_stored++;
	return 0;
}

static int admit_batch(struct differ *differ, struct admitted *admitted, struct error *err)
{
	const struct events_header *header = &admitted->header;
	struct run_state *run = admitted->run;
	struct tally *tally = &differ->metrics.pending;
	uint64_t count;
	if (count_events(admitted->reader, &count, err) < 0 ||
	    check_attempt(run, header->attempt, err) < 0)
		return -err->code;
	if (is_stale(admitted)) {
		tally->fenced_events += count;
		return 0;
	}
	begin_attempt(run, header->attempt);
	switch (seq_set_add(&run->seqs, header->seq)) {
	case SEQ_NEW:
		admitted->what = ADMITTED_BATCH;
		return 0;
	case SEQ_KNOWN:
		tally->duplicate_batches++;
		return 0;
	case SEQ_FULL:
		break;
	}
	return error_set(err, EINVAL,
	                 "batch number %" PRIu64 " of run %s is out of range, or one gap too many",
	                 header->seq, run->id);
}

static int admit_result(struct differ *differ, struct admitted *admitted, struct error *err)
{
	struct run_state *run = admitted->run;
	if (events_read_result(&admitted->reader, &admitted->result, err) < 0 ||
	    check_attempt(run, admitted->header.attempt, err) < 0)
		return -err->code;
	bool first = !run->final && !batch_run_of(&differ->batch, run)->end;
	if (is_stale(admitted) || !first) /* the first result counts */
		return 0;
	begin_attempt(run, admitted->header.attempt);
	admitted->what = ADMITTED_RESULT;
	return 0;
}

int differ_admit(struct differ *differ, const struct bus_message *message, struct admitted *ret,
                 struct error *err)
{
	*ret = (struct admitted){.what = ADMITTED_NOTHING};
	if (events_read_header(message->value, &ret->header, &ret->reader, err) < 0)
		return -err->code;
	ret->run = run_table_find(&differ->runs, &ret->header.run_id);
	if (!ret->run) {
		char id[RUN_ID_TEXT_SIZE];
		run_id_format(&ret->header.run_id, id);
		return error_set(err, ENOENT, "run %s is not known", id);
	}
	if (ret->header.kind == EVENTS_RESULT)
		return admit_result(differ, ret, err);
	return admit_batch(differ, ret, err);
}

/* Result text goes into tables: made fit for them, and copied to live as long as the batch. */
static struct view keep_text(struct arena *arena, struct view text)
{
	AUTO(buf) struct buf clean;
	buf_init(&clean, CLEAN_MAX_BYTES);
	return arena_copy(arena, text_clean(text, &clean));
}

static struct run_end *keep_end(struct arena *arena, const struct admitted *admitted,
                                int64_t sent_at_ns)
{
	struct run_end *end = arena_alloc(arena, 1, sizeof(*end));
	struct run_result *result = &end->result;
	*result = admitted->result;
	result->reason = keep_text(arena, result->reason);
	result->image = keep_text(arena, result->image);
	result->image_digest = keep_text(arena, result->image_digest);
	result->node_version = keep_text(arena, result->node_version);
	result->npm_version = keep_text(arena, result->npm_version);
	result->sensor_tier = keep_text(arena, result->sensor_tier);
	end->attempt = admitted->header.attempt;
	end->last_seq = result->last_seq ? result->last_seq : admitted->header.seq;
	end->sent_at_ns = sent_at_ns;
	end->runner_id = keep_text(arena, admitted->header.runner_id).data;
	return end;
}

int differ_apply(struct differ *differ, struct db_conn *conn, const struct bus_message *message,
                 struct admitted *admitted, struct error *err)
{
	if (admitted->what == ADMITTED_NOTHING)
		return 0;
	int64_t ts_ns = stamp_of(&admitted->header, message);
	struct batch_run *entry = batch_run_of(&differ->batch, admitted->run);
	entry->progressed = true;
	if (admitted->what == ADMITTED_RESULT) {
		entry->end = keep_end(&differ->batch.arena, admitted, ts_ns);
		differ_end_waiting(differ, entry);
		return 0;
	}
	struct event event;
	int more;
	while ((more = events_next(&admitted->reader, &event, err)) > 0) {
		int failed = apply_event(differ, conn, entry, &event, ts_ns, err);
		if (failed)
			return failed;
	}
	return more;
}
