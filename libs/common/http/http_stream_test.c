// SPDX-License-Identifier: Apache-2.0
/* Answers without an end: what arrives, and each way in which they end. */
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/raw_client.h"

enum {
	MANY = 100,
	ROUNDS = 200,
	EVENTS = 50,
	PARK_MS = 60000,
	READ_TIMEOUT_MS = 200,
	IDLE_TIMEOUT_MS = 1000, /* the shortest */
	QUIET_MS = 1500,        /* longer than both */
	UNSENT_MAX = 64 << 10,
	LARGE = 40 << 10,
};

struct app;

/* One stream of the application; freed by who closes it. */
struct feed {
	struct app *app;
	struct http_stream *stream; /* NULL before http_reply_stream() has returned */
	bool gone;
};

struct app {
	struct http_server *server;
	pthread_mutex_t lock;
	struct feed *feeds[MANY]; /* open ones */
	size_t count;
	size_t gone;
	bool close_when_gone;
};

static bool forget(struct app *app, const struct feed *feed)
{
	for (size_t i = 0; i < app->count; i++) {
		if (app->feeds[i] != feed)
			continue;
		app->feeds[i] = app->feeds[--app->count];
		return true;
	}
	return false;
}

/* Who takes a feed out of the table closes it: this, or the test. */
static void on_gone(void *ctx, struct http_stream *stream)
{
	struct feed *feed = ctx;
	struct app *app = feed->app;
	bool mine;

	pthread_mutex_lock(&app->lock);
	app->gone++;
	feed->gone = true;
	mine = app->close_when_gone && forget(app, feed);
	pthread_mutex_unlock(&app->lock);
	if (!mine)
		return;
	assert_false(http_stream_send(stream, VIEW_LITERAL("x")));
	assert_false(http_stream_close(stream));
	free(feed);
}

static void handle_feed(void *ctx, struct http_request *request)
{
	struct app *app = ctx;
	struct feed *feed = xcalloc(1, sizeof(*feed));
	struct http_stream_options options = {"text/event-stream", UNSENT_MAX, on_gone, feed};

	feed->app = app;
	http_reply_header(request, "Cache-Control", "no-store");
	pthread_mutex_lock(&app->lock);
	feed->stream = http_reply_stream(request, &options);
	app->feeds[app->count++] = feed;
	pthread_mutex_unlock(&app->lock);
}

static void on_park_end(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_request_drop(request);
}

/* A park that becomes a stream before it ends. */
static void handle_parked_feed(void *ctx, struct http_request *request)
{
	struct http_park park = {PARK_MS, on_park_end, on_park_end, ctx};

	http_request_park(request, &park);
	http_request_dispatch(request, handle_feed, ctx);
}

static void handle_hello(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, "text/plain", VIEW_LITERAL("hello"));
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/feed", .handler = handle_feed},
        {.method = "GET", .pattern = "/now", .handler = handle_feed, .immediate = true},
        {.method = "GET", .pattern = "/parked", .handler = handle_parked_feed},
        {.method = "GET", .pattern = "/hello", .handler = handle_hello, .immediate = true},
};

static int setup(void **state)
{
	struct app *app = xcalloc(1, sizeof(*app));
	struct http_server_options options = {
	        .listen = "127.0.0.1:0",
	        .routes = routes,
	        .route_count = sizeof(routes) / sizeof(routes[0]),
	        .ctx = app,
	        .workers = 2,
	        .read_timeout_ms = READ_TIMEOUT_MS,
	        .idle_timeout_ms = IDLE_TIMEOUT_MS,
	};
	struct error err;

	pthread_mutex_init(&app->lock, NULL);
	app->close_when_gone = true;
	app->server = http_server_start(&options, &err);
	assert_non_null(app->server);
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;

	http_server_destroy(app->server);
	assert_int_equal(app->count, 0);
	pthread_mutex_destroy(&app->lock);
	free(app);
	return 0;
}

static void pause_ms(int64_t ms)
{
	struct timespec pause = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};

	nanosleep(&pause, NULL);
}

/* Connects; the answer's headers are in `out`. */
static int open_feed(struct app *app, const char *path, struct buf *out)
{
	int fd = raw_dial(http_server_port(app->server));
	char request[64];

	(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	raw_say(fd, request);
	assert_false(raw_hear(fd, out, "\r\n\r\n"));
	return fd;
}

static struct feed *take_feed(struct app *app)
{
	struct feed *feed = NULL;

	pthread_mutex_lock(&app->lock);
	if (app->count)
		feed = app->feeds[--app->count];
	pthread_mutex_unlock(&app->lock);
	return feed;
}

static struct http_stream *only_stream(struct app *app)
{
	struct http_stream *stream;

	raw_wait_for(&app->lock, &app->count, 1);
	pthread_mutex_lock(&app->lock);
	stream = app->feeds[0]->stream;
	pthread_mutex_unlock(&app->lock);
	return stream;
}

static bool close_feed(struct app *app)
{
	struct feed *feed = take_feed(app);
	bool ended;

	if (!feed)
		return false;
	ended = http_stream_close(feed->stream);
	free(feed);
	return ended;
}

static void events_arrive_until_the_end(void **state)
{
	static const char *const paths[] = {"/feed", "/now", "/parked"};
	struct app *app = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct buf answer;
		struct http_stream *stream;
		int fd;

		buf_init(&answer, RAW_ANSWER_MAX_BYTES);
		fd = open_feed(app, paths[i], &answer);
		stream = only_stream(app);
		assert_non_null(strstr(answer.data, "HTTP/1.1 200 "));
		assert_non_null(strstr(answer.data, "Content-Type: text/event-stream\r\n"));
		assert_non_null(strstr(answer.data, "Cache-Control: no-store\r\n"));
		assert_non_null(strstr(answer.data, "Transfer-Encoding: chunked\r\n"));
		for (int k = 0; k < EVENTS; k++) {
			char event[32];

			(void)snprintf(event, sizeof(event), "data: %d\n\n", k);
			assert_true(http_stream_send(stream, view_of_string(event)));
			assert_false(raw_hear(fd, &answer, event));
		}
		assert_true(http_stream_send(stream, VIEW_LITERAL("last")));
		assert_true(close_feed(app));
		assert_false(raw_hear(fd, &answer, "last\r\n0\r\n\r\n"));
		/* The connection serves on. */
		raw_say(fd, "GET /hello HTTP/1.1\r\n" RAW_CLOSE);
		assert_true(raw_hear(fd, &answer, NULL));
		assert_non_null(strstr(answer.data, "hello"));
		buf_release(&answer);
		close(fd);
	}
	assert_int_equal(raw_counted(&app->lock, &app->gone), 0);
}

static void old_clients_get_no_chunks(void **state)
{
	struct app *app = *state;
	int fd = raw_dial(http_server_port(app->server));
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "GET /feed HTTP/1.0\r\n\r\n");
	assert_true(http_stream_send(only_stream(app), VIEW_LITERAL("data: 1\n\n")));
	assert_false(raw_hear(fd, &answer, "\r\n\r\ndata: 1\n\n"));
	assert_true(close_feed(app));
	assert_true(raw_hear(fd, &answer, NULL));
	assert_null(strstr(answer.data, "chunked"));
	buf_release(&answer);
	close(fd);
}

static void quiet_streams_are_not_cut_off(void **state)
{
	struct app *app = *state;
	struct buf answer;
	int fd;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	fd = open_feed(app, "/feed", &answer);
	pause_ms(QUIET_MS);
	assert_true(http_stream_send(only_stream(app), VIEW_LITERAL("still")));
	assert_false(raw_hear(fd, &answer, "still"));
	assert_true(close_feed(app));
	buf_release(&answer);
	close(fd);
}

static void client_that_left_is_noticed(void **state)
{
	struct app *app = *state;
	struct buf answer;
	int fd;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	fd = open_feed(app, "/feed", &answer);
	raw_wait_for(&app->lock, &app->count, 1);
	close(fd);
	raw_wait_for(&app->lock, &app->gone, 1);
	assert_int_equal(raw_counted(&app->lock, &app->count), 0);
	buf_release(&answer);
}

/* What is lost may be closed later; until then it can be sent to. */
static void lost_streams_wait_for_their_owner(void **state)
{
	struct app *app = *state;
	struct buf answer;
	int fd;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	app->close_when_gone = false;
	fd = open_feed(app, "/feed", &answer);
	raw_wait_for(&app->lock, &app->count, 1);
	close(fd);
	raw_wait_for(&app->lock, &app->gone, 1);
	assert_false(http_stream_send(only_stream(app), VIEW_LITERAL("x")));
	http_server_destroy(app->server);
	app->server = NULL;
	assert_false(close_feed(app));
	buf_release(&answer);
}

static void slow_client_loses_its_stream(void **state)
{
	struct app *app = *state;
	int64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
	char *large = xcalloc(1, LARGE);
	struct buf answer;
	size_t gone = 0;
	int fd;

	app->close_when_gone = false;
	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	fd = open_feed(app, "/feed", &answer);
	while (http_stream_send(only_stream(app), view_of(large, LARGE))) {
		assert_true(clock_monotonic_ms() < deadline_ms);
		sched_yield();
	}
	raw_wait_for(&app->lock, &app->gone, gone + 1);
	assert_false(close_feed(app));
	buf_release(&answer);
	close(fd);
	free(large);
}

static void more_than_fits_at_once_loses_it(void **state)
{
	struct app *app = *state;
	char *large = xcalloc(1, UNSENT_MAX + 1);
	struct buf answer;
	int fd;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	app->close_when_gone = false;
	fd = open_feed(app, "/feed", &answer);
	assert_false(http_stream_send(only_stream(app), view_of(large, UNSENT_MAX + 1)));
	assert_true(raw_hear(fd, &answer, NULL));
	raw_wait_for(&app->lock, &app->gone, 1);
	assert_false(close_feed(app));
	buf_release(&answer);
	close(fd);
	free(large);
}

/* However it is told, each stream ends once; clients that were served get a proper end. */
static void server_that_ends_ends_streams(void **state, bool stop)
{
	struct app *app = *state;
	int fds[MANY];
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	for (size_t i = 0; i < MANY; i++) {
		buf_reset(&answer);
		fds[i] = open_feed(app, "/feed", &answer);
	}
	raw_wait_for(&app->lock, &app->count, MANY);
	if (stop) {
		http_server_stop(app->server, RAW_WAIT_MS);
	} else {
		http_server_destroy(app->server);
		app->server = NULL;
	}
	assert_int_equal(raw_counted(&app->lock, &app->gone), MANY);
	for (size_t i = 0; i < MANY; i++) {
		buf_reset(&answer);
		assert_false(raw_hear(fds[i], &answer, "0\r\n\r\n"));
		close(fds[i]);
	}
	buf_release(&answer);
}

static void stop_ends_streams(void **state)
{
	server_that_ends_ends_streams(state, true);
}

static void destroy_ends_streams(void **state)
{
	server_that_ends_ends_streams(state, false);
}

static void *send_to_all(void *arg)
{
	struct app *app = arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&app->lock);
		for (size_t k = 0; k < app->count; k++)
			(void)http_stream_send(app->feeds[k]->stream, VIEW_LITERAL("event\n\n"));
		pthread_mutex_unlock(&app->lock);
		sched_yield();
	}
	return NULL;
}

static void *close_all(void *arg)
{
	struct app *app = arg;

	for (int i = 0; i < ROUNDS; i++) {
		(void)close_feed(app);
		pause_ms(1);
	}
	return NULL;
}

/* Events are sent while owners close and clients come and leave. */
static void ends_race(void **state)
{
	struct app *app = *state;
	pthread_t sender, closer;

	assert_int_equal(pthread_create(&sender, NULL, send_to_all, app), 0);
	assert_int_equal(pthread_create(&closer, NULL, close_all, app), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = raw_dial(http_server_port(app->server));

		raw_say(fd, "GET /feed HTTP/1.1\r\n" RAW_CLOSE);
		if (i % 3)
			pause_ms(i % 3);
		close(fd);
	}
	pthread_join(sender, NULL);
	pthread_join(closer, NULL);
	http_server_stop(app->server, RAW_WAIT_MS);
	assert_int_equal(raw_counted(&app->lock, &app->count), 0);
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SERVER_TEST(events_arrive_until_the_end),
	        SERVER_TEST(old_clients_get_no_chunks),
	        SERVER_TEST(quiet_streams_are_not_cut_off),
	        SERVER_TEST(client_that_left_is_noticed),
	        SERVER_TEST(lost_streams_wait_for_their_owner),
	        SERVER_TEST(slow_client_loses_its_stream),
	        SERVER_TEST(more_than_fits_at_once_loses_it),
	        SERVER_TEST(stop_ends_streams),
	        SERVER_TEST(destroy_ends_streams),
	        SERVER_TEST(ends_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
