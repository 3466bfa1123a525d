// SPDX-License-Identifier: Apache-2.0
/*
 * Clients that are slow, greedy or never end: each costs its own connection for a while, and the
 * others are answered meanwhile. And what a refused client's connection is good for afterwards.
 */
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/raw_client.h"

enum {
	READ_TIMEOUT_MS = 1500, /* for those who are hostile; the others get as long as they need */
	IDLE_TIMEOUT_MS = 1500,
	PATIENT_MS = 60000,
	BODY_MAX = 4096,
	BUDGET_BYTES = 2048,
	LARGE_ANSWER = 1 << 20,
	HOSTILE = 200,
	OTHERS = 50,
	PER_PEER_MAX = 10,
	PIECE = 64 << 10,
	LONG_HEADER = 4500,
	ENDLESS_HEADER = 64 << 10,
};

static atomic_bool admits;

static bool admit(void *ctx, struct http_request *request)
{
	(void)ctx;
	if (atomic_load(&admits))
		return true;
	http_reply_error(request, 403, "not you");
	return false;
}

static void handle_ok(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, "text/plain", VIEW_LITERAL("fine"));
}

static void handle_large(void *ctx, struct http_request *request)
{
	char *large = xcalloc(1, LARGE_ANSWER);

	(void)ctx;
	http_reply(request, 200, "text/plain", view_of(large, LARGE_ANSWER));
	free(large);
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/ok", .handler = handle_ok},
        {.method = "GET", .pattern = "/large", .handler = handle_large},
        {.method = "POST", .pattern = "/ok", .body_max_bytes = BODY_MAX, .handler = handle_ok},
};

static int start(void **state, int per_peer_max, size_t budget_bytes, bool patient)
{
	struct http_server_options options = {
	        .listen = "127.0.0.1:0",
	        .routes = routes,
	        .route_count = sizeof(routes) / sizeof(routes[0]),
	        .admit = admit,
	        .workers = 2,
	        .read_timeout_ms = patient ? PATIENT_MS : READ_TIMEOUT_MS,
	        .idle_timeout_ms = patient ? PATIENT_MS : IDLE_TIMEOUT_MS,
	        .buffered_max_bytes = budget_bytes,
	        .connections_per_peer_max = per_peer_max,
	};
	struct error err;

	atomic_store(&admits, true);
	*state = http_server_start(&options, &err);
	assert_non_null(*state);
	return 0;
}

static int setup(void **state)
{
	return start(state, 0, 0, true);
}

static int setup_impatient(void **state)
{
	return start(state, 0, 0, false);
}

static int setup_small_budget(void **state)
{
	return start(state, 0, BUDGET_BYTES, true);
}

static int setup_few_per_peer(void **state)
{
	return start(state, PER_PEER_MAX, 0, false);
}

static int teardown(void **state)
{
	http_server_destroy(*state);
	return 0;
}

/* Sends what fits; the server may have closed the connection. */
static void push(int fd, const char *data, size_t size)
{
	(void)!send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct hostile {
	const char *first; /* sent at once */
	const char *more;  /* again and again */
};

#define POST "POST /ok HTTP/1.1\r\nHost: x\r\n"

static const struct hostile kinds[] = {
        {"", ""},
        {"GE", ""},
        {"GET /ok HTTP/1.1\r\nHost: x\r\n", "X-Slow: 1\r\n"},
        {"GET /ok HTTP/1.1\r\nHost: x\r\nX-Long: ", "0123456789abcdef0123456789abcdef"},
        {POST "Content-Length: 4000\r\n\r\n", "x"},
        {POST "Content-Length: 2147483648\r\n\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {POST "Transfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n"},
        {POST "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "0123456789abcdef"},
        {"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", ""},
        {"\r\n\r\n\r\n\r\n", "\r\n"},
};

static void others_are_answered(struct http_server *server, const int *fds)
{
	for (int i = 0; i < OTHERS; i++) {
		char *answer =
		        raw_ask(http_server_port(server), POST "Content-Length: 4\r\n"
		                                               "Connection: close\r\n\r\nbody");

		assert_non_null(strstr(answer, "HTTP/1.1 200 "));
		free(answer);
		for (size_t k = 0; k < HOSTILE; k++) {
			const char *more = kinds[k % (sizeof(kinds) / sizeof(kinds[0]))].more;

			push(fds[k], more, strlen(more));
		}
	}
}

static void is_closed_in_the_end(int fd)
{
	int64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
	char *room = xcalloc(1, PIECE);

	for (;;) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};

		assert_true(clock_monotonic_ms() < deadline_ms);
		if (poll(&poller, 1, RAW_WAIT_MS) > 0 && recv(fd, room, PIECE, 0) <= 0)
			break;
	}
	free(room);
}

static void hostile_clients_cost_their_connections(void **state)
{
	int fds[HOSTILE];

	for (size_t i = 0; i < HOSTILE; i++) {
		const char *first = kinds[i % (sizeof(kinds) / sizeof(kinds[0]))].first;

		fds[i] = raw_dial(http_server_port(*state));
		push(fds[i], first, strlen(first));
	}
	others_are_answered(*state, fds);
	for (size_t i = 0; i < HOSTILE; i++) {
		is_closed_in_the_end(fds[i]);
		close(fds[i]);
	}
}

static void a_peer_has_so_many_connections(void **state)
{
	int port = http_server_port(*state);
	int fds[PER_PEER_MAX];
	struct buf answer;
	int fd;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	for (int i = 0; i < PER_PEER_MAX; i++) {
		buf_reset(&answer);
		fds[i] = raw_dial(port);
		raw_say(fds[i], "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_false(raw_hear(fds[i], &answer, "fine"));
	}
	fd = raw_dial(port);
	is_closed_in_the_end(fd);
	close(fd);
	/* Those within the limit serve on; who leaves makes room. */
	buf_reset(&answer);
	raw_say(fds[0], "GET /ok HTTP/1.1\r\n" RAW_CLOSE);
	assert_true(raw_hear(fds[0], &answer, NULL));
	for (int i = 0; i < PER_PEER_MAX; i++)
		close(fds[i]);
	buf_release(&answer);
}

static void headers_have_a_limit(void **state)
{
	char *request = xmalloc(ENDLESS_HEADER);
	int begin = snprintf(request, ENDLESS_HEADER, "GET /ok HTTP/1.1\r\nX-Long: ");
	char *text;
	int fd;

	memset(request + begin, 'x', ENDLESS_HEADER - (size_t)begin);
	fd = raw_dial(http_server_port(*state));
	push(fd, request, ENDLESS_HEADER);
	is_closed_in_the_end(fd);
	close(fd);
	(void)snprintf(request + begin + LONG_HEADER, 64, "\r\n" RAW_CLOSE);
	text = raw_ask(http_server_port(*state), request);
	assert_non_null(strstr(text, "HTTP/1.1 200 "));
	free(text);
	free(request);
}

/* A body of so many bytes on an open connection; what was answered is in `out`. */
static void post(int fd, size_t size, struct buf *out, const char *until)
{
	char *body = xcalloc(1, size + 1);
	char head[128];

	memset(body, 'x', size);
	(void)snprintf(head, sizeof(head), POST "Content-Length: %zu\r\n\r\n", size);
	raw_say(fd, head);
	raw_say(fd, body);
	buf_reset(out);
	assert_false(raw_hear(fd, out, until));
	free(body);
}

static void connection_is_kept_after_refusals(void **state)
{
	int fd = raw_dial(http_server_port(*state));
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	post(fd, BODY_MAX + 1, &answer, "too large\"}\n");
	assert_non_null(strstr(answer.data, "HTTP/1.1 413 "));
	post(fd, BUDGET_BYTES + 1, &answer, "in flight\"}\n");
	assert_non_null(strstr(answer.data, "HTTP/1.1 503 "));
	assert_non_null(strstr(answer.data, "Retry-After: 1\r\n"));
	atomic_store(&admits, false);
	post(fd, 4, &answer, "not you\"}\n");
	assert_non_null(strstr(answer.data, "HTTP/1.1 403 "));
	atomic_store(&admits, true);
	post(fd, 4, &answer, "fine");
	assert_non_null(strstr(answer.data, "HTTP/1.1 200 "));
	buf_release(&answer);
	close(fd);
}

/* Who asks before he sends a body is told before he sends it. */
static void expectations_are_answered_first(void **state)
{
	int fd = raw_dial(http_server_port(*state));
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, POST "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
	assert_false(raw_hear(fd, &answer, "HTTP/1.1 100 Continue\r\n\r\n"));
	raw_say(fd, "body");
	assert_false(raw_hear(fd, &answer, "fine"));
	buf_reset(&answer);
	raw_say(fd, POST "Content-Length: 2147483648\r\nExpect: 100-continue\r\n\r\n");
	assert_true(raw_hear(fd, &answer, NULL));
	assert_non_null(strstr(answer.data, "HTTP/1.1 413 "));
	assert_null(strstr(answer.data, " 100 "));
	buf_release(&answer);
	close(fd);
}

/* Also who does not ask, and finds his connection closed while he sends. */
static void answer_to_a_hopeless_body_arrives(void **state)
{
	int fd = raw_dial(http_server_port(*state));
	char *body = xcalloc(1, PIECE);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, POST "Content-Length: 2147483648\r\n\r\n");
	push(fd, body, PIECE);
	assert_true(raw_hear(fd, &answer, NULL));
	assert_non_null(strstr(answer.data, "HTTP/1.1 413 "));
	buf_release(&answer);
	free(body);
	close(fd);
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(hostile_clients_cost_their_connections,
	                                        setup_impatient, teardown),
	        cmocka_unit_test_setup_teardown(a_peer_has_so_many_connections, setup_few_per_peer,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(headers_have_a_limit, setup_impatient, teardown),
	        cmocka_unit_test_setup_teardown(connection_is_kept_after_refusals,
	                                        setup_small_budget, teardown),
	        SERVER_TEST(expectations_are_answered_first),
	        SERVER_TEST(answer_to_a_hopeless_body_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
