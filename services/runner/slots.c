// SPDX-License-Identifier: Apache-2.0
#include "slots.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

struct slot {
	struct slots *slots;
	struct attempt *attempt; /* NULL: free */
	void (*run)(void *ctx, struct attempt *attempt);
	void *ctx;
};

struct slots {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct metric *gauge;
	size_t active, count;
	struct slot slot[];
};

struct slots *slots_create(size_t count, struct metric *active)
{
	struct slots *slots = xcalloc(1, sizeof(*slots) + count * sizeof(slots->slot[0]));
	pthread_condattr_t monotonic;
	slots->gauge = active;
	slots->count = count;
	pthread_mutex_init(&slots->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&slots->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return slots;
}

void slots_destroy(struct slots *slots)
{
	if (!slots)
		return;
	pthread_cond_destroy(&slots->changed);
	pthread_mutex_destroy(&slots->lock);
	free(slots);
}

struct attempt *slots_new_attempt(void)
{
	struct attempt *attempt = xcalloc(1, sizeof(*attempt));
	arena_init(&attempt->arena);
	return attempt;
}

void slots_discard(struct attempt *attempt)
{
	if (!attempt)
		return;
	arena_release(&attempt->arena);
	free(attempt);
}

/* Waits until fewer than `below` are active. */
static bool wait_below(struct slots *slots, size_t below, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	struct timespec deadline = {.tv_sec = deadline_ms / MS_PER_S,
	                            .tv_nsec = deadline_ms % MS_PER_S * NS_PER_MS};
	pthread_mutex_lock(&slots->lock);
	while (slots->active >= below) {
		if (pthread_cond_timedwait(&slots->changed, &slots->lock, &deadline) == ETIMEDOUT)
			break;
	}
	bool reached = slots->active < below;
	pthread_mutex_unlock(&slots->lock);
	return reached;
}

bool slots_wait_free(struct slots *slots, int64_t timeout_ms)
{
	return wait_below(slots, slots->count, timeout_ms);
}

bool slots_wait_idle(struct slots *slots, int64_t timeout_ms)
{
	return wait_below(slots, 1, timeout_ms);
}

static void occupy(struct slots *slots, struct slot *slot, struct attempt *attempt)
{
	slot->attempt = attempt;
	slots->active += attempt ? 1 : (size_t)-1;
	if (slots->gauge)
		metric_set(slots->gauge, (double)slots->active);
	pthread_cond_broadcast(&slots->changed);
}

static void *slot_thread(void *argument)
{
	struct slot *slot = argument;
	struct slots *slots = slot->slots;
	struct attempt *attempt = slot->attempt;
	slot->run(slot->ctx, attempt);
	pthread_mutex_lock(&slots->lock);
	occupy(slots, slot, NULL);
	slots_discard(attempt);
	pthread_mutex_unlock(&slots->lock);
	return NULL;
}

static struct slot *free_slot(struct slots *slots)
{
	for (size_t i = 0; i < slots->count; i++) {
		if (!slots->slot[i].attempt)
			return &slots->slot[i];
	}
	return NULL;
}

static int start_thread(struct slot *slot)
{
	pthread_t thread;
	pthread_attr_t detached;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	int r = pthread_create(&thread, &detached, slot_thread, slot);
	pthread_attr_destroy(&detached);
	return r;
}

int slots_start(struct slots *slots, struct attempt *attempt,
                void (*run)(void *ctx, struct attempt *attempt), void *ctx, struct error *err)
{
	int r = EBUSY;
	pthread_mutex_lock(&slots->lock);
	struct slot *slot = free_slot(slots);
	if (slot) {
		slot->slots = slots;
		slot->run = run;
		slot->ctx = ctx;
		occupy(slots, slot, attempt);
		r = start_thread(slot);
		if (r != 0)
			occupy(slots, slot, NULL);
	}
	pthread_mutex_unlock(&slots->lock);
	if (r == 0)
		return 0;
	slots_discard(attempt);
	return error_set_errno(err, r, "cannot start a thread for a job");
}

size_t slots_active(struct slots *slots, struct run_id *ids, size_t max)
{
	size_t count = 0;
	pthread_mutex_lock(&slots->lock);
	for (size_t i = 0; i < slots->count && count < max; i++) {
		if (slots->slot[i].attempt)
			ids[count++] = slots->slot[i].attempt->job.run_id;
	}
	pthread_mutex_unlock(&slots->lock);
	return count;
}

size_t slots_count(const struct slots *slots)
{
	return slots->count;
}

bool slots_cancel(struct slots *slots, const struct run_id *run_id)
{
	bool found = false;
	pthread_mutex_lock(&slots->lock);
	for (size_t i = 0; i < slots->count; i++) {
		struct attempt *attempt = slots->slot[i].attempt;
		if (attempt && run_id_equal(&attempt->job.run_id, run_id)) {
			atomic_store(&attempt->lost, true);
			atomic_store(&attempt->interrupt, true);
			found = true;
		}
	}
	pthread_mutex_unlock(&slots->lock);
	return found;
}

void slots_interrupt(struct slots *slots, int64_t give_up_at_ms)
{
	pthread_mutex_lock(&slots->lock);
	for (size_t i = 0; i < slots->count; i++) {
		struct attempt *attempt = slots->slot[i].attempt;
		if (attempt) {
			atomic_store(&attempt->give_up_at_ms, give_up_at_ms);
			atomic_store(&attempt->interrupt, true);
		}
	}
	pthread_mutex_unlock(&slots->lock);
}
