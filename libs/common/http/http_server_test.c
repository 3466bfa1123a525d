// SPDX-License-Identifier: Apache-2.0
/* The server over real sockets of the loopback interface. */
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "http/raw_client.h"

enum {
	READ_TIMEOUT_MS = 300,
	BODY_MAX = 64,
	BUDGET_BYTES = 1 << 20,
	BIG_BODY = 2 << 20,
	TWO_WORKERS = 2,
};

/* What handlers share with the tests. */
struct app {
	struct http_server *server;
	sem_t entered, leave; /* of handlers that block */
};

static void handle_echo(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, "application/octet-stream", http_request_body(request));
}

static void handle_item(void *ctx, struct http_request *request)
{
	const char *query = http_request_query(request, "q");
	char *text = xasprintf("%s %s %s %s %s", http_request_method(request),
	                       http_request_path(request), http_request_param(request, "name"),
	                       query ? query : "-", http_request_peer(request));

	(void)ctx;
	http_reply_header(request, "X-Test", "yes");
	http_reply_json(request, 200, view_of_string(text));
	free(text);
}

static void handle_error(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply_error(request, 418, "no \"%s\" <here>", "tea");
}

static void handle_block(void *ctx, struct http_request *request)
{
	struct app *app = ctx;

	sem_post(&app->entered);
	sem_wait(&app->leave);
	http_reply_empty(request, 200);
}

static const struct http_route routes[] = {
        {.method = "GET",
         .pattern = "/items/{name}",
         .handler = handle_item,
         .head_runs_handler = true},
        {.method = "GET", .pattern = "/error", .handler = handle_error},
        {.method = "GET", .pattern = "/block", .handler = handle_block},
        {.method = "GET", .pattern = "/quick", .handler = handle_error, .immediate = true},
        {.method = "POST", .pattern = "/echo", .body_max_bytes = BODY_MAX, .handler = handle_echo},
        {.method = "POST",
         .pattern = "/cut",
         .body_max_bytes = BODY_MAX,
         .body_truncates = true,
         .handler = handle_echo},
        {.method = "POST", .pattern = "/big", .body_max_bytes = BIG_BODY, .handler = handle_echo},
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
	        .buffered_max_bytes = BUDGET_BYTES,
	};
	struct error err;

	sem_init(&app->entered, 0, 0);
	sem_init(&app->leave, 0, 0);
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

struct exchange {
	const char *request;
	const char *expect[4]; /* all are in the answer */
	const char *end;       /* and this ends it */
};

static const struct exchange exchanges[] = {
        {"GET /items/a%2Fb?x=1&q=c%20d HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 200 ", "X-Test: yes\r\n", "Content-Type: application/json\r\n"},
         "\r\n\r\nGET /items/a/b a/b c d 127.0.0.1\n"},
        {"HEAD /items/a HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 200 ", "Content-Length: 28\r\n"},
         "\r\n\r\n"},
        {"HEAD /block HTTP/1.1\r\n" RAW_CLOSE, {"HTTP/1.1 204 "}, "\r\n\r\n"},
        {"GET /error HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 418 ", "Content-Length: 40\r\n"},
         "{\"error\":\"no \\\"tea\\\" \\u003chere\\u003e\"}\n"},
        {"GET /quick HTTP/1.1\r\n" RAW_CLOSE, {"HTTP/1.1 418 "}, "}\n"},
        {"GET /nope HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 404 ", "Content-Type: text/plain; charset=utf-8\r\n"},
         "\r\n\r\n404 page not found\n"},
        {"GET /echo HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 405 ", "Allow: POST\r\n", "X-Content-Type-Options: nosniff\r\n"},
         "\r\n\r\nMethod Not Allowed\n"},
        {"GET /items/%zz HTTP/1.1\r\n" RAW_CLOSE,
         {"HTTP/1.1 400 "},
         "bad percent-encoding in the path\"}\n"},
        {"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" RAW_CLOSE "hello",
         {"HTTP/1.1 200 ", "Content-Length: 5\r\n"},
         "\r\n\r\nhello"},
        {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" RAW_CLOSE
         "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
         {"HTTP/1.1 200 "},
         "\r\n\r\nhello"},
        {"POST /echo HTTP/1.1\r\nContent-Length: 65\r\n" RAW_CLOSE
         "0123456789012345678901234567890123456789012345678901234567890123X",
         {"HTTP/1.1 413 "},
         "{\"error\":\"request body too large\"}\n"},
        {"POST /echo HTTP/1.1\r\nContent-Length: 999999999\r\n" RAW_CLOSE,
         {"HTTP/1.1 413 "},
         "{\"error\":\"request body too large\"}\n"},
        {"POST /cut HTTP/1.1\r\nContent-Length: 65\r\n" RAW_CLOSE
         "0123456789012345678901234567890123456789012345678901234567890123X",
         {"HTTP/1.1 200 ", "Content-Length: 64\r\n"},
         "90123"},
        {"GET /items/a HTTP/1.1\r\nContent-Length: 4\r\n" RAW_CLOSE "body",
         {"HTTP/1.1 200 "},
         "\n"},
};

static void answers(void **state)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		const struct exchange *e = &exchanges[i];
		char *answer = ask(*state, e->request);

		for (size_t k = 0; k < 4 && e->expect[k]; k++) {
			if (!strstr(answer, e->expect[k]))
				fail_msg("no '%s' in '%s' for '%s'", e->expect[k], answer,
				         e->request);
		}
		if (!view_ends_with(view_of_string(answer), view_of_string(e->end)))
			fail_msg("'%s' does not end in '%s'", answer, e->end);
		free(answer);
	}
}

static void connection_is_kept(void **state)
{
	int fd = dial(*state);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	for (int i = 0; i < 3; i++) {
		buf_reset(&answer);
		raw_say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
		assert_false(raw_hear(fd, &answer, "\r\n\r\nbody"));
	}
	/* Also after an answer that needed no handler. */
	buf_reset(&answer);
	raw_say(fd, "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	assert_false(raw_hear(fd, &answer, "not found\n"));
	buf_reset(&answer);
	raw_say(fd, "GET /error HTTP/1.1\r\nHost: x\r\n\r\nGET /quick HTTP/1.1\r\n" RAW_CLOSE);
	assert_true(raw_hear(fd, &answer, NULL));
	assert_non_null(strstr(strstr(answer.data, "HTTP/1.1 418") + 1, "HTTP/1.1 418"));
	buf_release(&answer);
	close(fd);
}

/* Neither an unfinished request line nor a trickling body holds a connection. */
static void slow_clients_are_cut_off(void **state)
{
	int head = dial(*state), body = dial(*state);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(head, "GET /items/a HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	raw_say(body, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n0123");
	assert_true(raw_hear(head, &answer, NULL));
	assert_true(raw_hear(body, &answer, NULL));
	assert_int_equal(answer.size, 0);
	buf_release(&answer);
	close(head);
	close(body);
}

static void immediate_route_answers_while_workers_wait(void **state)
{
	struct app *app = *state;
	int fds[TWO_WORKERS];
	char *answer;

	for (int i = 0; i < TWO_WORKERS; i++) {
		fds[i] = dial(app);
		raw_say(fds[i], "GET /block HTTP/1.1\r\nHost: x\r\n\r\n");
		sem_wait(&app->entered);
	}
	answer = ask(app, "GET /quick HTTP/1.1\r\n" RAW_CLOSE);
	assert_non_null(strstr(answer, "HTTP/1.1 418 "));
	free(answer);
	for (int i = 0; i < TWO_WORKERS; i++)
		sem_post(&app->leave);
	for (int i = 0; i < TWO_WORKERS; i++)
		close(fds[i]);
}

static void bodies_have_a_budget(void **state)
{
	char *request = xmalloc(BIG_BODY + 256);
	int head = snprintf(request, 256, "POST /big HTTP/1.1\r\nContent-Length: %d\r\n" RAW_CLOSE,
	                    BIG_BODY);
	char *answer;

	memset(request + head, 'x', BIG_BODY);
	request[head + BIG_BODY] = '\0';
	answer = ask(*state, request);
	assert_non_null(strstr(answer, "HTTP/1.1 503 "));
	assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
	free(answer);
	/* What was refused is given back. */
	answer = ask(*state, "POST /big HTTP/1.1\r\nContent-Length: 2\r\n" RAW_CLOSE "ok");
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	free(answer);
	free(request);
}

static void bad_options_are_refused(void **state)
{
	static const struct http_server_options cases[] = {
	        {.listen = "127.0.0.1"},
	        {.listen = "127.0.0.1:"},
	        {.listen = "256.0.0.1:0"},
	        {.listen = "127.0.0.1:0", .tls_cert_file = "/nonexistent/cert.pem"},
	        {.listen = "127.0.0.1:0",
	         .tls_cert_file = "/nonexistent/cert.pem",
	         .tls_key_file = "/nonexistent/key.pem"},
	        {.listen = "127.0.0.1:0", .tls_client_ca_file = "/nonexistent/ca.pem"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};

		assert_null(http_server_start(&cases[i], &err));
		assert_true(err.code > 0);
		assert_true(err.text[0] != '\0');
	}
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SERVER_TEST(answers),
	        SERVER_TEST(connection_is_kept),
	        SERVER_TEST(slow_clients_are_cut_off),
	        SERVER_TEST(immediate_route_answers_while_workers_wait),
	        SERVER_TEST(bodies_have_a_budget),
	        cmocka_unit_test(bad_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
