// SPDX-License-Identifier: Apache-2.0
/* Bodies that a sink takes while they arrive: every begin has one release, whatever happens. */
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdatomic.h>
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
	READ_TIMEOUT_MS = 300,
	SHORT_PARK_MS = 20,
	BODY_MAX = 1 << 20,
	SMALL_MAX = 64,
	BUDGET_BYTES = 256 << 10,
	PEER_BYTES = BUDGET_BYTES / 2,
	TEXT_MAX = 256,
	PIECES = 20,
};

/* Shared with sinks, which have no context of their own. */
static struct {
	atomic_int begun, taken, bytes, released, handled;
	atomic_bool admit, unwelcome;
} seen;

/* A sink that counts bytes and adds them up, charging its memory or not. */
struct counter {
	struct http_request *request;
	bool charges;
	size_t bytes;
	unsigned sum;
};

static struct counter *counter_create(struct http_request *request, bool charges)
{
	struct counter *counter = xcalloc(1, sizeof(*counter));

	counter->request = request;
	counter->charges = charges;
	atomic_fetch_add(&seen.begun, 1);
	return counter;
}

static void *counter_begin(struct http_request *request)
{
	return counter_create(request, false);
}

static void *counter_begin_charging(struct http_request *request)
{
	return counter_create(request, true);
}

static void *refuse_to_begin(struct http_request *request)
{
	(void)request;
	return NULL;
}

static void *begin_too_large(struct http_request *request)
{
	assert_false(http_request_charge(request, BUDGET_BYTES + 1));
	return counter_create(request, false);
}

static void counter_take(void *sink, struct view bytes)
{
	struct counter *counter = sink;

	atomic_fetch_add(&seen.taken, 1);
	if (counter->charges && !http_request_charge(counter->request, bytes.size))
		return;
	counter->bytes += bytes.size;
	atomic_fetch_add(&seen.bytes, (int)bytes.size);
	for (size_t i = 0; i < bytes.size; i++)
		counter->sum += (unsigned char)bytes.data[i];
}

static void counter_release(void *sink)
{
	atomic_fetch_add(&seen.released, 1);
	free(sink);
}

static const struct http_body_sink counts = {counter_begin, counter_take, counter_release};
static const struct http_body_sink charges = {counter_begin_charging, counter_take,
                                              counter_release};
static const struct http_body_sink none = {refuse_to_begin, counter_take, counter_release};
static const struct http_body_sink greedy = {begin_too_large, counter_take, counter_release};

static void handle_counted(void *ctx, struct http_request *request)
{
	const struct counter *counter = http_request_sink(request);
	char text[TEXT_MAX];

	(void)ctx;
	atomic_fetch_add(&seen.handled, 1);
	assert_int_equal(http_request_body(request).size, 0);
	(void)snprintf(text, sizeof(text), "%zu bytes, sum %u", counter ? counter->bytes : 0,
	               counter ? counter->sum : 0);
	http_reply(request, 200, "text/plain", view_of_string(text));
}

static void on_park_end(void *ctx, struct http_request *request)
{
	http_request_dispatch(request, handle_counted, ctx);
}

static void handle_park(void *ctx, struct http_request *request)
{
	struct http_park park = {SHORT_PARK_MS, on_park_end, on_park_end, ctx};

	http_request_park(request, &park);
}

static bool admit(void *ctx, struct http_request *request)
{
	(void)ctx;
	if (atomic_load(&seen.admit))
		return true;
	http_reply_error(request, 403, "not you");
	return false;
}

static bool welcome(void *ctx, struct http_request *request)
{
	(void)ctx;
	(void)request;
	return !atomic_load(&seen.unwelcome);
}

#define SINK_ROUTE(path, limit, kind, run)                                                         \
	{                                                                                          \
		.method = "POST", .pattern = (path), .body_max_bytes = (limit), .sink = &(kind),   \
		.handler = (run)                                                                   \
	}

static const struct http_route routes[] = {
        SINK_ROUTE("/count", BODY_MAX, counts, handle_counted),
        SINK_ROUTE("/charge", BODY_MAX, charges, handle_counted),
        SINK_ROUTE("/small", SMALL_MAX, counts, handle_counted),
        SINK_ROUTE("/none", BODY_MAX, none, handle_counted),
        SINK_ROUTE("/greedy", BODY_MAX, greedy, handle_counted),
        SINK_ROUTE("/park", BODY_MAX, counts, handle_park),
        {.method = "POST",
         .pattern = "/cut",
         .body_max_bytes = SMALL_MAX,
         .body_truncates = true,
         .sink = &counts,
         .handler = handle_counted},
        {.method = "GET", .pattern = "/get", .sink = &counts, .handler = handle_counted},
};

static int start(void **state, int64_t read_timeout_ms)
{
	struct http_server_options options = {
	        .listen = "127.0.0.1:0",
	        .routes = routes,
	        .route_count = sizeof(routes) / sizeof(routes[0]),
	        .admit = admit,
	        .welcome = welcome,
	        .workers = 1,
	        .read_timeout_ms = read_timeout_ms,
	        .buffered_max_bytes = BUDGET_BYTES,
	};
	struct error err;

	memset(&seen, 0, sizeof(seen));
	atomic_store(&seen.admit, true);
	*state = http_server_start(&options, &err);
	assert_non_null(*state);
	return 0;
}

static int setup(void **state)
{
	return start(state, READ_TIMEOUT_MS);
}

static int setup_patient(void **state)
{
	return start(state, RAW_WAIT_MS);
}

/* Each test leaves nothing begun. */
static int teardown(void **state)
{
	http_server_destroy(*state);
	assert_int_equal(atomic_load(&seen.begun), atomic_load(&seen.released));
	return 0;
}

static void wait_for(const atomic_int *counter, int wanted)
{
	int64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;

	while (atomic_load(counter) < wanted) {
		struct timespec pause = {.tv_nsec = NS_PER_MS};

		assert_true(clock_monotonic_ms() < deadline_ms);
		nanosleep(&pause, NULL);
	}
}

/* A request with so many letters 'a' for a body; the caller frees it. */
static char *request_with(const char *path, size_t size)
{
	struct buf text;

	buf_init(&text, RAW_ANSWER_MAX_BYTES);
	buf_printf(&text, "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n" RAW_CLOSE, path, size);
	for (size_t i = 0; i < size; i++)
		buf_append_char(&text, 'a');
	return buf_detach(&text);
}

struct outcome {
	const char *path;
	size_t size;
	const char *status, *text;
	int begun;
};

static const struct outcome outcomes[] = {
        {"/count", 0, "HTTP/1.1 200 ", "\r\n\r\n0 bytes, sum 0", 1},
        {"/count", 10, "HTTP/1.1 200 ", "\r\n\r\n10 bytes, sum 970", 1},
        {"/count", BODY_MAX, "HTTP/1.1 200 ", "\r\n\r\n1048576 bytes, sum 101711872", 1},
        {"/count", BODY_MAX + 1, "HTTP/1.1 413 ", "too large", 1},
        {"/count", (size_t)8 * BODY_MAX, "HTTP/1.1 413 ", "too large", 0},
        {"/small", SMALL_MAX, "HTTP/1.1 200 ", "64 bytes", 1},
        {"/small", SMALL_MAX + 1, "HTTP/1.1 413 ", "too large", 1},
        {"/cut", SMALL_MAX + 10, "HTTP/1.1 200 ", "64 bytes", 1},
        {"/none", 10, "HTTP/1.1 200 ", "\r\n\r\n0 bytes", 0},
        {"/charge", PEER_BYTES, "HTTP/1.1 200 ", "131072 bytes", 1},
        {"/charge", PEER_BYTES + 1, "HTTP/1.1 503 ", "Retry-After: 1\r\n", 1},
        {"/charge", BODY_MAX, "HTTP/1.1 503 ", "too much is in flight", 1},
        {"/greedy", 10, "HTTP/1.1 503 ", "Retry-After: 1\r\n", 1},
        {"/greedy", 0, "HTTP/1.1 503 ", "Retry-After: 1\r\n", 1},
        {"/park", 3, "HTTP/1.1 200 ", "3 bytes", 1},
        {"/get", 3, "HTTP/1.1 405 ", "Allow: GET", 0},
};

/* Also: the budget is given back after each, or the next would fail. */
static void bodies_end_as_their_route_says(void **state)
{
	int begun = 0;

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		const struct outcome *o = &outcomes[i];
		/* What is hopeless by its account is refused before it is sent. */
		size_t sent = o->size > 4 * (size_t)BODY_MAX ? 0 : o->size;
		char *request = request_with(o->path, o->size);
		char *answer;

		*(strstr(request, "\r\n\r\n") + 4 + sent) = '\0';
		answer = raw_ask(http_server_port(*state), request);
		if (!strstr(answer, o->status) || !strstr(answer, o->text))
			fail_msg("%s with %zu bytes: '%s'", o->path, o->size, answer);
		begun += o->begun;
		assert_int_equal(atomic_load(&seen.begun), begun);
		wait_for(&seen.released, begun);
		free(request);
		free(answer);
	}
}

static void body_is_taken_as_it_arrives(void **state)
{
	int fd = raw_dial(http_server_port(*state));
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "POST /count HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" RAW_CLOSE);
	for (int i = 0; i < PIECES; i++) {
		raw_say(fd, "2\r\naa\r\n");
		wait_for(&seen.taken, i + 1);
		assert_int_equal(atomic_load(&seen.handled), 0);
	}
	raw_say(fd, "0\r\n\r\n");
	assert_true(raw_hear(fd, &answer, NULL));
	assert_non_null(strstr(answer.data, "\r\n\r\n40 bytes"));
	buf_release(&answer);
	close(fd);
}

/* A client whose bodies do not end leaves room for those of others. */
static void a_peer_gets_half_of_the_budget(void **state)
{
	int port = http_server_port(*state);
	int hog = raw_dial(port), other = raw_dial_from("127.0.0.2", port);
	char *text = request_with("/charge", PEER_BYTES + 1);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	/* All but two bytes: one more would be too much. */
	text[strlen(text) - 2] = '\0';
	raw_say(hog, text);
	wait_for(&seen.bytes, PEER_BYTES - 1);
	free(text);
	text = request_with("/charge", 2);
	raw_say(other, text);
	assert_true(raw_hear(other, &answer, NULL));
	assert_non_null(strstr(answer.data, "HTTP/1.1 200 "));
	free(text);
	text = raw_ask(port, "POST /charge HTTP/1.1\r\nContent-Length: 2\r\n" RAW_CLOSE "xx");
	assert_non_null(strstr(text, "HTTP/1.1 503 "));
	free(text);
	buf_release(&answer);
	close(hog);
	close(other);
}

static void client_that_leaves_in_mid_body_releases(void **state)
{
	int fd = raw_dial(http_server_port(*state));

	raw_say(fd, "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
	wait_for(&seen.taken, 1);
	close(fd);
	wait_for(&seen.released, 1);
	assert_int_equal(atomic_load(&seen.handled), 0);
}

static void slow_body_releases(void **state)
{
	int fd = raw_dial(http_server_port(*state));
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
	assert_true(raw_hear(fd, &answer, NULL));
	wait_for(&seen.released, 1);
	assert_int_equal(answer.size, 0);
	buf_release(&answer);
	close(fd);
}

static void server_that_ends_releases(void **state)
{
	int fd = raw_dial(http_server_port(*state));

	raw_say(fd, "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
	wait_for(&seen.taken, 1);
	http_server_destroy(*state);
	*state = NULL;
	assert_int_equal(atomic_load(&seen.released), 1);
	close(fd);
}

static void who_is_not_admitted_releases(void **state)
{
	char *request = request_with("/count", 10);
	char *answer;

	atomic_store(&seen.admit, false);
	answer = raw_ask(http_server_port(*state), request);
	assert_non_null(strstr(answer, "HTTP/1.1 403 "));
	wait_for(&seen.released, 1);
	assert_int_equal(atomic_load(&seen.handled), 0);
	free(request);
	free(answer);
}

static void a_body_that_is_not_welcome_is_not_read(void **state)
{
	atomic_store(&seen.unwelcome, true);
	for (int admitted = 0; admitted < 2; admitted++) {
		char *request = request_with("/count", 10);

		atomic_store(&seen.admit, admitted == 1);
		char *answer = raw_ask(http_server_port(*state), request);
		assert_non_null(strstr(answer, admitted ? "HTTP/1.1 503 " : "HTTP/1.1 403 "));
		assert_int_equal(atomic_load(&seen.begun), 0);
		assert_int_equal(atomic_load(&seen.handled), 0);
		free(request);
		free(answer);
	}
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SERVER_TEST(bodies_end_as_their_route_says),
	        SERVER_TEST(body_is_taken_as_it_arrives),
	        cmocka_unit_test_setup_teardown(a_peer_gets_half_of_the_budget, setup_patient,
	                                        teardown),
	        SERVER_TEST(client_that_leaves_in_mid_body_releases),
	        SERVER_TEST(slow_body_releases),
	        SERVER_TEST(server_that_ends_releases),
	        SERVER_TEST(who_is_not_admitted_releases),
	        SERVER_TEST(a_body_that_is_not_welcome_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
