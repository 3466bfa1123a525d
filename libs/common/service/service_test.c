// SPDX-License-Identifier: Apache-2.0
/* Each test runs in a child process: signals and the end of a process are what is tested. */
#include "service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/http_client.h"
#include "log/log.h"
#include "service/health.h"
#include "service/readiness.h"

enum {
	LONG_MS = 20000, /* a deadline that only a failing test meets */
	DRAIN_MS = 50,
	EXIT_UNEXPECTED = 77,
	URL_MAX = 64,
	ANSWER_MAX = 1024 * 1024,
};

static char no_listener[] = "";

static struct service *start(int64_t drain_timeout_ms)
{
	struct error err = {0};
	const struct service_config config = {.metrics_listen = no_listener,
	                                      .drain_timeout_ms = drain_timeout_ms};
	struct service *service = service_start("fangs-test", &config, &err);
	if (!service)
		_exit(EXIT_UNEXPECTED);
	return service;
}

/* Runs `body` in a child with a pipe to tell that it is `ready`; returns the child. */
static pid_t start_child(void (*body)(int ready_fd), int *ret_ready_fd)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ready[0]);
		body(ready[1]);
		_exit(EXIT_UNEXPECTED);
	}
	(void)close(ready[1]);
	*ret_ready_fd = ready[0];
	return pid;
}

static void tell(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(EXIT_UNEXPECTED);
}

static void wait_told(int fd)
{
	char byte = 0;
	assert_int_equal(read(fd, &byte, 1), 1);
}

static int exit_status(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void run_until_stopped(int ready_fd)
{
	struct service *service = start(LONG_MS);
	tell(ready_fd);
	while (service_running(service)) {
		service_tick(service);
		(void)service_sleep_ms(service, LONG_MS);
	}
	exit(service_finish(service, NULL));
}

static void signals_end_the_loop_at_once(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGINT};
	for (size_t i = 0; i < 2; i++) {
		int ready = -1;
		int64_t before = clock_monotonic_ms();
		pid_t pid = start_child(run_until_stopped, &ready);
		wait_told(ready);
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(exit_status(pid), 0);
		assert_true(clock_monotonic_ms() - before < LONG_MS);
		(void)close(ready);
	}
}

static void hang_in_the_drain(int ready_fd)
{
	struct service *service = start(LONG_MS);
	tell(ready_fd);
	while (service_sleep_ms(service, LONG_MS))
		;
	tell(ready_fd);
	for (;;)
		(void)pause();
}

static void second_signal_exits_at_once(void **state)
{
	(void)state;
	int ready = -1;
	pid_t pid = start_child(hang_in_the_drain, &ready);
	wait_told(ready);
	assert_int_equal(kill(pid, SIGTERM), 0);
	wait_told(ready);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(exit_status(pid), 130);
	(void)close(ready);
}

static void drain_too_long(int ready_fd)
{
	struct service *service = start(DRAIN_MS);
	service_request_stop(service);
	tell(ready_fd);
	for (;;)
		(void)pause();
}

static void drain_ends_after_its_timeout(void **state)
{
	(void)state;
	int ready = -1;
	pid_t pid = start_child(drain_too_long, &ready);
	assert_int_equal(exit_status(pid), 1);
	(void)close(ready);
}

static void stop_then_signal(int ready_fd)
{
	struct service *service = start(LONG_MS);
	service_request_stop(service);
	(void)raise(SIGTERM); /* the first signal, though not the first request */
	tell(ready_fd);
	exit(service_finish(service, NULL));
}

static void own_request_does_not_count_as_signal(void **state)
{
	(void)state;
	int ready = -1;
	pid_t pid = start_child(stop_then_signal, &ready);
	assert_int_equal(exit_status(pid), 0);
	(void)close(ready);
}

static void write_to_a_closed_pipe(int ready_fd)
{
	struct service *service = start(LONG_MS);
	int ends[2];
	if (pipe(ends) < 0)
		_exit(EXIT_UNEXPECTED);
	(void)close(ends[0]);
	bool survived = write(ends[1], "x", 1) < 0 && errno == EPIPE;
	(void)ready_fd;
	exit(survived ? service_finish(service, NULL) : EXIT_UNEXPECTED);
}

static void closed_pipes_do_not_kill(void **state)
{
	(void)state;
	int ready = -1;
	pid_t pid = start_child(write_to_a_closed_pipe, &ready);
	assert_int_equal(exit_status(pid), 0);
	(void)close(ready);
}

static void follow_a_parent(int ready_fd)
{
	struct error err = {0};
	const struct service_config config = {.metrics_listen = no_listener,
	                                      .exit_with_parent = true};
	/* The grandchild outlives this process and closes its end of the pipe when it stops. */
	if (fork() > 0) {
		char byte = 0;
		_exit(read(ready_fd, &byte, 1) == 1 ? 0 : EXIT_UNEXPECTED);
	}
	struct service *service = service_start("fangs-test", &config, &err);
	if (!service)
		_exit(EXIT_UNEXPECTED);
	tell(ready_fd);
	(void)service_sleep_ms(service, LONG_MS);
	exit(service_finish(service, NULL));
}

static void orphans_stop(void **state)
{
	(void)state;
	int sockets[2];
	int64_t before = clock_monotonic_ms();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(sockets[0]);
		follow_a_parent(sockets[1]);
	}
	(void)close(sockets[1]);
	wait_told(sockets[0]); /* the grandchild runs */
	tell(sockets[0]);      /* the parent may go */
	assert_int_equal(exit_status(pid), 0);
	char byte = 0;
	assert_int_equal(read(sockets[0], &byte, 1), 0); /* the grandchild is gone, too */
	assert_true(clock_monotonic_ms() - before < LONG_MS);
	(void)close(sockets[0]);
}

static int fail_twice(void *ctx, struct error *err)
{
	int *left = ctx;
	return (*left)-- > 0 ? error_set(err, ECONNREFUSED, "not yet") : 0;
}

static int fail_for_good(void *ctx, struct error *err)
{
	(void)ctx;
	return error_set(err, EPERM, "never");
}

static void retry_waits_for_neighbours(void **state)
{
	(void)state;
	struct error err = {0};
	int left = 2;
	struct service *service = start(LONG_MS);
	assert_int_equal(service_retry(service, "database", fail_twice, &left, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(service_retry(service, "database", fail_for_good, NULL, &err), -EPERM);
	assert_string_equal(err.text, "never");
	service_request_stop(service);
	left = 1;
	assert_int_equal(service_retry(service, "database", fail_twice, &left, &err), -ECANCELED);
	assert_string_equal(err.text, "stopped while waiting for database");
	assert_int_equal(service_finish(service, NULL), 0);
}

static void errors_decide_the_exit_code(void **state)
{
	(void)state;
	struct error err = {0};
	struct service *service = start(LONG_MS);
	(void)error_set(&err, EIO, "broken");
	assert_int_equal(service_finish(service, &err), 1);
	error_clear(&err);
	service = start(LONG_MS); /* again in one process: only tests do */
	assert_true(service_running(service));
	assert_int_equal(service_finish(service, &err), 0);
}

static void the_time_of_the_stop_is_known(void **state)
{
	(void)state;
	struct service *service = start(0);
	assert_int_equal(service_stopped_at_ms(service), 0);
	int64_t before_ms = clock_monotonic_ms();
	service_request_stop(service);
	int64_t at_ms = service_stopped_at_ms(service);
	assert_in_range(at_ms, before_ms, clock_monotonic_ms());
	/* Later requests do not prolong the drain. */
	while (clock_monotonic_ms() == at_ms)
		sched_yield();
	service_request_stop(service);
	assert_int_equal(service_stopped_at_ms(service), at_ms);
	assert_int_equal(service_finish(service, NULL), 0);
}

static void readiness_names_what_is_missing(void **state)
{
	(void)state;
	char detail[64] = "";
	struct service *service = start(LONG_MS);
	assert_true(service_is_ready(service, detail, sizeof(detail)));
	service_expect(service, "database");
	service_expect(service, "bus");
	assert_false(service_is_ready(service, detail, sizeof(detail)));
	assert_string_equal(detail, "waiting for database, bus");
	service_ready(service, "database", true);
	service_expect(service, "database"); /* known already: stays ready */
	assert_false(service_is_ready(service, detail, sizeof(detail)));
	assert_string_equal(detail, "waiting for bus");
	char small[10];
	assert_false(service_is_ready(service, small, sizeof(small)));
	assert_string_equal(small, "waiting f");
	service_ready(service, "bus", true);
	assert_true(service_is_ready(service, detail, sizeof(detail)));
	service_ready(service, "bus", false);
	assert_false(service_is_ready(service, detail, sizeof(detail)));
	service_request_stop(service);
	assert_false(service_is_ready(service, detail, sizeof(detail)));
	assert_string_equal(detail, "stopping");
	assert_int_equal(service_finish(service, NULL), 0);
}

/* The listener alone, so that its port may be any. */
struct listener {
	struct readiness readiness;
	struct health *health;
	struct http_client *client;
	int64_t since_tick_ms;
};

static int64_t since_tick_ms(void *ctx)
{
	return ((const struct listener *)ctx)->since_tick_ms;
}

static void assert_answer(struct listener *listener, const char *path, long status,
                          const char *text)
{
	char url[URL_MAX];
	struct error err = {0};
	struct http_answer answer;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", health_port(listener->health),
	               path);
	const struct http_call call = {
	        .method = "GET", .url = url, .timeout_ms = LONG_MS, .answer_max_bytes = ANSWER_MAX};
	assert_int_equal(http_client_call(listener->client, &call, &answer, &err), 0);
	assert_int_equal(answer.status, status);
	assert_non_null(strstr(answer.body.data, text));
	http_answer_release(&answer);
}

static void listener_answers(void **state)
{
	(void)state;
	struct error err = {0};
	struct service *service = start(LONG_MS); /* for the stop flag and the build metric */
	struct listener listener = {0};
	readiness_init(&listener.readiness);
	const struct health_source source = {&listener.readiness, since_tick_ms, &listener};
	listener.health = health_start("127.0.0.1:0", &source, &err);
	assert_non_null(listener.health);
	listener.client = http_client_create(&(struct http_client_options){0}, &err);

	assert_answer(&listener, "/livez", 200, "{\"status\":\"ok\"}\n");
	listener.since_tick_ms = 61000;
	assert_answer(&listener, "/livez", 503, "{\"status\":\"stuck\"}\n");
	assert_answer(&listener, "/readyz", 200, "{\"status\":\"ready\",\"waiting_for\":[]}\n");
	readiness_expect(&listener.readiness, "bus");
	assert_answer(&listener, "/readyz", 503,
	              "{\"status\":\"waiting\",\"waiting_for\":[\"bus\"]}\n");
	assert_answer(&listener, "/metrics", 200,
	              "fangs_build_info{service=\"fangs-test\",version=\"" FANGS_VERSION "\"} 1\n");
	assert_answer(&listener, "/metrics", 200, "process_resident_memory_bytes ");
	service_request_stop(service);
	assert_answer(&listener, "/readyz", 503, "{\"status\":\"stopping\"");

	http_client_destroy(listener.client);
	health_stop(listener.health);
	readiness_release(&listener.readiness);
	assert_int_equal(service_finish(service, NULL), 0);
}

static void bad_listen_addresses_are_errors(void **state)
{
	(void)state;
	struct error err = {0};
	char listen[] = "nowhere";
	const struct service_config config = {.metrics_listen = listen};
	assert_null(service_start("fangs-test", &config, &err));
	assert_non_null(strstr(err.text, "metrics.listen: "));
}

static void version_names_the_libraries(void **state)
{
	(void)state;
	assert_int_equal(strncmp(service_version(), FANGS_VERSION " (libcurl ",
	                         strlen(FANGS_VERSION " (libcurl ")),
	                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(signals_end_the_loop_at_once),
	        cmocka_unit_test(second_signal_exits_at_once),
	        cmocka_unit_test(drain_ends_after_its_timeout),
	        cmocka_unit_test(the_time_of_the_stop_is_known),
	        cmocka_unit_test(own_request_does_not_count_as_signal),
	        cmocka_unit_test(closed_pipes_do_not_kill),
	        cmocka_unit_test(orphans_stop),
	        cmocka_unit_test(retry_waits_for_neighbours),
	        cmocka_unit_test(errors_decide_the_exit_code),
	        cmocka_unit_test(readiness_names_what_is_missing),
	        cmocka_unit_test(listener_answers),
	        cmocka_unit_test(bad_listen_addresses_are_errors),
	        cmocka_unit_test(version_names_the_libraries),
	};
	log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
