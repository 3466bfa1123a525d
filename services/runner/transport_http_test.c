// SPDX-License-Identifier: Apache-2.0
/* The HTTP transport and the registration against a small /v1 server in this process. */
#include "transport_http.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/http_server.h"
#include "model/model_fixture.h"

enum { URL_MAX = 64, BODY_MAX = 1 << 20, DEADLINE_MS = 10000 };

#define RUN_ID "0102030405060708090a0b0c0d0e0f10"
static const char JOB[] = "{\"run_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],\"kind\":"
                          "\"sandbox_scan\",\"watched_paths\":[{\"prefix\":\"/etc/\"}],"
                          "\"duration\":1000000000,\"sandbox\":{\"image\":\"x\"}}";

struct fixture {
	struct http_server *server;
	struct service *service;
	struct slots *slots;
	struct control *control;
	struct transport *transport;
	struct runner_config config;
	char gateway[URL_MAX];

	/* What the server does and saw; written by its workers. */
	pthread_mutex_t lock;
	int status; /* of the next answers */
	const char *job;
	char path[256];
	struct buf body;
	int registrations, heartbeats;
	int hand_backs; /* heartbeats that hand back RUN_ID and nothing else */
	bool forgets;   /* answers a heartbeat with unknown_runner, once */
	bool foreign;   /* knows nothing of our extensions */
};

static void note(struct fixture *f, struct http_request *request)
{
	(void)snprintf(f->path, sizeof(f->path), "%s", http_request_path(request));
	buf_reset(&f->body);
	buf_append_view(&f->body, http_request_body(request));
}

static void on_jobs(void *ctx, struct http_request *request)
{
	struct fixture *f = ctx;
	pthread_mutex_lock(&f->lock);
	int status = f->status;
	const char *job = f->job;
	pthread_mutex_unlock(&f->lock);
	if (status == 200)
		http_reply_json(request, status, view_of_string(job));
	else if (status == 204)
		http_reply_empty(request, status);
	else
		http_reply_error(request, status, "told so");
}

static void on_post(void *ctx, struct http_request *request)
{
	struct fixture *f = ctx;
	pthread_mutex_lock(&f->lock);
	note(f, request);
	int status = f->status;
	pthread_mutex_unlock(&f->lock);
	if (status == 200)
		http_reply_json(request, status, VIEW_LITERAL("{}"));
	else
		http_reply_error(request, status, "told so");
}

static void on_register(void *ctx, struct http_request *request)
{
	struct fixture *f = ctx;
	pthread_mutex_lock(&f->lock);
	f->registrations++;
	note(f, request);
	bool foreign = f->foreign;
	pthread_mutex_unlock(&f->lock);
#define ACK "{\"ok\":true,\"job_poll_interval\":1000000,\"heartbeat_interval\":100000000"
	http_reply_json(request, 200,
	                foreign ? VIEW_LITERAL(ACK "}")
	                        : VIEW_LITERAL(ACK ",\"fangs\":{\"jobs_partition\":5}}"));
}

static void on_heartbeat(void *ctx, struct http_request *request)
{
	struct fixture *f = ctx;
	pthread_mutex_lock(&f->lock);
	f->heartbeats++;
	bool forgets = f->forgets;
	f->forgets = false;
	note(f, request);
	if (strstr(f->body.data, "\"handed_back_run_ids\":[\"" RUN_ID "\"]"))
		f->hand_backs++;
	pthread_mutex_unlock(&f->lock);
	http_reply_json(request, 200,
	                forgets ? VIEW_LITERAL("{\"ok\":false,\"unknown_runner\":true}")
	                        : VIEW_LITERAL("{\"ok\":true}"));
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/v1/runners/{id}/jobs", .handler = on_jobs},
        {.method = "POST",
         .pattern = "/v1/runners/register",
         .body_max_bytes = BODY_MAX,
         .handler = on_register},
        {.method = "POST",
         .pattern = "/v1/runners/{id}/heartbeat",
         .body_max_bytes = BODY_MAX,
         .handler = on_heartbeat},
        {.method = "POST",
         .pattern = "/v1/runs/{id}/events",
         .body_max_bytes = BODY_MAX,
         .handler = on_post},
        {.method = "POST",
         .pattern = "/v1/runs/{id}/result",
         .body_max_bytes = BODY_MAX,
         .handler = on_post},
};

static void start_server(struct fixture *f)
{
	struct error err = {0};
	const struct http_server_options options = {.listen = "127.0.0.1:0",
	                                            .routes = routes,
	                                            .route_count =
	                                                    sizeof(routes) / sizeof(routes[0]),
	                                            .ctx = f,
	                                            .workers = 2};
	f->server = http_server_start(&options, &err);
	assert_non_null(f->server);
	(void)snprintf(f->gateway, sizeof(f->gateway), "http://127.0.0.1:%d",
	               http_server_port(f->server));
}

static int setup(void **state)
{
	static struct fixture f;
	static char empty[] = "", id[] = "r/1", transport[] = "http";
	struct error err = {0};
	f = (struct fixture){.status = 200, .job = JOB};
	*state = &f;
	pthread_mutex_init(&f.lock, NULL);
	buf_init(&f.body, BODY_MAX);
	start_server(&f);
	f.config = (struct runner_config){.gateway = f.gateway,
	                                  .runner_id = id,
	                                  .transport = transport,
	                                  .request_timeout_ms = DEADLINE_MS,
	                                  .tls_ca_file = empty,
	                                  .tls_cert_file = empty,
	                                  .tls_key_file = empty,
	                                  .token = empty};
	const struct service_config service = {.metrics_listen = empty};
	f.service = service_start("transport-http-test", &service, &err);
	assert_non_null(f.service);
	f.slots = slots_create(1, NULL);
	const struct control_options control = {
	        .config = &f.config, .service = f.service, .slots = f.slots, .sensor_tier = "none"};
	f.control = control_create(&control, &err);
	assert_non_null(f.control);
	const struct transport_http_options options = {
	        .config = &f.config, .service = f.service, .control = f.control};
	f.transport = transport_http_create(&options, &err);
	assert_non_null(f.transport);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->transport->ops->destroy(f->transport);
	control_destroy(f->control);
	slots_destroy(f->slots);
	http_server_stop(f->server, DEADLINE_MS);
	http_server_destroy(f->server);
	assert_int_equal(service_finish(f->service, NULL), 0);
	buf_release(&f->body);
	pthread_mutex_destroy(&f->lock);
	return 0;
}

/* Jobs. -------------------------------------------------------------------------------------- */

static int next_job(struct fixture *f, struct job *job, struct arena *arena, struct error *err)
{
	*err = (struct error){0};
	return f->transport->ops->next_job(f->transport, arena, job, err);
}

static void the_poll_gives_jobs_and_their_absence(void **state)
{
	struct fixture *f = *state;
	struct arena arena;
	struct job job;
	struct error err;
	arena_init(&arena);

	assert_int_equal(next_job(f, &job, &arena, &err), 1);
	assert_int_equal(job.run_id.bytes[15], 16);
	assert_string_equal(job.sandbox.image, "x");

	f->status = 204;
	assert_int_equal(next_job(f, &job, &arena, &err), 0);

	f->status = 500;
	assert_true(next_job(f, &job, &arena, &err) < 0);
	assert_int_equal(err.class, ERROR_RETRY);

	f->status = 200;
	f->job = "{\"run_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],\"kind\":1}";
	assert_true(next_job(f, &job, &arena, &err) < 0);
	assert_int_equal(err.class, ERROR_DROP);
	assert_int_equal(job.run_id.bytes[0], 1);
	arena_release(&arena);
}

/* Sending. ----------------------------------------------------------------------------------- */

static struct spool *spool_of_two(void)
{
	const struct spool_options options = {
	        .run_id = {{9}}, .attempt = 2, .runner_id = "r", .max_bytes = BODY_MAX};
	struct spool *spool = spool_create(&options);
	struct event event = {.type = EVENT_FILE,
	                      .wire_type = EVENT_FILE,
	                      .process = {.pid = 42, .comm = VIEW_LITERAL("node")},
	                      .file = {.path = VIEW_LITERAL("/etc/passwd")}};
	assert_true(spool_put(spool, &event));
	event.file.path = VIEW_LITERAL("/etc/shadow");
	assert_true(spool_put(spool, &event));
	spool_close(spool);
	return spool;
}

static void batches_go_out_in_the_verbose_form(void **state)
{
	struct fixture *f = *state;
	const struct transport_ops *ops = f->transport->ops;
	struct error err = {0};
	bool end;
	AUTO(spool) struct spool *spool = spool_of_two();
	struct attempt *attempt = slots_new_attempt();
	assert_true(run_id_parse(VIEW_LITERAL(RUN_ID), &attempt->job.run_id));
	struct transport_channel *channel = ops->open(f->transport, attempt, &err);
	assert_non_null(channel);
	assert_int_equal(ops->send_batch(channel, spool_peek(spool, 0, &end), &err), 0);
	assert_string_equal(f->path, "/v1/runs/" RUN_ID "/events");

	struct arena arena;
	struct wire_batches batches;
	arena_init(&arena);
	assert_int_equal(model_fixture_read_wire(buf_view(&f->body), &arena, &batches, &err), 0);
	assert_int_equal(batches.count, 1);
	struct wire_batch batch = batches.list[0];
	assert_int_equal(batch.seq, 1);
	assert_true(run_id_equal(&batch.run_id, &attempt->job.run_id));
	assert_int_equal(batch.event_count, 2);
	assert_true(view_is(batch.events[1].file.path, "/etc/shadow"));
	assert_int_equal(batch.events[0].process.pid, 42);
	arena_release(&arena);
	ops->close(channel);
	slots_discard(attempt);
}

static void the_status_decides_what_to_do(void **state)
{
	static const struct {
		int status;
		int code;
		enum error_class class;
	} cases[] = {
	        {200, 0, ERROR_RETRY},      {503, EIO, ERROR_RETRY},    {429, EIO, ERROR_RETRY},
	        {401, EIO, ERROR_RETRY},    {400, EIO, ERROR_DROP},     {413, EIO, ERROR_DROP},
	        {409, ESTALE, ERROR_RETRY}, {410, ESTALE, ERROR_RETRY}, {404, ESTALE, ERROR_RETRY},
	};
	struct fixture *f = *state;
	const struct transport_ops *ops = f->transport->ops;
	struct error err = {0};
	struct attempt *attempt = slots_new_attempt();
	struct transport_channel *channel = ops->open(f->transport, attempt, &err);
	const struct run_result result = {.status = RUN_STATUS_FAILED,
	                                  .reason = VIEW_LITERAL("because"),
	                                  .npm_exit_code = INT32_MIN};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error){0};
		f->status = cases[i].status;
		assert_int_equal(ops->send_result(channel, &result, &err), -cases[i].code);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.class, cases[i].class);
	}
	assert_non_null(strstr(f->body.data, "\"reason\":\"because\""));
	ops->close(channel);
	slots_discard(attempt);
}

static void a_server_that_is_gone_is_a_retry(void **state)
{
	struct fixture *f = *state;
	const struct transport_ops *ops = f->transport->ops;
	struct error err = {0};
	struct attempt *attempt = slots_new_attempt();
	struct transport_channel *channel = ops->open(f->transport, attempt, &err);
	const struct run_result result = {.npm_exit_code = INT32_MIN};
	http_server_stop(f->server, DEADLINE_MS);
	assert_true(ops->send_result(channel, &result, &err) < 0);
	assert_int_equal(err.class, ERROR_RETRY);
	ops->close(channel);
	slots_discard(attempt);
}

/* Registration. ------------------------------------------------------------------------------ */

static int count(struct fixture *f, const int *counter)
{
	pthread_mutex_lock(&f->lock);
	int value = *counter;
	pthread_mutex_unlock(&f->lock);
	return value;
}

static void wait_until(struct fixture *f, const int *counter, int value)
{
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
	while (count(f, counter) < value && clock_monotonic_ms() < deadline_ms)
		sched_yield();
	assert_true(count(f, counter) >= value);
}

static void a_forgotten_runner_registers_again(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	assert_int_equal(control_start(f->control, &err), 0);
	assert_int_equal(f->registrations, 1);
	assert_int_equal(control_jobs_partition(f->control), 5);
	assert_int_equal(control_poll_interval_ms(f->control), 1);
	wait_until(f, &f->heartbeats, 2);

	pthread_mutex_lock(&f->lock);
	f->forgets = true;
	pthread_mutex_unlock(&f->lock);
	wait_until(f, &f->registrations, 2);

	/* A poll's 404 says the same. */
	struct arena arena;
	struct job job;
	arena_init(&arena);
	f->status = 404;
	assert_true(next_job(f, &job, &arena, &err) < 0);
	wait_until(f, &f->registrations, 3);
	arena_release(&arena);
	control_stop(f->control);
}

static void what_has_finished_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct run_id id;
	assert_true(run_id_parse(VIEW_LITERAL(RUN_ID), &id));
	assert_int_equal(control_start(f->control, &err), 0);
	wait_until(f, &f->heartbeats, 1);
	int before = count(f, &f->heartbeats);
	control_note_finished(f->control, &id);
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
	bool told = false;
	while (!told && clock_monotonic_ms() < deadline_ms) {
		pthread_mutex_lock(&f->lock);
		told = strstr(f->body.data, "\"finished_run_ids\":[\"" RUN_ID "\"]") != NULL;
		pthread_mutex_unlock(&f->lock);
	}
	assert_true(told);
	/* Of two further heartbeats the second began after the answer to the one that told. */
	wait_until(f, &f->heartbeats, before + 3);
	pthread_mutex_lock(&f->lock);
	assert_non_null(strstr(f->body.data, "\"finished_run_ids\":[]"));
	pthread_mutex_unlock(&f->lock);
	control_stop(f->control);
}

/* The last words of a runner that stops: nothing else would say it before the lease's end. */
static void what_is_handed_back_is_told_once_and_before_the_end(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct run_id id;
	assert_true(run_id_parse(VIEW_LITERAL(RUN_ID), &id));
	assert_int_equal(control_start(f->control, &err), 0);
	service_request_stop(f->service);
	assert_true(control_hand_back(f->control, &id));
	control_stop(f->control);
	assert_int_equal(f->hand_backs, 1);
	assert_non_null(strstr(f->body.data, "\"status\":\"draining\""));
}

static void a_foreign_server_takes_nothing_back(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	const struct run_id id = {{1}};
	f->foreign = true;
	assert_int_equal(control_start(f->control, &err), 0);
	assert_int_equal(control_jobs_partition(f->control), -1);
	assert_false(control_hand_back(f->control, &id));
	control_stop(f->control);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(the_poll_gives_jobs_and_their_absence),
	        TEST(batches_go_out_in_the_verbose_form),
	        TEST(the_status_decides_what_to_do),
	        TEST(a_server_that_is_gone_is_a_retry),
	        TEST(a_forgotten_runner_registers_again),
	        TEST(what_has_finished_is_told_once),
	        TEST(what_is_handed_back_is_told_once_and_before_the_end),
	        TEST(a_foreign_server_takes_nothing_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
