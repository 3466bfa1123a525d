// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/event_codec.h"

enum {
	/* One event more than the cut may end up in a batch; its longest form is all arguments at
	 * full length. */
	EVENT_ENCODED_MAX = (EVENT_ARGV_MAX + 16) * EVENT_TEXT_MAX,
	MESSAGE_MAX_BYTES = SPOOL_BATCH_BYTES + EVENT_ENCODED_MAX,
};

struct spool {
	struct spool_options options;
	pthread_mutex_t lock; /* everything below */
	pthread_cond_t changed;
	struct spool_batch *first, *last; /* the last one is open for more */
	size_t held_bytes;
	uint64_t refused, last_seq;
	bool closed;
};

struct spool *spool_create(const struct spool_options *options)
{
	struct spool *spool = xcalloc(1, sizeof(*spool));
	pthread_condattr_t monotonic;
	spool->options = *options;
	pthread_mutex_init(&spool->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&spool->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return spool;
}

static void batch_free(struct spool_batch *batch)
{
	buf_release(&batch->message);
	free(batch);
}

void spool_destroy(struct spool *spool)
{
	if (!spool)
		return;
	while (spool->first) {
		struct spool_batch *next = spool->first->next;
		batch_free(spool->first);
		spool->first = next;
	}
	pthread_cond_destroy(&spool->changed);
	pthread_mutex_destroy(&spool->lock);
	free(spool);
}

/* Takes no more: full, or in the taker's hands, who reads it without the lock. */
static bool is_complete(const struct spool_batch *batch)
{
	return batch->sealed || batch->event_count >= SPOOL_BATCH_EVENTS ||
	       batch->message.size >= SPOOL_BATCH_BYTES;
}

static struct spool_batch *open_batch(struct spool *spool)
{
	struct spool_batch *batch = xcalloc(1, sizeof(*batch));
	batch->seq = ++spool->last_seq;
	batch->opened_at_ms = clock_monotonic_ms();
	buf_init(&batch->message, MESSAGE_MAX_BYTES);
	const struct events_header header = {
	        .kind = EVENTS_BATCH,
	        .run_id = spool->options.run_id,
	        .attempt = spool->options.attempt,
	        .runner_id = view_of_string(spool->options.runner_id),
	        .seq = batch->seq,
	        .sent_at_ns = clock_wall_ns(),
	};
	events_write_batch(&batch->message, &header);
	if (spool->last)
		spool->last->next = batch;
	else
		spool->first = batch;
	spool->last = batch;
	spool->held_bytes += batch->message.size;
	return batch;
}

static bool put_locked(struct spool *spool, const struct event *event)
{
	if (spool->closed || spool->held_bytes >= spool->options.max_bytes)
		return false;
	bool fresh = !spool->last || is_complete(spool->last);
	struct spool_batch *batch = fresh ? open_batch(spool) : spool->last;
	size_t before = batch->message.size;
	events_write_event(&batch->message, event);
	if (batch->message.overflowed) {
		batch->message.size = before;
		batch->message.overflowed = false;
		return false;
	}
	spool->held_bytes += batch->message.size - before;
	batch->event_count++;
	if (fresh || is_complete(batch))
		pthread_cond_signal(&spool->changed);
	return true;
}

bool spool_put(struct spool *spool, const struct event *event)
{
	pthread_mutex_lock(&spool->lock);
	bool taken = put_locked(spool, event);
	if (!taken)
		spool->refused++;
	pthread_mutex_unlock(&spool->lock);
	return taken;
}

void spool_close(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	spool->closed = true;
	pthread_cond_broadcast(&spool->changed);
	pthread_mutex_unlock(&spool->lock);
}

/* When the first batch may be taken; INT64_MAX while there is none. */
static int64_t ready_at_ms(const struct spool *spool)
{
	const struct spool_batch *first = spool->first;
	if (!first)
		return INT64_MAX;
	if (spool->closed || first->next || is_complete(first))
		return 0;
	return first->opened_at_ms + SPOOL_FLUSH_MS;
}

static void wait_until(struct spool *spool, int64_t at_ms)
{
	struct timespec at = {.tv_sec = at_ms / MS_PER_S, .tv_nsec = at_ms % MS_PER_S * NS_PER_MS};
	(void)pthread_cond_timedwait(&spool->changed, &spool->lock, &at);
}

const struct spool_batch *spool_peek(struct spool *spool, int64_t timeout_ms, bool *ret_end)
{
	const struct spool_batch *batch = NULL;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	pthread_mutex_lock(&spool->lock);
	for (;;) {
		int64_t now_ms = clock_monotonic_ms();
		int64_t ready_ms = ready_at_ms(spool);
		if (ready_ms <= now_ms) {
			spool->first->sealed = true;
			batch = spool->first;
			break;
		}
		if (spool->closed || now_ms >= deadline_ms)
			break;
		wait_until(spool, ready_ms < deadline_ms ? ready_ms : deadline_ms);
	}
	*ret_end = !batch && spool->closed;
	pthread_mutex_unlock(&spool->lock);
	return batch;
}

void spool_pop(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	struct spool_batch *batch = spool->first;
	spool->first = batch->next;
	if (!spool->first)
		spool->last = NULL;
	spool->held_bytes -= batch->message.size;
	pthread_mutex_unlock(&spool->lock);
	batch_free(batch);
}

uint64_t spool_refused(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	uint64_t refused = spool->refused;
	pthread_mutex_unlock(&spool->lock);
	return refused;
}

uint64_t spool_last_seq(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	uint64_t last_seq = spool->last_seq;
	pthread_mutex_unlock(&spool->lock);
	return last_seq;
}
