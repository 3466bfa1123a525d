// SPDX-License-Identifier: Apache-2.0
/*
 * Many runners of the existing kind, each with one long poll: GET /v1/runners/<prefix><n>/jobs on a
 * connection of its own. polls.py measures the gateway meanwhile.
 *
 *   load_polls PORT RUNNERS PREFIX REPOLL_MS
 *
 * After 204 a runner waits REPOLL_MS before it polls again, after a job it polls at once. Lines on
 * stdout: "job <n> <ns>" for each job (CLOCK_MONOTONIC), "error <n> <status>" for any other answer
 * (0: the connection ended). Ends when stdin does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
	ANSWER_MAX_BYTES = 16 << 10,
	REQUEST_MAX_BYTES = 512,
	EVENTS_PER_WAIT = 256,
	AT_A_TIME = 256, /* polls sent at once in the beginning */
	TURN_MS = 20,
	STATUS_NONE = 0,
};

struct runner {
	int fd;
	struct runner *later; /* in the list of those that poll again at due_ms */
	int64_t due_ms;
};

struct load {
	struct sockaddr_in address;
	const char *prefix;
	int64_t repoll_ms;
	struct runner *runners;
	int count;
	int epoll_fd;
	struct runner *first, *last; /* by due_ms, which is the order of arrival */
	char answer[ANSWER_MAX_BYTES];
};

static void fail(const char *what)
{
	fprintf(stderr, "load_polls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int index_of(const struct load *load, const struct runner *runner)
{
	return (int)(runner - load->runners);
}

static void send_poll(struct load *load, struct runner *runner)
{
	char request[REQUEST_MAX_BYTES];
	int size = snprintf(request, sizeof(request),
	                    "GET /v1/runners/%s%d/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	                    "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n",
	                    load->prefix, index_of(load, runner));

	if (write(runner->fd, request, (size_t)size) != size)
		fail("cannot send a poll");
}

static void connect_runner(struct load *load, struct runner *runner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = runner};

	runner->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (runner->fd < 0 ||
	    connect(runner->fd, (struct sockaddr *)&load->address, sizeof(load->address)) < 0)
		fail("cannot connect");
	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, runner->fd, &event) < 0)
		fail("epoll_ctl");
}

static void poll_later(struct load *load, struct runner *runner, int64_t delay_ms)
{
	runner->due_ms = clock_monotonic_ms() + delay_ms;
	runner->later = NULL;
	*(load->first ? &load->last->later : &load->first) = runner;
	load->last = runner;
}

static void note_answer(struct load *load, struct runner *runner, int status)
{
	if (status == 200) {
		printf("job %d %lld\n", index_of(load, runner), (long long)clock_monotonic_ns());
		send_poll(load, runner);
		return;
	}
	if (status != 204)
		printf("error %d %d\n", index_of(load, runner), status);
	poll_later(load, runner, load->repoll_ms);
}

/* Answers are small and written in one go. */
static void read_answer(struct load *load, struct runner *runner)
{
	static const char version[] = "HTTP/1.1 ";
	ssize_t size = read(runner->fd, load->answer, sizeof(load->answer) - 1);

	if (size <= 0) {
		close(runner->fd);
		runner->fd = -1;
		note_answer(load, runner, STATUS_NONE);
		return;
	}
	load->answer[size] = '\0';
	if (strncmp(load->answer, version, sizeof(version) - 1) == 0)
		note_answer(load, runner,
		            (int)strtol(load->answer + sizeof(version) - 1, NULL, 10));
}

static void poll_again(struct load *load)
{
	int64_t now_ms = clock_monotonic_ms();

	while (load->first && load->first->due_ms <= now_ms) {
		struct runner *runner = load->first;
		load->first = runner->later;
		if (runner->fd < 0)
			connect_runner(load, runner);
		send_poll(load, runner);
	}
}

/* False when stdin has ended. */
static bool turn(struct load *load)
{
	struct epoll_event events[EVENTS_PER_WAIT];
	int count = epoll_wait(load->epoll_fd, events, EVENTS_PER_WAIT, TURN_MS);

	for (int i = 0; i < count; i++) {
		if (!events[i].data.ptr)
			return false;
		read_answer(load, events[i].data.ptr);
	}
	poll_again(load);
	return true;
}

static void start_all(struct load *load)
{
	for (int i = 0; i < load->count; i++) {
		connect_runner(load, &load->runners[i]);
		send_poll(load, &load->runners[i]);
		if (i % AT_A_TIME == 0)
			(void)turn(load);
	}
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void watch_stdin(const struct load *load)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		fail("stdin must be a pipe");
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: load_polls PORT RUNNERS PREFIX REPOLL_MS\n");
		return 2;
	}
	static struct load load;
	load.address.sin_family = AF_INET;
	load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.address.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	load.count = (int)strtol(argv[2], NULL, 10);
	load.prefix = argv[3];
	load.repoll_ms = strtol(argv[4], NULL, 10);
	load.runners = xcalloc((size_t)load.count, sizeof(*load.runners));
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	raise_file_limit();
	watch_stdin(&load);
	setvbuf(stdout, NULL, _IOLBF, 0);
	start_all(&load);
	while (turn(&load))
		;
	return 0;
}
