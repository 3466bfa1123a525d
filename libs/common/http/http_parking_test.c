// SPDX-License-Identifier: Apache-2.0
/* Requests that are parked, as a long poll has them, over real sockets of the loopback interface.
 */
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/raw_client.h"

enum {
	LONG_PARK_MS = 60000,
	SHORT_PARK_MS = 50,
	READ_TIMEOUT_MS = 300,
	MANY = 400,
	RACES = 300,
	TWO_WORKERS = 2,
};

/* What handlers share with the tests: a table of parked requests. */
struct app {
	struct http_server *server;
	pthread_mutex_t lock;
	struct http_request *parked[MANY];
	size_t parked_count;
	size_t timeouts, gone;
	int64_t park_ms;
};

static bool take_parked(struct app *app, const struct http_request *request)
{
	bool found = false;

	pthread_mutex_lock(&app->lock);
	for (size_t i = 0; i < app->parked_count && !found; i++) {
		if (app->parked[i] != request)
			continue;
		app->parked[i] = app->parked[--app->parked_count];
		found = true;
	}
	pthread_mutex_unlock(&app->lock);
	return found;
}

static struct http_request *take_any(struct app *app)
{
	struct http_request *request = NULL;

	pthread_mutex_lock(&app->lock);
	if (app->parked_count)
		request = app->parked[--app->parked_count];
	pthread_mutex_unlock(&app->lock);
	return request;
}

static void count(struct app *app, size_t *counter)
{
	pthread_mutex_lock(&app->lock);
	(*counter)++;
	pthread_mutex_unlock(&app->lock);
}

static void on_timeout(void *ctx, struct http_request *request)
{
	if (!take_parked(ctx, request))
		return;
	count(ctx, &((struct app *)ctx)->timeouts);
	http_reply_empty(request, 204);
}

static void on_gone(void *ctx, struct http_request *request)
{
	if (!take_parked(ctx, request))
		return;
	count(ctx, &((struct app *)ctx)->gone);
	http_request_drop(request);
}

static void handle_park(void *ctx, struct http_request *request)
{
	struct app *app = ctx;
	struct http_park park = {app->park_ms, on_timeout, on_gone, app};

	pthread_mutex_lock(&app->lock);
	http_request_park(request, &park);
	app->parked[app->parked_count++] = request;
	pthread_mutex_unlock(&app->lock);
}

static void handle_error(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply_error(request, 418, "no \"%s\" <here>", "tea");
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/park", .handler = handle_park},
        {.method = "GET", .pattern = "/error", .handler = handle_error},
};

static int setup(void **state)
{
	struct app *app = xcalloc(1, sizeof(*app));
	struct http_server_options options = {
	        .listen = "127.0.0.1:0",
	        .routes = routes,
	        .route_count = sizeof(routes) / sizeof(routes[0]),
	        .ctx = app,
	        .workers = TWO_WORKERS,
	        .read_timeout_ms = READ_TIMEOUT_MS,
	        .idle_timeout_ms = RAW_WAIT_MS,
	};
	struct error err;

	pthread_mutex_init(&app->lock, NULL);
	app->park_ms = LONG_PARK_MS;
	app->server = http_server_start(&options, &err);
	assert_non_null(app->server);
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;

	http_server_destroy(app->server);
	free(app);
	return 0;
}

/* One request on a connection of its own; the whole answer. The caller frees it. */
static char *ask(const struct app *app, const char *request)
{
	return raw_ask(http_server_port(app->server), request);
}

static int dial(const struct app *app)
{
	return raw_dial(http_server_port(app->server));
}

static void parked_request_is_answered(void **state)
{
	struct app *app = *state;
	int fd = dial(app);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_wait_for(&app->lock, &app->parked_count, 1);
	http_reply_json(take_any(app), 200, VIEW_LITERAL("{}"));
	assert_false(raw_hear(fd, &answer, "\r\n\r\n{}\n"));
	/* The connection serves on. */
	buf_reset(&answer);
	raw_say(fd, "GET /error HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_false(raw_hear(fd, &answer, "}\n"));
	buf_release(&answer);
	close(fd);
}

static void parked_request_times_out(void **state)
{
	struct app *app = *state;
	char *answer;

	app->park_ms = SHORT_PARK_MS;
	answer = ask(app, "GET /park HTTP/1.1\r\n" RAW_CLOSE);
	assert_non_null(strstr(answer, "HTTP/1.1 204 "));
	assert_null(strstr(answer, "Content-Type"));
	assert_int_equal(raw_counted(&app->lock, &app->timeouts), 1);
	free(answer);
}

static void peer_that_left_is_noticed(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	raw_say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_wait_for(&app->lock, &app->parked_count, 1);
	close(fd);
	raw_wait_for(&app->lock, &app->gone, 1);
	assert_int_equal(raw_counted(&app->lock, &app->parked_count), 0);
}

static void handle_after_park(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, "text/plain", VIEW_LITERAL("dispatched"));
}

static void parked_request_is_dispatched(void **state)
{
	struct app *app = *state;
	int fd = dial(app);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_wait_for(&app->lock, &app->parked_count, 1);
	http_request_dispatch(take_any(app), handle_after_park, app);
	assert_false(raw_hear(fd, &answer, "\r\n\r\ndispatched"));
	buf_release(&answer);
	close(fd);
}

static void many_are_parked(void **state)
{
	struct app *app = *state;
	int fds[MANY];
	struct http_request *request;

	for (size_t i = 0; i < MANY; i++) {
		fds[i] = dial(app);
		assert_true(fds[i] >= 0);
		raw_say(fds[i], "GET /park HTTP/1.1\r\n" RAW_CLOSE);
	}
	raw_wait_for(&app->lock, &app->parked_count, MANY);
	while ((request = take_any(app)))
		http_reply_empty(request, 200);
	for (size_t i = 0; i < MANY; i++) {
		struct buf answer;

		buf_init(&answer, RAW_ANSWER_MAX_BYTES);
		assert_true(raw_hear(fds[i], &answer, NULL));
		assert_non_null(strstr(answer.data, "HTTP/1.1 200 "));
		buf_release(&answer);
		close(fds[i]);
	}
}

/* A peer closes while others answer and the deadline passes: each request ends exactly once. */
static void ends_race(void **state)
{
	struct app *app = *state;

	app->park_ms = 1;
	for (int i = 0; i < RACES; i++) {
		int fd = dial(app);
		struct http_request *request;

		raw_say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
		if (i % 3 == 0)
			sched_yield();
		if (i % 2 == 0)
			close(fd);
		request = take_any(app);
		if (request)
			http_reply_empty(request, 200);
		if (i % 2 != 0)
			close(fd);
	}
	http_server_stop(app->server, RAW_WAIT_MS);
	assert_int_equal(raw_counted(&app->lock, &app->parked_count), 0);
}

static void stop_ends_parks_and_refuses_newcomers(void **state)
{
	struct app *app = *state;
	int fd = dial(app);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_wait_for(&app->lock, &app->parked_count, 1);
	http_server_stop(app->server, RAW_WAIT_MS);
	assert_true(raw_hear(fd, &answer, NULL));
	assert_non_null(strstr(answer.data, "HTTP/1.1 204 "));
	assert_non_null(strstr(answer.data, "Connection: close\r\n"));
	assert_int_equal(dial(app), -1);
	buf_release(&answer);
	close(fd);
}

#define PARKING_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        PARKING_TEST(parked_request_is_answered),
	        PARKING_TEST(parked_request_times_out),
	        PARKING_TEST(peer_that_left_is_noticed),
	        PARKING_TEST(parked_request_is_dispatched),
	        PARKING_TEST(many_are_parked),
	        PARKING_TEST(ends_race),
	        PARKING_TEST(stop_ends_parks_and_refuses_newcomers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
