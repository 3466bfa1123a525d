// SPDX-License-Identifier: Apache-2.0
/* The consume loop: see differ.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "bus/offsets.h"
#include "differ.h"
#include "log/log.h"
#include "transact.h"

enum {
	POLL_MS = 200,
	SWEEP_INTERVAL_MS = 500,
	MEASURE_INTERVAL_MS = 10000,
	PRUNE_AFTER_START_MS = 30000, /* time for an operator to see that it is on */
	REANALYSE_REST = 20,          /* times as long as looking took */
	BACKOFF_BASE_MS = 100,
	BACKOFF_MAX_MS = 5000,
};

/* Partitions come and go; called from within the poll. */

static void take_partition(struct differ *differ, int32_t number, int64_t offset)
{
	run_table_drop_partition(&differ->runs, number);
	differ->partitions[number] = (struct partition){
	        .owned = true, .next_offset = offset, .last_message_ms = clock_monotonic_ms()};
	if (number >= differ->partition_end)
		differ->partition_end = number + 1;
}

static int64_t assigned(void *ctx, int32_t number)
{
	struct differ *differ = ctx;
	struct error err = {0};
	if (number < 0 || number >= DIFFER_PARTITIONS_MAX) {
		LOG_ERROR("topic has more partitions than a differ can own",
		          LOG_INT("partition", number));
		return BUS_OFFSET_FAILED;
	}
	int64_t offset = offsets_load(differ->db, DIFFER_NAME, BUS_EVENTS, number, &err);
	if (offset < 0) {
		LOG_WARN("offset not known yet", LOG_INT("partition", number), LOG_ERR(&err));
		return BUS_OFFSET_FAILED;
	}
	take_partition(differ, number, offset);
	LOG_INFO("partition assigned", LOG_INT("partition", number), LOG_INT("offset", offset));
	return offset;
}

static void revoked(void *ctx, int32_t number)
{
	struct differ *differ = ctx;
	if (number < 0 || number >= differ->partition_end)
		return;
	run_table_drop_partition(&differ->runs, number);
	differ->partitions[number] = (struct partition){0};
	LOG_INFO("partition revoked", LOG_INT("partition", number));
}

/* After a failure the database says where a partition goes on: whether the last commit held, and
 * whether another replica was faster. */
static int recover_partition(struct differ *differ, int32_t number, struct error *err)
{
	int64_t offset = offsets_load(differ->db, DIFFER_NAME, BUS_EVENTS, number, err);
	if (offset < 0)
		return (int)offset;
	int failed = bus_consumer_seek(differ->consumer, number, offset, err);
	if (!failed)
		take_partition(differ, number, offset);
	return failed;
}

static int recover_partitions(struct differ *differ, struct error *err)
{
	for (int32_t i = 0; i < differ->partition_end; i++) {
		if (!differ->partitions[i].owned || !differ->partitions[i].lost_track)
			continue;
		int failed = recover_partition(differ, i, err);
		if (failed)
			return failed;
	}
	return 0;
}

static void lose_track(struct differ *differ, const struct bus_message *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (messages[i].partition >= 0 && messages[i].partition < differ->partition_end)
			differ->partitions[messages[i].partition].lost_track = true;
	}
}

static void back_off(struct differ *differ, const char *what, const struct error *err)
{
	differ->failures++;
	int64_t delay_ms = backoff_ms(differ->failures, BACKOFF_BASE_MS, BACKOFF_MAX_MS);
	LOG_WARN(what, LOG_ERR(err), LOG_INT("retry_in_ms", delay_ms));
	(void)service_sleep_ms(differ->service, delay_ms);
}

/* Messages for the next transaction: some, or one while a bad one is looked for. */
static size_t next_chunk(const struct differ *differ, const struct bus_message *messages,
                         size_t count)
{
	size_t size = 0, bytes = 0;
	if (differ->one_by_one)
		return 1;
	while (size < count && (size == 0 || bytes < (size_t)differ->config->batch_bytes))
		bytes += messages[size++].value.size;
	return size;
}

static void note_progress(struct differ *differ, const struct bus_message *messages, size_t count)
{
	int64_t now_ms = clock_monotonic_ms();
	for (size_t i = 0; i < count; i++) {
		int32_t number = messages[i].partition;
		if (number < 0 || number >= differ->partition_end)
			continue;
		struct partition *partition = &differ->partitions[number];
		partition->last_message_ms = now_ms;
		bool last = i + 1 == count || messages[i + 1].partition != number;
		if (last && partition->owned) /* only for tools that show lag: failing is no harm */
			(void)bus_consumer_note_offset(differ->consumer, number,
			                               partition->next_offset, NULL);
	}
}

/* Returns how many of the messages are done; less than `count`, and `*err`, when a transaction
 * failed and the rest must come again. */
static size_t handle_messages(struct differ *differ, const struct bus_message *messages,
                              size_t count, struct error *err)
{
	size_t done = 0;
	while (done < count) {
		size_t size = next_chunk(differ, messages + done, count - done);
		int failed = transact(differ, messages + done, size, err);
		if (failed && err->class == ERROR_DROP && size > 1) {
			error_clear(err);
			differ->one_by_one = size;
			continue;
		}
		if (failed && err->class == ERROR_DROP) {
			struct error reason = *err;
			LOG_WARN("message breaks its transaction, kept as a dead letter",
			         LOG_INT("partition", messages[done].partition),
			         LOG_INT("offset", messages[done].offset), LOG_ERR(&reason));
			error_clear(err);
			failed = transact_dead_letter(differ, messages + done, reason.text, err);
		}
		if (failed)
			return done;
		differ->one_by_one -= differ->one_by_one ? 1 : 0;
		differ->failures = 0;
		note_progress(differ, messages + done, size);
		done += size;
	}
	return done;
}

static void measure(struct differ *differ)
{
	int64_t now_ms = clock_monotonic_ms();
	if (now_ms - differ->measured_ms < MEASURE_INTERVAL_MS)
		return;
	differ->measured_ms = now_ms;
	int64_t lag = 0, owned = 0;
	bool reachable = bus_reachable(differ->bus);
	for (int32_t i = 0; i < differ->partition_end; i++) {
		if (!differ->partitions[i].owned)
			continue;
		owned++;
		int64_t end = reachable ? bus_end_offset(differ->bus, BUS_EVENTS, i, NULL) : -1;
		reachable = end >= 0; /* each further one would wait as long in vain */
		if (end > differ->partitions[i].next_offset)
			lag += end - differ->partitions[i].next_offset;
	}
	metric_set(differ->metrics.lag, (double)lag);
	metric_set(differ->metrics.partitions, (double)owned);
	metric_set(differ->metrics.cached_runs, (double)differ->runs.count);
}

/* Looking for such runs must not cost much of the time, however many wait for a person. */
static void reanalyse(struct differ *differ, int64_t now_ms)
{
	struct error err = {0};
	if (now_ms < differ->reanalyse_from_ms)
		return;
	int64_t begun_ms = clock_monotonic_ms();
	int found = differ_reanalyse(differ, &err);
	int64_t ended_ms = clock_monotonic_ms();
	differ->reanalyse_from_ms = found ? 0 : ended_ms + REANALYSE_REST * (ended_ms - begun_ms);
	if (found < 0)
		back_off(differ, "runs cannot be analysed again now", &err);
}

static void sweep(struct differ *differ)
{
	int64_t now_ms = clock_monotonic_ms();
	struct error err = {0};
	if (now_ms - differ->swept_ms < SWEEP_INTERVAL_MS)
		return;
	differ->swept_ms = now_ms;
	if (differ_sweep(differ, &err) < 0)
		back_off(differ, "quiet runs cannot be judged now", &err);
	error_clear(&err);
	reanalyse(differ, now_ms);
	error_clear(&err);
	if (differ_prune(differ, &err) < 0)
		back_off(differ, "old events cannot be removed now", &err);
	error_clear(&err);
	if (differ_expire_controls(differ, &err) < 0)
		back_off(differ, "verdicts that wait cannot be sent now", &err);
	error_clear(&err);
	if (differ_age(differ, &err) < 0)
		back_off(differ, "baselines cannot forget now", &err);
}

/* The failure of a turn: FATAL ends the service, everything else is tried again. */
static int turn_failed(struct differ *differ, const char *what, const struct error *problem,
                       struct error *err)
{
	if (problem->class == ERROR_FATAL) {
		*err = *problem;
		return -err->code;
	}
	back_off(differ, what, problem);
	return 0;
}

int differ_turn(struct differ *differ, int64_t timeout_ms, struct error *err)
{
	struct error problem = {0};
	if (recover_partitions(differ, &problem) < 0)
		return turn_failed(differ, "partitions cannot go on now", &problem, err);
	int count = bus_consumer_poll(differ->consumer, differ->messages,
	                              (size_t)differ->config->batch_messages, timeout_ms, &problem);
	if (count < 0)
		return turn_failed(differ, "messages cannot be read now", &problem, err);

	size_t done = handle_messages(differ, differ->messages, (size_t)count, &problem);
	if (done < (size_t)count)
		lose_track(differ, differ->messages + done, (size_t)count - done);
	for (int i = 0; i < count; i++)
		bus_message_release(&differ->messages[i]);
	if (done < (size_t)count &&
	    turn_failed(differ, "messages cannot be applied now", &problem, err) < 0)
		return -err->code;
	sweep(differ);
	measure(differ);
	return (int)done;
}

int differ_run(struct differ *differ, struct error *err)
{
	while (service_running(differ->service)) {
		service_tick(differ->service);
		int rc = differ_turn(differ, POLL_MS, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

struct differ *differ_create(const struct differ_config *config, struct service *service,
                             struct db *db, struct bus *bus, struct error *err)
{
	struct differ *differ = xcalloc(1, sizeof(*differ));
	differ->config = config;
	differ->service = service;
	differ->db = db;
	differ->bus = bus;
	differ->messages = xcalloc((size_t)config->batch_messages, sizeof(*differ->messages));
	random_bytes(&differ->key, sizeof(differ->key));
	batch_init(&differ->batch);
	differ->prune.begins_ms = clock_monotonic_ms() + PRUNE_AFTER_START_MS;
	differ_metrics_init(&differ->metrics);
	const struct bus_consumer_options options = {.topic = BUS_EVENTS,
	                                             .group = DIFFER_NAME,
	                                             .assigned = assigned,
	                                             .revoked = revoked,
	                                             .ctx = differ};
	if (fingerprinter_init(&differ->fingerprinter, err) == 0)
		differ->consumer = bus_consumer_open(bus, &options, err);
	if (!differ->consumer) {
		differ_destroy(differ);
		return NULL;
	}
	return differ;
}

void differ_destroy(struct differ *differ)
{
	if (!differ)
		return;
	if (differ->consumer)
		bus_consumer_close(differ->consumer);
	batch_release(&differ->batch);
	run_table_release(&differ->runs);
	allow_list_release(&differ->allow);
	fingerprinter_release(&differ->fingerprinter);
	free(differ->messages);
	age_pass_release(&differ->age);
	free(differ);
}
