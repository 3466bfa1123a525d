// SPDX-License-Identifier: Apache-2.0
#include "service/stop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"

enum { EXIT_SECOND_SIGNAL = 130, EXIT_DRAIN_TIMEOUT = 1, STACK_BYTES = 128 * 1024 };

static struct {
	atomic_bool requested;
	_Atomic int64_t requested_at_ms; /* set before `requested` */
	atomic_int signals;
	int requested_fd; /* readable for ever after the request */
	int finished_fd;  /* readable after the drain */
	int64_t drain_timeout_ms;
	pthread_t watchdog;
} stop = {.requested_fd = -1, .finished_fd = -1};

/* Of the handler: only async-signal-safe calls. */
static void raise_fd(int fd)
{
	uint64_t one = 1;
	ssize_t written = write(fd, &one, sizeof(one));
	(void)written; /* fails only when it is raised already */
}

void stop_request(void)
{
	int64_t never = 0;
	(void)atomic_compare_exchange_strong(&stop.requested_at_ms, &never, clock_monotonic_ms());
	atomic_store(&stop.requested, true);
	raise_fd(stop.requested_fd);
}

static void on_signal(int number)
{
	(void)number;
	int saved_errno = errno;
	if (atomic_fetch_add(&stop.signals, 1) > 0)
		_exit(EXIT_SECOND_SIGNAL);
	stop_request();
	errno = saved_errno;
}

const atomic_bool *stop_flag(void)
{
	return &stop.requested;
}

int64_t stop_requested_at_ms(void)
{
	return atomic_load(&stop.requested_at_ms);
}

/* Waits until `fd` is readable (true) or the time is over; negative `ms`: for ever. */
static bool wait_readable(int fd, int64_t ms)
{
	int64_t deadline = clock_monotonic_ms() + ms;
	for (;;) {
		int64_t left = ms < 0 ? -1 : deadline - clock_monotonic_ms();
		if (ms >= 0 && left < 0)
			left = 0;
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		int ready = poll(&poller, 1, (int)(left > INT_MAX ? INT_MAX : left));
		if (ready > 0)
			return true;
		if (left == 0)
			return false;
	}
}

bool stop_sleep_ms(int64_t ms)
{
	return !wait_readable(stop.requested_fd, ms < 0 ? 0 : ms);
}

static void *watch_drain(void *unused)
{
	(void)unused;
	(void)wait_readable(stop.requested_fd, -1);
	if (wait_readable(stop.finished_fd, 0))
		return NULL;
	LOG_INFO("stopping", LOG_INT("drain_timeout_ms", stop.drain_timeout_ms));
	int64_t limit = stop.drain_timeout_ms ? stop.drain_timeout_ms : -1;
	if (!wait_readable(stop.finished_fd, limit)) {
		LOG_ERROR("work in hand did not end within the drain timeout; exiting without it");
		_exit(EXIT_DRAIN_TIMEOUT);
	}
	return NULL;
}

static int start_watchdog(struct error *err)
{
	pthread_attr_t attributes;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int code = pthread_create(&stop.watchdog, &attributes, watch_drain, NULL);
	(void)pthread_attr_destroy(&attributes);
	return code ? error_set_errno(err, code, "cannot start a thread") : 0;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(number, &action, NULL); /* cannot fail for these signals */
}

int stop_install(int64_t drain_timeout_ms, struct error *err)
{
	atomic_store(&stop.requested, false);
	atomic_store(&stop.requested_at_ms, 0);
	atomic_store(&stop.signals, 0);
	stop.drain_timeout_ms = drain_timeout_ms;
	if (stop.requested_fd >= 0)
		(void)close(stop.requested_fd);
	stop.requested_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	stop.finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop.requested_fd < 0 || stop.finished_fd < 0)
		return error_set_errno(err, errno, "cannot create an eventfd");
	handle(SIGPIPE, SIG_IGN);
	handle(SIGTERM, on_signal);
	handle(SIGINT, on_signal);
	return start_watchdog(err);
}

void stop_finish(void)
{
	raise_fd(stop.finished_fd);
	stop_request();
	(void)pthread_join(stop.watchdog, NULL);
	(void)close(stop.finished_fd); /* the other one stays: a late signal may write to it */
	stop.finished_fd = -1;
}
