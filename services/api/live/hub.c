// SPDX-License-Identifier: Apache-2.0
#include "live/hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "base/worker.h"

enum {
	SILENCE_EVERY_MS = 5000, /* looks for silent runners read the whole table */
	PRUNE_EVERY_MS = 60000,
	AWAY_MS = 1000, /* between looks while the database is away */
};

struct listener {
	struct hub *hub;
	struct http_stream *stream;
	struct interest interest;
	char *package;
	struct position *seen; /* NULL: begins with the next look */
	bool told;             /* where it stands */
	atomic_bool gone;
	int64_t said_ms, born_ms;
	struct listener *next;
};

struct hub {
	struct hub_options options;
	struct worker *worker;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock. */
	bool stopping, woken;
	size_t count;
	struct listener *joining;
	/* The thread's. */
	struct listener *listeners;
	struct buf frame;
	int64_t next_look_ms, next_silence_ms, next_prune_ms;
	bool away;
};

static void free_listener(struct listener *listener)
{
	position_unref(listener->seen);
	free(listener->package);
	free(listener);
}

static void leave(struct hub *hub, struct listener *listener)
{
	(void)hub->options.close(listener->stream);
	free_listener(listener);
	(void)pthread_mutex_lock(&hub->lock);
	hub->count--;
	(void)pthread_mutex_unlock(&hub->lock);
}

static void send_frame(struct hub *hub, struct listener *listener)
{
	listener->said_ms = cond_now_ms();
	if (hub->options.send(listener->stream, buf_view(&hub->frame)))
		return;
	if (!atomic_exchange(&listener->gone, true) && hub->options.cut)
		hub->options.cut(hub->options.ctx);
}

/* Looking. ------------------------------------------------------------------------------------ */

static struct position *common_position(const struct hub *hub)
{
	struct position *common = NULL;

	for (const struct listener *l = hub->listeners; l; l = l->next) {
		if (!l->seen || l->seen == common)
			continue;
		struct position *next =
		        common ? position_floor(common, l->seen) : position_ref(l->seen);
		position_unref(common);
		common = next;
	}
	return common;
}

/* All stand at the same place, so that nobody's reports of silence are older than the others'. */
static bool are_level(const struct hub *hub, const struct position *common)
{
	for (const struct listener *l = hub->listeners; l; l = l->next) {
		if (l->seen != common)
			return false;
	}
	return true;
}

static unsigned all_topics(const struct hub *hub)
{
	unsigned topics = 0;

	for (const struct listener *l = hub->listeners; l; l = l->next)
		topics |= l->interest.topics;
	return topics;
}

static void tell(struct hub *hub, struct listener *listener, const struct batch *batch)
{
	size_t counts[TOPIC_COUNT] = {0};

	buf_reset(&hub->frame);
	if (listener->seen)
		batch_write(batch, &listener->interest, listener->seen, &hub->frame, counts);
	if (!hub->frame.size && !listener->told)
		frame_position(&hub->frame, batch->now);
	position_unref(listener->seen);
	listener->seen = position_ref(batch->now);
	listener->told = true;
	if (hub->frame.size)
		send_frame(hub, listener);
	for (unsigned topic = 0; topic < TOPIC_COUNT && hub->options.sent; topic++)
		hub->options.sent(hub->options.ctx, topic, counts[topic]);
}

static void note(struct hub *hub, const struct error *err)
{
	if (hub->options.note && hub->away != (err != NULL))
		hub->options.note(hub->options.ctx, err);
	hub->away = err != NULL;
}

static void look(struct hub *hub, int64_t now_ms)
{
	struct position *common = common_position(hub);
	bool silence = !are_level(hub, common) || now_ms >= hub->next_silence_ms;
	const struct question question = {common, all_topics(hub), silence};
	struct batch batch;
	struct error err = {0};

	batch_init(&batch);
	int rc = hub->options.read(hub->options.ctx, &question, &batch, &err);
	note(hub, rc ? &err : NULL);
	for (struct listener *l = hub->listeners; l && rc == 0; l = l->next)
		tell(hub, l, &batch);
	if (rc == 0 && silence)
		hub->next_silence_ms = now_ms + SILENCE_EVERY_MS;
	hub->next_look_ms = now_ms + (rc ? AWAY_MS : hub->options.interval_ms);
	batch_release(&batch);
	position_unref(common);
}

/* The thread. --------------------------------------------------------------------------------- */

static void admit_joining(struct hub *hub)
{
	(void)pthread_mutex_lock(&hub->lock);
	struct listener *joining = hub->joining;
	hub->joining = NULL;
	(void)pthread_mutex_unlock(&hub->lock);
	while (joining) {
		struct listener *listener = joining;
		joining = listener->next;
		listener->next = hub->listeners;
		hub->listeners = listener;
		buf_reset(&hub->frame);
		frame_hello(&hub->frame);
		send_frame(hub, listener);
		hub->next_look_ms = 0;
	}
}

static void let_go(struct hub *hub, int64_t now_ms, bool everybody)
{
	struct listener **link = &hub->listeners;

	while (*link) {
		struct listener *listener = *link;
		if (everybody || atomic_load(&listener->gone) ||
		    now_ms - listener->born_ms >= hub->options.life_ms) {
			*link = listener->next;
			leave(hub, listener);
		} else {
			link = &listener->next;
		}
	}
}

/* Also renews the cursors of those who were not told anything for long. */
static void keep_alive(struct hub *hub, int64_t now_ms)
{
	for (struct listener *l = hub->listeners; l; l = l->next) {
		if (now_ms - l->said_ms < hub->options.keep_alive_ms)
			continue;
		buf_reset(&hub->frame);
		if (l->told)
			frame_position(&hub->frame, l->seen);
		else
			frame_silence(&hub->frame);
		send_frame(hub, l);
	}
}

static void prune(struct hub *hub, int64_t now_ms)
{
	struct error err = {0};

	if (!hub->options.prune || now_ms < hub->next_prune_ms)
		return;
	(void)hub->options.prune(hub->options.ctx, &err); /* the next one will do it */
	hub->next_prune_ms = now_ms + PRUNE_EVERY_MS;
}

/* Until there is something to do; false when it is to end. */
static bool wait_for_work(struct hub *hub)
{
	int64_t due_ms = hub->listeners ? hub->next_look_ms : hub->next_prune_ms;

	(void)pthread_mutex_lock(&hub->lock);
	while (!hub->stopping && !hub->woken && cond_wait_until(&hub->wake, &hub->lock, due_ms))
		;
	hub->woken = false;
	bool go_on = !hub->stopping;
	(void)pthread_mutex_unlock(&hub->lock);
	return go_on;
}

static void run(void *ctx, struct worker *worker)
{
	struct hub *hub = ctx;

	(void)worker;
	hub->next_prune_ms = cond_now_ms() + PRUNE_EVERY_MS;
	while (wait_for_work(hub)) {
		admit_joining(hub);
		let_go(hub, cond_now_ms(), false);
		if (hub->listeners && cond_now_ms() >= hub->next_look_ms)
			look(hub, cond_now_ms());
		keep_alive(hub, cond_now_ms());
		prune(hub, cond_now_ms());
	}
	admit_joining(hub);
	let_go(hub, 0, true);
}

static void wake(struct hub *hub)
{
	hub->woken = true;
	(void)pthread_cond_signal(&hub->wake);
}

/* From outside. ------------------------------------------------------------------------------- */

struct hub *hub_start(const struct hub_options *options, struct error *err)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));

	hub->options = *options;
	buf_init(&hub->frame, BATCH_FRAME_MAX_BYTES);
	(void)pthread_mutex_init(&hub->lock, NULL);
	cond_init(&hub->wake);
	hub->worker = worker_start("live", run, hub, err);
	if (hub->worker)
		return hub;
	hub_free(hub);
	return NULL;
}

void hub_stop(struct hub *hub)
{
	if (!hub)
		return;
	(void)pthread_mutex_lock(&hub->lock);
	hub->stopping = true;
	wake(hub);
	(void)pthread_mutex_unlock(&hub->lock);
	worker_stop(hub->worker);
	hub->worker = NULL;
}

void hub_free(struct hub *hub)
{
	if (!hub)
		return;
	buf_release(&hub->frame);
	(void)pthread_cond_destroy(&hub->wake);
	(void)pthread_mutex_destroy(&hub->lock);
	free(hub);
}

size_t hub_count(struct hub *hub)
{
	(void)pthread_mutex_lock(&hub->lock);
	size_t count = hub->count;
	(void)pthread_mutex_unlock(&hub->lock);
	return count;
}

struct listener *hub_reserve(struct hub *hub, const struct interest *interest,
                             struct position *seen)
{
	(void)pthread_mutex_lock(&hub->lock);
	bool room = !hub->stopping && hub->count < hub->options.listeners_max;
	hub->count += room;
	(void)pthread_mutex_unlock(&hub->lock);
	if (!room) {
		position_unref(seen);
		return NULL;
	}
	struct listener *listener = xcalloc(1, sizeof(*listener));
	listener->hub = hub;
	listener->package = interest->package ? xstrdup(interest->package) : NULL;
	listener->interest = (struct interest){interest->topics, listener->package};
	listener->seen = seen;
	listener->born_ms = cond_now_ms();
	return listener;
}

void hub_join(struct listener *listener, struct http_stream *stream)
{
	struct hub *hub = listener->hub;

	listener->stream = stream;
	(void)pthread_mutex_lock(&hub->lock);
	bool late = hub->stopping;
	if (!late) {
		listener->next = hub->joining;
		hub->joining = listener;
		wake(hub);
	}
	(void)pthread_mutex_unlock(&hub->lock);
	if (late)
		leave(hub, listener);
}

void hub_on_gone(void *listener, struct http_stream *stream)
{
	struct hub *hub = ((struct listener *)listener)->hub;

	(void)stream;
	atomic_store(&((struct listener *)listener)->gone, true);
	(void)pthread_mutex_lock(&hub->lock);
	wake(hub);
	(void)pthread_mutex_unlock(&hub->lock);
}
