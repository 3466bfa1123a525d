// SPDX-License-Identifier: Apache-2.0
#include "wire/polls.h"

#include <string.h>

#include "base/clock.h"
#include "base/view.h"

enum { NO_JOB = 204 };

void polls_init(struct polls *polls, http_handler_fn look)
{
	memset(polls, 0, sizeof(*polls));
	pthread_mutex_init(&polls->lock, NULL);
	polls->look = look;
}

void polls_release(struct polls *polls)
{
	pthread_mutex_destroy(&polls->lock);
}

static struct poll **bucket_of(struct polls *polls, const char *runner_id)
{
	return &polls->buckets[view_hash(view_of_string(runner_id)) % POLLS_BUCKETS];
}

static void unlink_poll(struct polls *polls, struct poll *poll)
{
	struct poll **link = bucket_of(polls, poll->runner_id);

	while (*link != poll)
		link = &(*link)->next;
	*link = poll->next;
	polls->count--;
}

void polls_enter(struct polls *polls, struct poll *poll)
{
	struct poll **bucket = bucket_of(polls, poll->runner_id);

	poll->polls = polls;
	poll->parked = poll->woken = false;
	pthread_mutex_lock(&polls->lock);
	poll->next = *bucket;
	*bucket = poll;
	polls->count++;
	pthread_mutex_unlock(&polls->lock);
}

void polls_leave(struct polls *polls, struct poll *poll)
{
	pthread_mutex_lock(&polls->lock);
	unlink_poll(polls, poll);
	pthread_mutex_unlock(&polls->lock);
}

/* Takes the poll from whoever might wake it; false when that has happened. */
static bool take_parked(struct poll *poll)
{
	struct polls *polls = poll->polls;

	pthread_mutex_lock(&polls->lock);
	bool taken = poll->parked;
	if (taken)
		unlink_poll(polls, poll);
	poll->parked = false;
	pthread_mutex_unlock(&polls->lock);
	return taken;
}

static void on_timeout(void *ctx, struct http_request *request)
{
	if (take_parked(ctx))
		http_reply_empty(request, NO_JOB);
}

static void on_gone(void *ctx, struct http_request *request)
{
	if (take_parked(ctx))
		http_request_drop(request);
}

bool polls_park(struct polls *polls, struct poll *poll)
{
	struct http_park park = {.on_timeout = on_timeout, .on_gone = on_gone, .ctx = poll};
	int64_t left_ms = poll->deadline_ms - clock_monotonic_ms();

	pthread_mutex_lock(&polls->lock);
	bool again = poll->woken;
	poll->woken = false;
	if (!again) {
		park.timeout_ms = left_ms > 0 ? left_ms : 0;
		poll->parked = true;
		http_request_park(poll->request, &park);
	}
	pthread_mutex_unlock(&polls->lock);
	return !again;
}

/* Takes parked polls of the runner out of the parker's reach: they are looking, and the caller's.
 */
static size_t collect(struct poll *bucket, const char *runner_id, struct poll **woken, size_t max)
{
	size_t count = 0;

	for (struct poll *poll = bucket; poll && count < max; poll = poll->next) {
		if (runner_id && strcmp(poll->runner_id, runner_id) != 0)
			continue;
		if (poll->parked)
			woken[count++] = poll;
		else
			poll->woken = true;
		poll->parked = false;
	}
	return count;
}

/* A few at a time: answering waits for callbacks, which need the lock. */
static void wake_bucket(struct polls *polls, struct poll **bucket, const char *runner_id)
{
	enum { AT_A_TIME = 64 };
	struct poll *woken[AT_A_TIME];
	size_t count;

	do {
		pthread_mutex_lock(&polls->lock);
		count = collect(*bucket, runner_id, woken, AT_A_TIME);
		pthread_mutex_unlock(&polls->lock);
		for (size_t i = 0; i < count; i++)
			http_request_dispatch(woken[i]->request, polls->look, woken[i]);
	} while (count == AT_A_TIME);
}

void polls_wake(struct polls *polls, const char *runner_id)
{
	if (runner_id) {
		wake_bucket(polls, bucket_of(polls, runner_id), runner_id);
		return;
	}
	for (size_t i = 0; i < POLLS_BUCKETS; i++)
		wake_bucket(polls, &polls->buckets[i], NULL);
}

size_t polls_count(struct polls *polls)
{
	pthread_mutex_lock(&polls->lock);
	size_t count = polls->count;
	pthread_mutex_unlock(&polls->lock);
	return count;
}
