// SPDX-License-Identifier: Apache-2.0
#include "bus/consume.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "bus/bus_driver.h"
#include "bus/offsets.h"
#include "log/log.h"
#include "metrics/metrics.h"

enum { BATCH_MESSAGES = 256, POLL_MS = 500 };
/* Back-off of a single partition, whose message is the trouble, and of all, when it is the
 * database or the bus. */
enum { MESSAGE_RETRY_BASE_MS = 200, MESSAGE_RETRY_MAX_MS = 30000 };
enum { OUTAGE_BASE_MS = 200, OUTAGE_MAX_MS = 5000 };

/* A partition that is ours. */
struct owned {
	int32_t partition;
	int64_t stored; /* its offset in the store */
	int64_t next;   /* what it will be when the batch commits */
	bool in_batch;  /* the batch has messages of it */
	unsigned failures;
	int64_t resume_at_ms; /* monotonic; 0: not backing off */
};

struct loop {
	const struct consume_options *options;
	struct bus_consumer *consumer;
	struct owned *owned;
	size_t owned_count, owned_space;
	unsigned outages; /* failures of database or bus in a row */
	struct metric *consumed, *retries, *batch_seconds;
	struct bus_message messages[BATCH_MESSAGES];
};

/* How a batch ended. */
struct outcome {
	enum { BATCH_COMMITTED, BATCH_OUTAGE, BATCH_MESSAGE_RETRY, BATCH_OVERTAKEN } kind;
	size_t index;      /* of the message, for MESSAGE_RETRY */
	int32_t partition; /* for OVERTAKEN */
};

static const char *topic_of(const struct loop *loop)
{
	return bus_topic_base_name(loop->options->topic);
}

/* Partitions. */

static struct owned *find_owned(struct loop *loop, int32_t partition)
{
	for (size_t i = 0; i < loop->owned_count; i++)
		if (loop->owned[i].partition == partition)
			return &loop->owned[i];
	return NULL;
}

static void add_owned(struct loop *loop, int32_t partition, int64_t stored)
{
	if (loop->owned_count == loop->owned_space) {
		loop->owned_space = loop->owned_space ? loop->owned_space * 2 : 16;
		loop->owned = xrealloc(loop->owned, loop->owned_space, sizeof(*loop->owned));
	}
	loop->owned[loop->owned_count++] =
	        (struct owned){.partition = partition, .stored = stored, .next = stored};
}

/* Where the partition starts; the bus asks again when the store cannot be read now. */
static int64_t on_assigned(void *ctx, int32_t partition)
{
	struct loop *loop = ctx;
	const struct consume_options *options = loop->options;
	struct error err = {0};
	int64_t stored = offsets_load(options->db, options->group, options->topic, partition, &err);
	if (stored < 0) {
		LOG_WARN("cannot read where to go on in a partition, trying again",
		         LOG_STR("topic", topic_of(loop)), LOG_INT("partition", partition),
		         LOG_ERR(&err));
		return BUS_OFFSET_FAILED;
	}
	add_owned(loop, partition, stored);
	if (options->assigned)
		options->assigned(options->ctx, partition);
	return stored;
}

static void on_revoked(void *ctx, int32_t partition)
{
	struct loop *loop = ctx;
	struct owned *owned = find_owned(loop, partition);
	if (!owned)
		return;
	*owned = loop->owned[--loop->owned_count];
	if (loop->options->revoked)
		loop->options->revoked(loop->options->ctx, partition);
}

/* Resumes what has waited long enough; returns how long the loop may sleep. */
static int64_t resume_due(struct loop *loop)
{
	int64_t now = clock_monotonic_ms();
	int64_t sleep_ms = POLL_MS;
	for (size_t i = 0; i < loop->owned_count; i++) {
		struct owned *owned = &loop->owned[i];
		if (owned->resume_at_ms > now && owned->resume_at_ms - now < sleep_ms)
			sleep_ms = owned->resume_at_ms - now;
		if (owned->resume_at_ms == 0 || owned->resume_at_ms > now)
			continue;
		owned->resume_at_ms = 0;
		(void)bus_consumer_resume(loop->consumer, owned->partition, NULL);
	}
	return sleep_ms;
}

/* One batch. */

static int savepoint(struct db_conn *conn, bool first, struct error *err)
{
	return db_script(
	        conn, first ? "SAVEPOINT message" : "RELEASE SAVEPOINT message; SAVEPOINT message",
	        err);
}

static int bury(struct loop *loop, struct db_conn *conn, const struct bus_message *message,
                const struct error *reason, struct error *err)
{
	LOG_WARN("a message cannot be handled and is kept as a dead letter",
	         LOG_STR("topic", topic_of(loop)), LOG_INT("partition", message->partition),
	         LOG_INT("offset", message->offset), LOG_ERR(reason));
	int rc = db_script(conn, "ROLLBACK TO SAVEPOINT message", err);
	return rc ? rc : dead_letter_add(conn, message, loop->options->group, reason->text, err);
}

static struct outcome handle_message(struct loop *loop, struct db_conn *conn,
                                     const struct bus_message *message, struct error *err)
{
	const struct consume_options *options = loop->options;
	struct error reason = {0};
	switch (options->handle(options->ctx, conn, message, &reason)) {
	case HANDLED_DONE:
		return (struct outcome){.kind = BATCH_COMMITTED};
	case HANDLED_DEAD_LETTER:
		if (bury(loop, conn, message, &reason, err))
			return (struct outcome){.kind = BATCH_OUTAGE};
		return (struct outcome){.kind = BATCH_COMMITTED};
	case HANDLED_RETRY:
		break;
	}
	*err = reason;
	if (reason.code == ENOTCONN)
		return (struct outcome){.kind = BATCH_OUTAGE};
	return (struct outcome){.kind = BATCH_MESSAGE_RETRY};
}

static struct outcome handle_messages(struct loop *loop, struct db_conn *conn, size_t count,
                                      struct error *err)
{
	struct outcome outcome = {.kind = BATCH_COMMITTED};
	bool first = true;
	for (size_t i = 0; i < count && outcome.kind == BATCH_COMMITTED; i++) {
		const struct bus_message *message = &loop->messages[i];
		struct owned *owned = find_owned(loop, message->partition);
		if (!owned)
			continue;
		if (savepoint(conn, first, err))
			return (struct outcome){.kind = BATCH_OUTAGE};
		first = false;
		outcome = handle_message(loop, conn, message, err);
		outcome.index = i;
		owned->next = message->offset + 1;
	}
	return outcome;
}

static struct outcome advance_offsets(struct loop *loop, struct db_conn *conn, struct error *err)
{
	const struct consume_options *options = loop->options;
	for (size_t i = 0; i < loop->owned_count; i++) {
		const struct owned *owned = &loop->owned[i];
		if (owned->next == owned->stored)
			continue;
		int rc = offsets_advance(conn, options->group, options->topic, owned->partition,
		                         owned->stored, owned->next, err);
		if (rc == -ESTALE)
			return (struct outcome){.kind = BATCH_OVERTAKEN,
			                        .partition = owned->partition};
		if (rc)
			return (struct outcome){.kind = BATCH_OUTAGE};
	}
	return (struct outcome){.kind = BATCH_COMMITTED};
}

static struct outcome try_batch(struct loop *loop, size_t count, struct error *err)
{
	struct outcome outage = {.kind = BATCH_OUTAGE};
	AUTO(db_conn) struct db_conn *conn = db_acquire(loop->options->db, err);
	if (!conn || db_begin(conn, err))
		return outage;
	struct outcome outcome = handle_messages(loop, conn, count, err);
	if (outcome.kind == BATCH_COMMITTED)
		outcome = advance_offsets(loop, conn, err);
	if (outcome.kind == BATCH_COMMITTED && db_commit(conn, err))
		return outage;
	return outcome;
}

static void mark_batch(struct loop *loop, size_t count)
{
	for (size_t i = 0; i < loop->owned_count; i++)
		loop->owned[i].in_batch = false;
	for (size_t i = 0; i < count; i++) {
		struct owned *owned = find_owned(loop, loop->messages[i].partition);
		if (owned)
			owned->in_batch = true;
	}
}

static void batch_committed(struct loop *loop, size_t count)
{
	loop->outages = 0;
	for (size_t i = 0; i < loop->owned_count; i++) {
		struct owned *owned = &loop->owned[i];
		if (owned->next == owned->stored)
			continue;
		owned->stored = owned->next;
		owned->failures = 0;
		(void)bus_consumer_note_offset(loop->consumer, owned->partition, owned->stored,
		                               NULL);
	}
	metric_add(loop->consumed, (double)count);
	if (loop->options->committed)
		loop->options->committed(loop->options->ctx);
}

static void batch_rolled_back(struct loop *loop)
{
	for (size_t i = 0; i < loop->owned_count; i++)
		loop->owned[i].next = loop->owned[i].stored;
	metric_add(loop->retries, 1);
	if (loop->options->rolled_back)
		loop->options->rolled_back(loop->options->ctx);
}

static struct outcome do_batch(struct loop *loop, size_t count, struct error *err)
{
	int64_t begin_ns = clock_monotonic_ns();
	struct outcome outcome = try_batch(loop, count, err);
	metric_observe_seconds(loop->batch_seconds,
	                       (double)(clock_monotonic_ns() - begin_ns) / (double)NS_PER_S);
	if (outcome.kind == BATCH_COMMITTED)
		batch_committed(loop, count);
	else
		batch_rolled_back(loop);
	return outcome;
}

/* What was not committed comes again. */
static void seek_back(struct loop *loop)
{
	for (size_t i = 0; i < loop->owned_count; i++)
		if (loop->owned[i].in_batch)
			(void)bus_consumer_seek(loop->consumer, loop->owned[i].partition,
			                        loop->owned[i].stored, NULL);
}

/* Only the partition of the message waits; the others go on. */
static void back_off_partition(struct loop *loop, const struct bus_message *message,
                               const struct error *err)
{
	struct owned *owned = find_owned(loop, message->partition);
	if (!owned)
		return;
	int64_t pause_ms =
	        backoff_ms(++owned->failures, MESSAGE_RETRY_BASE_MS, MESSAGE_RETRY_MAX_MS);
	LOG_WARN("a message could not be handled now, trying again",
	         LOG_STR("topic", topic_of(loop)), LOG_INT("partition", message->partition),
	         LOG_INT("offset", message->offset), LOG_INT("pause_ms", pause_ms), LOG_ERR(err));
	owned->resume_at_ms = clock_monotonic_ms() + pause_ms;
	(void)bus_consumer_pause(loop->consumer, owned->partition, NULL);
}

/* Another replica owns the partition, or did: what we knew of it is void. If it is still assigned
 * to us, the bus asks where to go on. */
static void forget_partition(struct loop *loop, int32_t partition)
{
	on_revoked(loop, partition);
	(void)bus_consumer_seek(loop->consumer, partition, BUS_OFFSET_FAILED, NULL);
}

static void back_off(struct loop *loop, const char *what, const struct error *err)
{
	int64_t pause_ms = backoff_ms(++loop->outages, OUTAGE_BASE_MS, OUTAGE_MAX_MS);
	if (err)
		LOG_WARN(what, LOG_STR("topic", topic_of(loop)), LOG_INT("pause_ms", pause_ms),
		         LOG_ERR(err));
	(void)service_sleep_ms(loop->options->service, pause_ms);
}

static void answer(struct loop *loop, const struct outcome *outcome, const struct error *err)
{
	switch (outcome->kind) {
	case BATCH_COMMITTED:
		break;
	case BATCH_MESSAGE_RETRY:
		back_off_partition(loop, &loop->messages[outcome->index], err);
		break;
	case BATCH_OVERTAKEN:
		forget_partition(loop, outcome->partition);
		break;
	case BATCH_OUTAGE:
		back_off(loop, "messages cannot be handled now, trying again", err);
		break;
	}
}

static void run_batch(struct loop *loop, size_t count)
{
	struct error err = {0};
	mark_batch(loop, count);
	struct outcome outcome = do_batch(loop, count, &err);
	/* What came before a troublesome message need not wait for it. */
	if (outcome.kind == BATCH_MESSAGE_RETRY && outcome.index > 0)
		(void)do_batch(loop, outcome.index, &(struct error){0});
	if (outcome.kind != BATCH_COMMITTED)
		seek_back(loop);
	answer(loop, &outcome, &err);
	for (size_t i = 0; i < count; i++)
		bus_message_release(&loop->messages[i]);
}

/* The loop. */

static int one_round(struct loop *loop, struct error *err)
{
	struct error failure = {0};
	service_tick(loop->options->service);
	int64_t sleep_ms = resume_due(loop);
	if (loop->options->tick)
		loop->options->tick(loop->options->ctx);
	int count = bus_consumer_poll(loop->consumer, loop->messages, BATCH_MESSAGES, sleep_ms,
	                              &failure);
	if (count > 0)
		run_batch(loop, (size_t)count);
	if (count >= 0)
		return 0;
	if (failure.class == ERROR_FATAL) {
		*err = failure;
		return count;
	}
	/* An unreachable bus is logged by the bus itself. */
	bool reported = !bus_reachable(loop->options->bus);
	back_off(loop, "the bus gives no messages, trying again", reported ? NULL : &failure);
	return 0;
}

static void create_metrics(struct loop *loop)
{
	loop->consumed = metric_series(metric_family(METRIC_COUNTER, "fangs_bus_consumed_total",
	                                             "Messages whose work was committed.", "topic"),
	                               topic_of(loop));
	loop->retries =
	        metric_series(metric_family(METRIC_COUNTER, "fangs_bus_batch_retries_total",
	                                    "Batches of messages that were rolled back.", "topic"),
	                      topic_of(loop));
	loop->batch_seconds = metric_plain(METRIC_HISTOGRAM, "fangs_bus_batch_seconds",
	                                   "Time to handle and commit a batch of messages.");
}

int consume(const struct consume_options *options, struct error *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	loop->options = options;
	create_metrics(loop);
	const struct bus_consumer_options consumer_options = {.topic = options->topic,
	                                                      .group = options->group,
	                                                      .assigned = on_assigned,
	                                                      .revoked = on_revoked,
	                                                      .ctx = loop};
	loop->consumer = bus_consumer_open(options->bus, &consumer_options, err);
	int rc = loop->consumer ? 0 : -EIO;
	while (rc == 0 && service_running(options->service))
		rc = one_round(loop, err);
	bus_consumer_close(loop->consumer);
	free(loop->owned);
	free(loop);
	return rc;
}
