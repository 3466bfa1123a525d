// SPDX-License-Identifier: Apache-2.0
/* Long polls over real sockets; the database is a number of jobs. */
#include "wire/polls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { WAIT_MS = 10000, LONG_MS = 60000, SHORT_MS = 50, ANSWER_MAX = 4096, POLLERS = 40 };

struct app {
	struct http_server *server;
	struct polls polls;
	atomic_int jobs;
	atomic_int looks;
	int64_t poll_ms;
	bool step; /* a look waits between finding nothing and parking */
	sem_t found_nothing, go_on;
};

static bool take_job(struct app *app)
{
	int jobs = atomic_load(&app->jobs);

	while (jobs > 0) {
		if (atomic_compare_exchange_weak(&app->jobs, &jobs, jobs - 1))
			return true;
	}
	return false;
}

static void look(void *ctx, struct http_request *request)
{
	struct poll *poll = ctx;
	struct app *app = poll->owner;

	for (;;) {
		atomic_fetch_add(&app->looks, 1);
		if (take_job(app))
			break;
		if (app->step) {
			sem_post(&app->found_nothing);
			sem_wait(&app->go_on);
		}
		if (polls_park(&app->polls, poll))
			return;
	}
	polls_leave(&app->polls, poll);
	http_reply(request, 200, "text/plain", VIEW_LITERAL("job"));
}

static void handle_poll(void *ctx, struct http_request *request)
{
	struct app *app = ctx;
	struct poll *poll = arena_alloc(http_request_arena(request), 1, sizeof(*poll));

	poll->owner = app;
	poll->request = request;
	poll->runner_id = http_request_param(request, "id");
	poll->deadline_ms = clock_monotonic_ms() + app->poll_ms;
	polls_enter(&app->polls, poll);
	look(poll, request);
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/{id}", .handler = handle_poll},
};

static int setup(void **state)
{
	struct app *app = xcalloc(1, sizeof(*app));
	struct http_server_options options = {.listen = "127.0.0.1:0",
	                                      .routes = routes,
	                                      .route_count = 1,
	                                      .ctx = app,
	                                      .workers = 4};

	sem_init(&app->found_nothing, 0, 0);
	sem_init(&app->go_on, 0, 0);
	app->poll_ms = LONG_MS;
	polls_init(&app->polls, look);
	app->server = http_server_start(&options, NULL);
	assert_non_null(app->server);
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;

	http_server_destroy(app->server);
	assert_int_equal(polls_count(&app->polls), 0);
	polls_release(&app->polls);
	free(app);
	return 0;
}

static int ask(const struct app *app, const char *runner_id)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *request =
	        xasprintf("GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", runner_id);

	address.sin_port = htons((uint16_t)http_server_port(app->server));
	assert_int_equal(
	        connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
	                 (ssize_t)strlen(request));
	free(request);
	return fd;
}

/* The answer's status code; closes. */
static int status_of(int fd)
{
	char answer[ANSWER_MAX] = "";
	size_t size = 0;
	ssize_t got = 1;

	while (got > 0 && size < sizeof(answer) - 1) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};

		assert_true(poll(&poller, 1, WAIT_MS) > 0);
		got = recv(fd, answer + size, sizeof(answer) - 1 - size, 0);
		size += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return strncmp(answer, "HTTP/1.1 200", 12) == 0   ? 200
	       : strncmp(answer, "HTTP/1.1 204", 12) == 0 ? 204
	                                                  : 0;
}

static void wait_until(bool (*true_of)(struct app *app, int number), struct app *app, int number)
{
	int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;

	while (!true_of(app, number)) {
		struct timespec pause = {.tv_nsec = NS_PER_MS};

		assert_true(clock_monotonic_ms() < deadline_ms);
		nanosleep(&pause, NULL);
	}
}

static bool waiting(struct app *app, int number)
{
	return polls_count(&app->polls) == (size_t)number;
}

static bool looked(struct app *app, int number)
{
	return atomic_load(&app->looks) >= number;
}

static void job_that_is_there_is_taken_at_once(void **state)
{
	struct app *app = *state;

	atomic_store(&app->jobs, 1);
	assert_int_equal(status_of(ask(app, "a")), 200);
	assert_int_equal(polls_count(&app->polls), 0);
}

static void parked_poll_is_woken(void **state)
{
	struct app *app = *state;
	int a = ask(app, "a"), b = ask(app, "b");

	wait_until(looked, app, 2);
	wait_until(waiting, app, 2);
	atomic_store(&app->jobs, 1);
	polls_wake(&app->polls, "nobody");
	polls_wake(&app->polls, "a");
	assert_int_equal(status_of(a), 200);
	assert_int_equal(polls_count(&app->polls), 1);
	atomic_store(&app->jobs, 1);
	polls_wake(&app->polls, NULL);
	assert_int_equal(status_of(b), 200);
}

/* The wake comes when the poll has found nothing and is not parked yet. */
static void no_wake_is_missed(void **state)
{
	struct app *app = *state;

	app->step = true;
	int fd = ask(app, "a");
	sem_wait(&app->found_nothing);
	atomic_store(&app->jobs, 1);
	polls_wake(&app->polls, "a");
	sem_post(&app->go_on);
	assert_int_equal(status_of(fd), 200);
	assert_int_equal(atomic_load(&app->looks), 2);
}

static void one_job_wakes_all_and_one_gets_it(void **state)
{
	struct app *app = *state;
	int a = ask(app, "a"), b = ask(app, "a");

	wait_until(looked, app, 2);
	wait_until(waiting, app, 2);
	atomic_store(&app->jobs, 1);
	polls_wake(&app->polls, "a");
	wait_until(waiting, app, 1);
	atomic_store(&app->jobs, 1);
	wait_until(looked, app, 3);
	polls_wake(&app->polls, "a");
	assert_int_equal(status_of(a), 200);
	assert_int_equal(status_of(b), 200);
	assert_int_equal(atomic_load(&app->jobs), 0);
}

static void poll_without_a_job_ends(void **state)
{
	struct app *app = *state;

	app->poll_ms = SHORT_MS;
	assert_int_equal(status_of(ask(app, "a")), 204);
	app->poll_ms = 0;
	assert_int_equal(status_of(ask(app, "a")), 204);
}

static void client_that_left_takes_no_job(void **state)
{
	struct app *app = *state;
	int fd = ask(app, "a");

	wait_until(waiting, app, 1);
	close(fd);
	wait_until(waiting, app, 0);
	atomic_store(&app->jobs, 1);
	polls_wake(&app->polls, "a");
	assert_int_equal(atomic_load(&app->jobs), 1);
}

/* As many jobs as polls, woken and left at the same time: no job is lost, no poll stays. */
static void wakes_race_with_clients(void **state)
{
	struct app *app = *state;
	int fds[POLLERS], got = 0;

	for (int i = 0; i < POLLERS; i++)
		fds[i] = ask(app, "a");
	for (int i = 0; i < POLLERS; i++) {
		if (i % 4 == 0)
			close(fds[i]);
		atomic_fetch_add(&app->jobs, 1);
		polls_wake(&app->polls, i % 3 ? "a" : NULL);
	}
	polls_wake(&app->polls, "a");
	for (int i = 0; i < POLLERS; i++) {
		if (i % 4 != 0)
			got += status_of(fds[i]) == 200;
	}
	assert_int_equal(got, POLLERS - POLLERS / 4);
}

#define POLLS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        POLLS_TEST(job_that_is_there_is_taken_at_once),
	        POLLS_TEST(parked_poll_is_woken),
	        POLLS_TEST(no_wake_is_missed),
	        POLLS_TEST(one_job_wakes_all_and_one_gets_it),
	        POLLS_TEST(poll_without_a_job_ends),
	        POLLS_TEST(client_that_left_takes_no_job),
	        POLLS_TEST(wakes_race_with_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
