// SPDX-License-Identifier: Apache-2.0
#include "http/http_parking.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
	TICK_MS = 1000,
	EVENTS_PER_WAIT = 64,
	/* Long parks end together: each time the library resumes a connection it looks at all that
	 * are suspended. */
	GRAIN_MS = 100,
	WORTH_ROUNDING_MS = 5000,
};

/* Who waits on a descriptor. */
struct fd_slot {
	struct http_parked *entry;
};

struct list {
	struct http_parked *first, *last;
};

struct http_parking {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t fired;
	int epoll_fd;
	int wake_fd;

	/* Under the lock. */
	struct list timed;   /* by deadline */
	struct list endless; /* without */
	struct fd_slot *by_fd;
	size_t fd_slots;
	struct http_parked *firing;
	bool expire_all;
	bool stop;

	void (*tick)(void *ctx);
	void *ctx;
	int64_t next_tick_ms;
};

static void wake(struct http_parking *parking)
{
	uint64_t one = 1;

	/* Fails only when the counter is full, and then the thread is awake anyway. */
	if (write(parking->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* Parks mostly have the same length, so the place is found at the end at once. */
static void list_insert(struct list *list, struct http_parked *entry)
{
	struct http_parked *before = list->last;

	while (before && before->deadline_ms > entry->deadline_ms)
		before = before->earlier;
	entry->earlier = before;
	entry->later = before ? before->later : list->first;
	*(before ? &before->later : &list->first) = entry;
	*(entry->later ? &entry->later->earlier : &list->last) = entry;
}

static void list_remove(struct list *list, struct http_parked *entry)
{
	*(entry->earlier ? &entry->earlier->later : &list->first) = entry->later;
	*(entry->later ? &entry->later->earlier : &list->last) = entry->earlier;
	entry->earlier = entry->later = NULL;
}

static struct list *list_of(struct http_parking *parking, const struct http_parked *entry)
{
	return entry->deadline_ms == INT64_MAX ? &parking->endless : &parking->timed;
}

static int64_t deadline_of(const struct http_parking *parking, const struct http_park *park)
{
	int64_t deadline_ms = clock_monotonic_ms() + park->timeout_ms;

	if (parking->expire_all)
		return 0;
	if (park->timeout_ms < 0)
		return INT64_MAX;
	if (park->timeout_ms >= WORTH_ROUNDING_MS)
		deadline_ms += GRAIN_MS - deadline_ms % GRAIN_MS;
	return deadline_ms;
}

static void watch_peer(struct http_parking *parking, struct http_parked *entry)
{
	struct epoll_event event = {.events = EPOLLRDHUP, .data.fd = entry->fd};
	size_t slot = (size_t)entry->fd;

	if (slot >= parking->fd_slots) {
		size_t slots = slot + slot / 2 + 64;

		parking->by_fd = xrealloc(parking->by_fd, slots, sizeof(*parking->by_fd));
		memset(parking->by_fd + parking->fd_slots, 0,
		       (slots - parking->fd_slots) * sizeof(*parking->by_fd));
		parking->fd_slots = slots;
	}
	parking->by_fd[slot].entry = entry;
	/* Without the watch (out of memory in the kernel) a dead peer is noticed at the deadline.
	 */
	(void)epoll_ctl(parking->epoll_fd, EPOLL_CTL_ADD, entry->fd, &event);
}

static void take_out(struct http_parking *parking, struct http_parked *entry)
{
	list_remove(list_of(parking, entry), entry);
	parking->by_fd[entry->fd].entry = NULL;
	(void)epoll_ctl(parking->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL);
	entry->in = false;
}

void http_parking_add(struct http_parking *parking, struct http_parked *entry)
{
	pthread_mutex_lock(&parking->lock);
	entry->deadline_ms = deadline_of(parking, &entry->park);
	entry->in = true;
	list_insert(list_of(parking, entry), entry);
	watch_peer(parking, entry);
	if (parking->timed.first == entry)
		wake(parking);
	pthread_mutex_unlock(&parking->lock);
}

void http_parking_remove(struct http_parking *parking, struct http_parked *entry)
{
	pthread_mutex_lock(&parking->lock);
	if (entry->in)
		take_out(parking, entry);
	while (parking->firing == entry && !pthread_equal(pthread_self(), parking->thread))
		pthread_cond_wait(&parking->fired, &parking->lock);
	pthread_mutex_unlock(&parking->lock);
}

void http_parking_expire_all(struct http_parking *parking)
{
	pthread_mutex_lock(&parking->lock);
	parking->expire_all = true;
	wake(parking);
	pthread_mutex_unlock(&parking->lock);
}

/* Called with the lock held, which is released around the callback. The entry may be freed when the
 * callback returns. */
static void fire(struct http_parking *parking, struct http_parked *entry, bool gone)
{
	struct http_park park = entry->park;
	struct http_request *request = entry->request;

	take_out(parking, entry);
	parking->firing = entry;
	pthread_mutex_unlock(&parking->lock);
	(gone ? park.on_gone : park.on_timeout)(park.ctx, request);
	pthread_mutex_lock(&parking->lock);
	parking->firing = NULL;
	pthread_cond_broadcast(&parking->fired);
}

static void fire_expired(struct http_parking *parking)
{
	int64_t now_ms = clock_monotonic_ms();

	while (parking->timed.first &&
	       (parking->expire_all || parking->timed.first->deadline_ms <= now_ms))
		fire(parking, parking->timed.first, false);
	while (parking->endless.first && parking->expire_all)
		fire(parking, parking->endless.first, false);
}

/* The event may be stale: its descriptor may belong to another request by now. */
static void fire_if_gone(struct http_parking *parking, int fd)
{
	struct pollfd peer = {.fd = fd, .events = POLLRDHUP};
	struct http_parked *entry;

	if ((size_t)fd >= parking->fd_slots || !(entry = parking->by_fd[fd].entry))
		return;
	if (poll(&peer, 1, 0) > 0 && peer.revents)
		fire(parking, entry, true);
}

static void tick_if_due(struct http_parking *parking)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms < parking->next_tick_ms)
		return;
	parking->next_tick_ms = now_ms + TICK_MS;
	parking->tick(parking->ctx);
}

static int wait_ms(struct http_parking *parking)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t until_ms = parking->next_tick_ms;

	if (parking->timed.first && parking->timed.first->deadline_ms < until_ms)
		until_ms = parking->timed.first->deadline_ms;
	return until_ms <= now_ms ? 0 : (int)(until_ms - now_ms);
}

static void drain_wakes(struct http_parking *parking)
{
	uint64_t count;

	if (read(parking->wake_fd, &count, sizeof(count)) < 0)
		return;
}

static void *parking_thread(void *arg)
{
	struct http_parking *parking = arg;
	struct epoll_event events[EVENTS_PER_WAIT];

	pthread_mutex_lock(&parking->lock);
	while (!parking->stop) {
		int timeout_ms = wait_ms(parking);
		int count;

		pthread_mutex_unlock(&parking->lock);
		count = epoll_wait(parking->epoll_fd, events, EVENTS_PER_WAIT, timeout_ms);
		tick_if_due(parking);
		pthread_mutex_lock(&parking->lock);
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == parking->wake_fd)
				drain_wakes(parking);
			else
				fire_if_gone(parking, events[i].data.fd);
		}
		fire_expired(parking);
	}
	pthread_mutex_unlock(&parking->lock);
	return NULL;
}

static int open_fds(struct http_parking *parking, struct error *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	parking->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	parking->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event.data.fd = parking->wake_fd;
	if (parking->epoll_fd < 0 || parking->wake_fd < 0 ||
	    epoll_ctl(parking->epoll_fd, EPOLL_CTL_ADD, parking->wake_fd, &event) < 0)
		return error_set_errno(err, errno, "cannot create the server's timer");
	return 0;
}

static void release(struct http_parking *parking)
{
	if (parking->epoll_fd >= 0)
		close(parking->epoll_fd);
	if (parking->wake_fd >= 0)
		close(parking->wake_fd);
	pthread_mutex_destroy(&parking->lock);
	pthread_cond_destroy(&parking->fired);
	free(parking->by_fd);
	free(parking);
}

struct http_parking *http_parking_start(void (*tick)(void *ctx), void *ctx, struct error *err)
{
	struct http_parking *parking = xcalloc(1, sizeof(*parking));
	int code;

	parking->epoll_fd = parking->wake_fd = -1;
	parking->tick = tick;
	parking->ctx = ctx;
	pthread_mutex_init(&parking->lock, NULL);
	pthread_cond_init(&parking->fired, NULL);
	if (open_fds(parking, err) < 0) {
		release(parking);
		return NULL;
	}
	code = pthread_create(&parking->thread, NULL, parking_thread, parking);
	if (code) {
		error_set_errno(err, code, "cannot start the server's timer thread");
		release(parking);
		return NULL;
	}
	return parking;
}

void http_parking_destroy(struct http_parking *parking)
{
	if (!parking)
		return;
	pthread_mutex_lock(&parking->lock);
	parking->stop = true;
	wake(parking);
	pthread_mutex_unlock(&parking->lock);
	pthread_join(parking->thread, NULL);
	release(parking);
}
