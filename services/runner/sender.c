// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"

enum {
	RETRY_BASE_MS = 200,
	RETRY_MAX_MS = 10000,
	NAP_MS = 50,
	PEEK_MS = 1000,
	/* A receiver may refuse for a while what it will take later; each such answer is a retry.
	 * Of these reports only the first and then each so many is logged. */
	LOG_EVERY = 30,
};

struct sender {
	struct sender_options options;
	struct transport_channel *channel;
	pthread_t thread;
	struct sender_totals totals; /* the thread's until it is joined */
};

/* One thing to send. */
struct delivery {
	const char *what; /* for the log */
	const struct spool_batch *batch;
	const struct run_result *result;
};

static int send_once(struct sender *sender, const struct delivery *delivery, struct error *err)
{
	const struct transport_ops *ops = sender->options.transport->ops;
	return delivery->batch ? ops->send_batch(sender->channel, delivery->batch, err)
	                       : ops->send_result(sender->channel, delivery->result, err);
}

static int lost(struct error *err)
{
	return error_set(err, ESTALE, "the run was given to another runner");
}

/* Sleeps between tries; negative when there shall be no further one. */
static int pause_between(const struct attempt *attempt, int64_t ms, struct error *err)
{
	const struct timespec nap = {.tv_nsec = (long)NAP_MS * NS_PER_MS};
	int64_t until_ms = clock_monotonic_ms() + ms;
	do {
		int64_t give_up_at_ms = atomic_load(&attempt->give_up_at_ms);
		if (atomic_load(&attempt->lost))
			return lost(err);
		if (give_up_at_ms != 0 && clock_monotonic_ms() >= give_up_at_ms)
			return error_wrap(err, "given up at the runner's stop");
		(void)nanosleep(&nap, NULL);
	} while (clock_monotonic_ms() < until_ms);
	return 0;
}

static void report(const struct sender *sender, const struct delivery *delivery, unsigned failures,
                   const struct error *err)
{
	metric_add(sender->options.metrics->resends, 1);
	if (failures % LOG_EVERY != 1)
		return;
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&sender->options.attempt->job.run_id, id);
	LOG_WARN("cannot deliver yet; trying on", LOG_STR("run_id", id),
	         LOG_STR("what", delivery->what), LOG_INT("failures", failures), LOG_ERR(err));
}

static int deliver(struct sender *sender, const struct delivery *delivery, struct error *err)
{
	struct attempt *attempt = sender->options.attempt;
	for (unsigned failures = 1;; failures++) {
		struct error problem = {0};
		if (atomic_load(&attempt->lost))
			return lost(err);
		int r = send_once(sender, delivery, &problem);
		if (r == 0)
			return 0;
		if (r == -ESTALE)
			atomic_store(&attempt->lost, true);
		if (atomic_load(&attempt->lost)) {
			atomic_store(&attempt->interrupt, true);
			return lost(err);
		}
		if (problem.class != ERROR_RETRY) {
			*err = problem;
			return r;
		}
		report(sender, delivery, failures, &problem);
		r = pause_between(attempt, backoff_ms(failures, RETRY_BASE_MS, RETRY_MAX_MS),
		                  &problem);
		if (r < 0) {
			*err = problem;
			return r == -ESTALE ? r : -ETIMEDOUT;
		}
	}
}

static void log_refused(const struct sender *sender, const struct spool_batch *batch,
                        const struct error *err)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&sender->options.attempt->job.run_id, id);
	LOG_ERROR("a batch of events was refused for good and is lost", LOG_STR("run_id", id),
	          LOG_INT("seq", batch->seq), LOG_INT("events", batch->event_count), LOG_ERR(err));
}

static void *sender_thread(void *argument)
{
	struct sender *sender = argument;
	struct spool *spool = sender->options.spool;
	bool give_up = false, end = false;
	while (!end) {
		const struct spool_batch *batch = spool_peek(spool, PEEK_MS, &end);
		if (!batch)
			continue;
		const struct delivery delivery = {.what = "events", .batch = batch};
		struct error err = {0};
		int r = give_up ? -ETIMEDOUT : deliver(sender, &delivery, &err);
		if (r == 0)
			sender->totals.events_sent += batch->event_count;
		else
			sender->totals.events_undelivered += batch->event_count;
		/* Then the rest of the spool is only emptied. */
		give_up = r == -ESTALE || r == -ETIMEDOUT;
		if (r < 0 && !give_up)
			log_refused(sender, batch, &err);
		spool_pop(spool);
	}
	return NULL;
}

struct sender *sender_start(const struct sender_options *options, struct error *err)
{
	const struct transport_ops *ops = options->transport->ops;
	struct transport_channel *channel = ops->open(options->transport, options->attempt, err);
	if (!channel)
		return NULL;
	struct sender *sender = xcalloc(1, sizeof(*sender));
	sender->options = *options;
	sender->channel = channel;
	int r = pthread_create(&sender->thread, NULL, sender_thread, sender);
	if (r == 0)
		return sender;
	(void)error_set_errno(err, r, "cannot start the sending thread");
	ops->close(channel);
	free(sender);
	return NULL;
}

void sender_finish(struct sender *sender, struct sender_totals *ret)
{
	pthread_join(sender->thread, NULL);
	*ret = sender->totals;
	metric_add(sender->options.metrics->lost[LOSS_UNDELIVERED],
	           (double)sender->totals.events_undelivered);
}

int sender_send_result(struct sender *sender, const struct run_result *result, struct error *err)
{
	const struct delivery delivery = {.what = "result", .result = result};
	return deliver(sender, &delivery, err);
}

void sender_destroy(struct sender *sender)
{
	if (!sender)
		return;
	sender->options.transport->ops->close(sender->channel);
	free(sender);
}
