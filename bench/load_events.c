// SPDX-License-Identifier: Apache-2.0
/*
 * Runners of the existing kind that post events as fast as the gateway takes them: a recorded
 * session's batches, one request at a time per connection, connections kept alive, no batch twice
 * (each has its run's next number). What is not acknowledged is posted again.
 *
 *   load_events PORT long SECONDS CONNECTIONS RUN_ID...   a connection repeats the session's
 * batches in a run of its own load_events PORT runs SECONDS CONNECTIONS RUN_ID...   a connection
 * plays whole runs: the session, its result, then the next run
 *
 * Ends after SECONDS, or when all runs are played. One line of JSON on stdout says what was
 * acknowledged; long runs post their result at the end, outside the time measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/model_fixture.h"

static const char SESSION[] = "events-1.0.1.ndjson.gz";
static const char RESULT[] = "result-1.0.1.json";

enum {
	BATCHES_MAX = 256,
	CONNECTIONS_MAX = 256,
	ANSWER_MAX_BYTES = 4096,
	HEAD_MAX_BYTES = 512,
	SEQ_TEXT_MAX = 24,
	PARTS = 4,
	RETRY_MS = 20,
};

/* A recorded batch around its number. */
struct template
{
	struct view front, back;
	size_t events;
};

struct connection {
	int fd;
	const char *run_id; /* NULL: nothing left to do */
	uint64_t seq;       /* of the batch on its way, from 1 */
	bool result;        /* the result is on its way, not a batch */
	struct iovec parts[PARTS];
	int next_part; /* PARTS: all is sent */
	char head[HEAD_MAX_BYTES], number[SEQ_TEXT_MAX];
	char answer[ANSWER_MAX_BYTES];
	size_t answer_size;
	int64_t sent_ns;
};

struct load {
	struct sockaddr_in address;
	bool whole_runs;
	struct buf session;
	struct template batches[BATCHES_MAX];
	size_t batch_count;
	char *result;
	const char **run_ids;
	int run_count, next_run;
	struct connection connections[CONNECTIONS_MAX];
	int count, active;
	int epoll_fd;
	bool stopping;

	uint64_t events, posts, results, bytes, refused;
	double *latencies_ms;
	size_t latency_count, latency_capacity;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "load_events: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The session. */

static size_t count_events(struct view body)
{
	struct arena arena;
	struct wire_batches batches;
	size_t events = 0;

	arena_init(&arena);
	if (model_fixture_read_wire(body, &arena, &batches, NULL) < 0 || batches.count != 1)
		fail("a recorded batch is not what it should be");
	events = batches.list[0].event_count;
	arena_release(&arena);
	return events;
}

static void load_session(struct load *load)
{
	static const char key[] = "\"seq\":";

	model_fixture_read(SESSION, &load->session);
	struct view rest = view_trim(buf_view(&load->session));
	while (rest.size && load->batch_count < BATCHES_MAX) {
		struct view body = view_split(&rest, '\n');
		const char *at = memmem(body.data, body.size, key, sizeof(key) - 1);
		if (!at)
			fail("a recorded batch has no number");
		const char *number = at + sizeof(key) - 1;
		const char *behind = number + strspn(number, "0123456789");
		load->batches[load->batch_count++] = (struct template){
		        .front = view_of(body.data, (size_t)(number - body.data)),
		        .back = view_of(behind, (size_t)(body.data + body.size - behind)),
		        .events = count_events(body),
		};
	}
	load->result = model_fixture_member(RESULT, "body");
}

static const struct template *batch_of(const struct load *load, const struct connection *connection)
{
	return &load->batches[(connection->seq - 1) % load->batch_count];
}

/* Sending. */

static void watch(struct load *load, struct connection *connection, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	if (epoll_ctl(load->epoll_fd, operation, connection->fd, &event) < 0)
		fail("epoll_ctl");
}

static void set_part(struct connection *connection, int part, const char *data, size_t size)
{
	connection->parts[part] = (struct iovec){(void *)(uintptr_t)data, size};
}

static void prepare(struct load *load, struct connection *connection)
{
	struct template batch = {.front = view_of_string(load->result)};

	connection->number[0] = '\0';
	if (!connection->result) {
		batch = *batch_of(load, connection);
		(void)snprintf(connection->number, sizeof(connection->number), "%llu",
		               (unsigned long long)connection->seq);
	}
	size_t number = strlen(connection->number);
	int head = snprintf(connection->head, sizeof(connection->head),
	                    "POST /v1/runs/%s/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	                    "User-Agent: Go-http-client/1.1\r\nContent-Length: %zu\r\n"
	                    "Content-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
	                    connection->run_id, connection->result ? "result" : "events",
	                    batch.front.size + number + batch.back.size);

	set_part(connection, 0, connection->head, (size_t)head);
	set_part(connection, 1, batch.front.data, batch.front.size);
	set_part(connection, 2, connection->number, number);
	set_part(connection, 3, batch.back.data, batch.back.size);
	connection->next_part = 0;
	connection->answer_size = 0;
	connection->sent_ns = clock_monotonic_ns();
}

static void send_more(struct load *load, struct connection *connection)
{
	while (connection->next_part < PARTS) {
		struct iovec *part = &connection->parts[connection->next_part];
		ssize_t sent = writev(connection->fd, part, PARTS - connection->next_part);
		if (sent < 0 && errno == EAGAIN) {
			watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			return;
		}
		if (sent < 0)
			fail("cannot send");
		load->bytes += (uint64_t)sent;
		for (; connection->next_part < PARTS && (size_t)sent >= part->iov_len; part++) {
			sent -= (ssize_t)part->iov_len;
			connection->next_part++;
		}
		if (connection->next_part < PARTS) {
			part->iov_base = (char *)part->iov_base + sent;
			part->iov_len -= (size_t)sent;
		}
	}
	watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void post(struct load *load, struct connection *connection)
{
	prepare(load, connection);
	send_more(load, connection);
}

static bool begin_run(struct load *load, struct connection *connection)
{
	connection->run_id = load->next_run < load->run_count && !load->stopping
	                             ? load->run_ids[load->next_run++]
	                             : NULL;
	connection->seq = 1;
	connection->result = false;
	return connection->run_id != NULL;
}

/* What a connection does next, after what it posted was acknowledged. */
static void go_on(struct load *load, struct connection *connection)
{
	bool goes_on = true;

	if (connection->result)
		goes_on = load->whole_runs && begin_run(load, connection);
	else if (load->whole_runs && connection->seq == load->batch_count)
		connection->result = true;
	else if (load->stopping)
		goes_on = false;
	else
		connection->seq++;
	if (goes_on)
		post(load, connection);
	else
		load->active--;
}

/* Answers. */

static void note_latency(struct load *load, double ms)
{
	if (load->latency_count == load->latency_capacity) {
		load->latency_capacity = 2 * load->latency_capacity + 1024;
		load->latencies_ms = xrealloc(load->latencies_ms, load->latency_capacity,
		                              sizeof(*load->latencies_ms));
	}
	load->latencies_ms[load->latency_count++] = ms;
}

static void note_answer(struct load *load, struct connection *connection, int status)
{
	if (status != 200) {
		if (load->refused++ == 0)
			(void)fprintf(stderr, "load_events: refused: %s\n", connection->answer);
		if (status != 503) {
			errno = EPROTO;
			fail("not answered 200 or 503");
		}
		(void)usleep(RETRY_MS * 1000);
		post(load, connection);
		return;
	}
	if (connection->result) {
		load->results++;
	} else {
		load->posts++;
		load->events += batch_of(load, connection)->events;
		note_latency(load,
		             (double)(clock_monotonic_ns() - connection->sent_ns) / NS_PER_MS);
	}
	go_on(load, connection);
}

/* The answer's head and body are there: its status, else 0. */
static int status_of(const struct connection *connection)
{
	static const char version[] = "HTTP/1.1 ";
	static const char length[] = "\r\nContent-Length: ";
	const char *end = strstr(connection->answer, "\r\n\r\n");
	const char *size = strcasestr(connection->answer, length);

	if (!end || !size || strncmp(connection->answer, version, sizeof(version) - 1) != 0)
		return 0;
	size_t body = strtoul(size + sizeof(length) - 1, NULL, 10);
	if (connection->answer + connection->answer_size < end + 4 + body)
		return 0;
	return (int)strtol(connection->answer + sizeof(version) - 1, NULL, 10);
}

static void receive(struct load *load, struct connection *connection)
{
	size_t room = sizeof(connection->answer) - 1 - connection->answer_size;
	ssize_t size = read(connection->fd, connection->answer + connection->answer_size, room);

	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0)
		fail("the gateway closed a connection");
	connection->answer_size += (size_t)size;
	connection->answer[connection->answer_size] = '\0';
	int status = status_of(connection);
	if (status)
		note_answer(load, connection, status);
}

static void connect_to_gateway(struct load *load, struct connection *connection)
{
	int one = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
	    connect(connection->fd, (struct sockaddr *)&load->address, sizeof(load->address)) < 0)
		fail("cannot connect");
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0)
		fail("fcntl");
	watch(load, connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void run_until(struct load *load, int64_t deadline_ns)
{
	enum { EVENTS_PER_WAIT = 64, TURN_MS = 50 };
	struct epoll_event events[EVENTS_PER_WAIT];

	while (load->active) {
		int count = epoll_wait(load->epoll_fd, events, EVENTS_PER_WAIT, TURN_MS);
		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				send_more(load, connection);
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				receive(load, connection);
		}
		if (clock_monotonic_ns() >= deadline_ns)
			load->stopping = true;
	}
}

static void end_long_runs(struct load *load)
{
	load->active = load->count;
	for (int i = 0; i < load->count; i++) {
		load->connections[i].result = true;
		post(load, &load->connections[i]);
	}
	run_until(load, INT64_MAX);
}

/* What came of it. */

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double percentile(const struct load *load, double share)
{
	if (!load->latency_count)
		return 0;
	return load->latencies_ms[(size_t)(share * (double)(load->latency_count - 1))];
}

static double cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(struct load *load, double seconds, double cpu)
{
	qsort(load->latencies_ms, load->latency_count, sizeof(*load->latencies_ms), compare);
	(void)printf("{\"events\":%llu,\"posts\":%llu,\"results\":%llu,\"bytes\":%llu,"
	             "\"refused\":%llu,\"seconds\":%.3f,\"cpu_seconds\":%.2f,\"p50_ms\":%.2f,"
	             "\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"runs\":%d}\n",
	             (unsigned long long)load->events, (unsigned long long)load->posts,
	             (unsigned long long)load->results, (unsigned long long)load->bytes,
	             (unsigned long long)load->refused, seconds, cpu, percentile(load, 0.5),
	             percentile(load, 0.9), percentile(load, 0.99), percentile(load, 1),
	             load->next_run);
}

static void play(struct load *load, double seconds)
{
	int64_t began_ns = clock_monotonic_ns();

	for (int i = 0; i < load->count; i++) {
		connect_to_gateway(load, &load->connections[i]);
		if (begin_run(load, &load->connections[i])) {
			load->active++;
			post(load, &load->connections[i]);
		}
	}
	run_until(load, began_ns + (int64_t)(seconds * (double)NS_PER_S));
	double took = (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_S;
	double cpu = cpu_seconds();
	if (!load->whole_runs)
		end_long_runs(load);
	report(load, took, cpu);
}

int main(int argc, char **argv)
{
	enum { PORT = 1, MODE, SECONDS, CONNECTIONS, RUNS };
	static struct load load;

	if (argc <= RUNS) {
		(void)fprintf(stderr,
		              "usage: load_events PORT long|runs SECONDS CONNECTIONS RUN_ID...\n");
		return 2;
	}
	load.address = (struct sockaddr_in){
	        .sin_family = AF_INET,
	        .sin_port = htons((uint16_t)strtoul(argv[PORT], NULL, 10)),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	load.whole_runs = strcmp(argv[MODE], "runs") == 0;
	load.count = (int)strtol(argv[CONNECTIONS], NULL, 10);
	load.run_ids = (const char **)(argv + RUNS);
	load.run_count = argc - RUNS;
	if (load.count < 1 || load.count > CONNECTIONS_MAX || load.run_count < load.count) {
		(void)fprintf(stderr, "load_events: 1 to %d connections, a run for each\n",
		              CONNECTIONS_MAX);
		return 2;
	}
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load_session(&load);
	play(&load, strtod(argv[SECONDS], NULL));
	buf_release(&load.session);
	free(load.result);
	free(load.latencies_ms);
	return 0;
}
