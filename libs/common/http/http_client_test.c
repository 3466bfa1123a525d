// SPDX-License-Identifier: Apache-2.0
/* The client against scripted answers, good and bad. */
#include "http/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/scripted_server.h"

enum { ANSWER_MAX = 1024, TIMEOUT_MS = 10000, SHORT_TIMEOUT_MS = 50, URL_MAX = 128 };

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: plain\r\n\r\nok"

static const struct http_client_options plain_options = {.user_agent = "fangs-test/1"};

/* A server with its script and a client. */
struct setup {
	struct scripted_server server;
	struct http_client *client;
	char url[URL_MAX];
};

static void begin(struct setup *setup, const struct http_client_options *options,
                  const struct scripted_answer *answers, size_t count)
{
	struct error err = {0};
	scripted_server_start(&setup->server, options->unix_socket, answers, count);
	(void)snprintf(setup->url, sizeof(setup->url), "http://127.0.0.1:%d/path?q=1",
	               setup->server.port);
	setup->client = http_client_create(options, &err);
	assert_non_null(setup->client);
}

static void end(struct setup *setup)
{
	http_client_destroy(setup->client);
	scripted_server_stop(&setup->server);
}

static struct http_call get(const struct setup *setup)
{
	return (struct http_call){.method = "GET",
	                          .url = setup->url,
	                          .timeout_ms = TIMEOUT_MS,
	                          .answer_max_bytes = ANSWER_MAX};
}

static int call_once(struct setup *setup, const struct http_call *call, struct error *err)
{
	struct http_answer answer;
	int rc = http_client_call(setup->client, call, &answer, err);
	http_answer_release(&answer);
	return rc;
}

static void request_and_answer_are_complete(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	struct http_client_options options = plain_options;
	options.bearer_token = "t0ken";
	static const struct scripted_answer answers[] = {{.text = OK_ANSWER}};
	static const struct http_header headers[] = {{"If-None-Match", "\"x\""}, {"X-Empty", ""}};
	begin(&setup, &options, answers, 1);
	struct http_call call = get(&setup);
	call.headers = headers;
	call.header_count = 2;
	struct http_answer answer;
	assert_int_equal(http_client_call(setup.client, &call, &answer, &err), 0);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body.data, "ok");
	assert_string_equal(http_answer_header(&answer, "x-KIND"), "plain");
	assert_null(http_answer_header(&answer, "x-none"));
	http_answer_release(&answer);
	end(&setup);
	const char *request = setup.server.requests[0];
	assert_non_null(strstr(request, "GET /path?q=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(request, "User-Agent: fangs-test/1\r\n"));
	assert_non_null(strstr(request, "Authorization: Bearer t0ken\r\n"));
	assert_non_null(strstr(request, "If-None-Match: \"x\"\r\n"));
	assert_non_null(strstr(request, "X-Empty:\r\n"));
	assert_null(strstr(request, "Content-Type"));
}

static void bodies_are_sent(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {
	        {.text = OK_ANSWER}, {.text = OK_ANSWER}, {.text = OK_ANSWER}};
	static const struct http_header json = {"Content-Type", "application/json"};
	begin(&setup, &plain_options, answers, 3);
	struct http_call call = get(&setup);
	call.method = "POST";
	call.headers = &json;
	call.header_count = 1;
	call.body = VIEW_LITERAL("{\"a\":1}");
	assert_int_equal(call_once(&setup, &call, &err), 0);
	call = get(&setup);
	call.method = "POST";
	assert_int_equal(call_once(&setup, &call, &err), 0);
	call.method = "DELETE";
	assert_int_equal(call_once(&setup, &call, &err), 0);
	end(&setup);
	assert_non_null(strstr(setup.server.requests[0], "POST /path?q=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(setup.server.requests[0], "Content-Type: application/json\r\n"));
	assert_non_null(strstr(setup.server.requests[0], "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(setup.server.requests[0], "Expect"));
	assert_non_null(strstr(setup.server.requests[1], "Content-Length: 0\r\n"));
	assert_null(strstr(setup.server.requests[1], "Content-Type"));
	assert_non_null(strstr(setup.server.requests[2], "DELETE /path?q=1 HTTP/1.1\r\n"));
	assert_null(strstr(setup.server.requests[2], "Content-Length"));
}

static void connections_are_kept(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {
	        {.text = OK_ANSWER},
	        {.text = "HTTP/1.1 204 No Content\r\n\r\n"},
	        {.text = OK_ANSWER}};
	begin(&setup, &plain_options, answers, 3);
	struct http_call call = get(&setup);
	assert_int_equal(call_once(&setup, &call, &err), 0);
	assert_int_equal(call_once(&setup, &call, &err), 0);
	call.method = "HEAD";
	assert_int_equal(call_once(&setup, &call, &err), 0);
	end(&setup);
	assert_int_equal(setup.server.request_count, 3);
	assert_int_equal(setup.server.connection_count, 1);
}

/* A server may close an idle connection at any time: that is no failure of the next call. */
static void closed_connections_are_replaced(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {{.text = OK_ANSWER, .closes = 1},
	                                                 {.text = OK_ANSWER}};
	begin(&setup, &plain_options, answers, 2);
	struct http_call call = get(&setup);
	assert_int_equal(call_once(&setup, &call, &err), 0);
	assert_int_equal(call_once(&setup, &call, &err), 0);
	end(&setup);
	assert_int_equal(setup.server.connection_count, 2);
}

static void any_status_is_an_answer(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {
	        {.text = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"},
	        {.text = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"}};
	begin(&setup, &plain_options, answers, 2);
	struct http_call call = get(&setup);
	static const long statuses[] = {503, 302};
	for (size_t i = 0; i < 2; i++) {
		struct http_answer answer;
		assert_int_equal(http_client_call(setup.client, &call, &answer, &err), 0);
		assert_int_equal(answer.status, statuses[i]);
		http_answer_release(&answer);
	}
	end(&setup);
}

static void redirects_are_followed_when_asked(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {
	        {.text = "HTTP/1.1 302 Found\r\nLocation: /other\r\nX-First: 1\r\n"
	                 "Content-Length: 0\r\n\r\n"},
	        {.text = OK_ANSWER}};
	begin(&setup, &plain_options, answers, 2);
	struct http_call call = get(&setup);
	call.follow_redirects = true;
	struct http_answer answer;
	assert_int_equal(http_client_call(setup.client, &call, &answer, &err), 0);
	assert_int_equal(answer.status, 200);
	assert_null(http_answer_header(&answer, "X-First"));
	http_answer_release(&answer);
	end(&setup);
	assert_non_null(strstr(setup.server.requests[1], "GET /other HTTP/1.1\r\n"));
}

static void redirects_end_after_a_few(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	struct scripted_answer answers[6];
	for (size_t i = 0; i < 6; i++)
		answers[i] = (struct scripted_answer){
		        .text = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"};
	begin(&setup, &plain_options, answers, 6);
	struct http_call call = get(&setup);
	call.follow_redirects = true;
	assert_true(call_once(&setup, &call, &err) < 0);
	end(&setup);
	assert_int_equal(setup.server.request_count, 6);
}

static void large_answers_are_refused(void **state)
{
	(void)state;
	struct setup setup;
	static const struct scripted_answer answers[] = {
	        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
	        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlot"},
	        {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                 "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"}};
	begin(&setup, &plain_options, answers, 3);
	struct http_call call = get(&setup);
	call.answer_max_bytes = 2;
	struct error err = {0};
	assert_int_equal(call_once(&setup, &call, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(call_once(&setup, &call, &err), -EFBIG);
		assert_int_equal(err.class, ERROR_DROP);
		assert_non_null(strstr(err.text, "too large"));
	}
	end(&setup);
}

/* Takes pieces until `left` of them came. */
struct sink {
	struct buf all;
	size_t left;
};

static int take_piece(void *ctx, struct view piece)
{
	struct sink *sink = ctx;
	buf_append_view(&sink->all, piece);
	return sink->all.size >= sink->left ? -ECANCELED : 0;
}

static void pieces_go_to_the_caller(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {{.text = OK_ANSWER}, {.text = OK_ANSWER}};
	begin(&setup, &plain_options, answers, 2);
	struct sink sink = {.left = 3};
	buf_init(&sink.all, ANSWER_MAX);
	struct http_call call = get(&setup);
	call.on_data = take_piece;
	call.ctx = &sink;
	struct http_answer answer;
	assert_int_equal(http_client_call(setup.client, &call, &answer, &err), 0);
	assert_string_equal(sink.all.data, "ok");
	assert_int_equal(answer.body.size, 0);
	http_answer_release(&answer);
	sink.left = 1;
	assert_int_equal(call_once(&setup, &call, &err), -ECANCELED);
	buf_release(&sink.all);
	end(&setup);
}

static void silence_times_out(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static const struct scripted_answer answers[] = {{.text = NULL}};
	begin(&setup, &plain_options, answers, 1);
	struct http_call call = get(&setup);
	call.timeout_ms = SHORT_TIMEOUT_MS;
	assert_int_equal(call_once(&setup, &call, &err), -ETIMEDOUT);
	assert_int_equal(err.class, ERROR_RETRY);
	end(&setup);
}

static void calls_can_be_cancelled_in_flight(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	static atomic_bool cancel;
	atomic_store(&cancel, false);
	const struct scripted_answer answers[] = {{.on_request = &cancel}};
	struct http_client_options options = plain_options;
	options.cancel = &cancel;
	begin(&setup, &options, answers, 1);
	struct http_call call = get(&setup);
	int64_t before = clock_monotonic_ms();
	assert_int_equal(call_once(&setup, &call, &err), -ECANCELED);
	assert_true(clock_monotonic_ms() - before < TIMEOUT_MS);
	assert_int_equal(err.class, ERROR_RETRY);
	end(&setup);
}

static void broken_answers_are_errors(void **state)
{
	(void)state;
	static const char *const texts[] = {
	        "nonsense\r\n\r\n",
	        "",
	        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct setup setup;
		struct error err = {0};
		const struct scripted_answer answers[] = {{.text = texts[i], .closes = 1}};
		begin(&setup, &plain_options, answers, 1);
		struct http_call call = get(&setup);
		assert_int_equal(call_once(&setup, &call, &err), -EIO);
		assert_int_equal(err.class, ERROR_RETRY);
		end(&setup);
	}
}

static void messages_hide_user_and_query(void **state)
{
	(void)state;
	static const struct {
		const char *url, *shown;
	} cases[] = {
	        {"http://u:hush@127.0.0.1:1/a/b?token=hush#hush", "'http://127.0.0.1:1/a/b'"},
	        {"http://127.0.0.1:1/@scope%2fname?hush", "'http://127.0.0.1:1/@scope%2fname'"},
	        {"http://127.0.0.1:1?hush@x", "'http://127.0.0.1:1'"},
	};
	struct error err = {0};
	AUTO(http_client) struct http_client *client = http_client_create(&plain_options, &err);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer;
		const struct http_call call = {
		        .method = "GET", .url = cases[i].url, .timeout_ms = TIMEOUT_MS};
		assert_int_equal(http_client_call(client, &call, &answer, &err), -ECONNREFUSED);
		assert_int_equal(err.class, ERROR_RETRY);
		assert_non_null(strstr(err.text, cases[i].shown));
		assert_null(strstr(err.text, "hush"));
		http_answer_release(&answer);
	}
}

static void bad_urls_are_dropped(void **state)
{
	(void)state;
	static const char *const urls[] = {"", "file:///etc/passwd", "gopher://127.0.0.1/x",
	                                   "http://"};
	struct error err = {0};
	AUTO(http_client) struct http_client *client = http_client_create(&plain_options, &err);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct http_answer answer;
		const struct http_call call = {
		        .method = "GET", .url = urls[i], .timeout_ms = TIMEOUT_MS};
		assert_int_equal(http_client_call(client, &call, &answer, &err), -EINVAL);
		assert_int_equal(err.class, ERROR_DROP);
		http_answer_release(&answer);
	}
}

static void unix_sockets_are_used(void **state)
{
	(void)state;
	struct setup setup;
	struct error err = {0};
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/fangs-http-test-%d.sock", (int)getpid());
	struct http_client_options options = plain_options;
	options.unix_socket = path;
	static const struct scripted_answer answers[] = {{.text = OK_ANSWER}};
	begin(&setup, &options, answers, 1);
	struct http_call call = get(&setup);
	call.url = "http://localhost/_ping";
	assert_int_equal(call_once(&setup, &call, &err), 0);
	assert_int_equal(unlink(path), 0);
	end(&setup);
	struct http_client *client = http_client_create(&options, &err);
	struct http_answer answer;
	assert_true(http_client_call(client, &call, &answer, &err) < 0);
	http_answer_release(&answer);
	http_client_destroy(client);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "No such file or directory"));
}

static void missing_tls_files_are_named(void **state)
{
	(void)state;
	struct error err = {0};
	const struct http_client_options options = {.tls_ca_file = "/nonexistent/ca.pem"};
	assert_null(http_client_create(&options, &err));
	assert_non_null(strstr(err.text, "the CA file '/nonexistent/ca.pem'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(request_and_answer_are_complete),
	        cmocka_unit_test(bodies_are_sent),
	        cmocka_unit_test(connections_are_kept),
	        cmocka_unit_test(closed_connections_are_replaced),
	        cmocka_unit_test(any_status_is_an_answer),
	        cmocka_unit_test(redirects_are_followed_when_asked),
	        cmocka_unit_test(redirects_end_after_a_few),
	        cmocka_unit_test(large_answers_are_refused),
	        cmocka_unit_test(pieces_go_to_the_caller),
	        cmocka_unit_test(silence_times_out),
	        cmocka_unit_test(calls_can_be_cancelled_in_flight),
	        cmocka_unit_test(broken_answers_are_errors),
	        cmocka_unit_test(messages_hide_user_and_query),
	        cmocka_unit_test(bad_urls_are_dropped),
	        cmocka_unit_test(unix_sockets_are_used),
	        cmocka_unit_test(missing_tls_files_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
