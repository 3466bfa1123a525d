// SPDX-License-Identifier: Apache-2.0
#include "http/raw_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PIECE_BYTES = 4096 };

int raw_dial(int port)
{
	return raw_dial_from("127.0.0.1", port);
}

int raw_dial_from(const char *from, int port)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_port = htons((uint16_t)port);
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&own, sizeof(own)), 0);
	if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void raw_say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

bool raw_hear(int fd, struct buf *out, const char *until)
{
	int64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;

	while (!until || !strstr(out->data, until)) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		char *room = buf_reserve(out, PIECE_BYTES);
		ssize_t size;

		assert_non_null(room);
		assert_true(clock_monotonic_ms() < deadline_ms);
		if (poll(&poller, 1, RAW_WAIT_MS) <= 0)
			continue;
		size = recv(fd, room, PIECE_BYTES, 0);
		if (size <= 0)
			return true;
		buf_advance(out, (size_t)size);
	}
	return false;
}

char *raw_ask(int port, const char *request)
{
	int fd = raw_dial(port);
	struct buf answer;

	buf_init(&answer, RAW_ANSWER_MAX_BYTES);
	raw_say(fd, request);
	assert_true(raw_hear(fd, &answer, NULL));
	close(fd);
	return buf_detach(&answer);
}

size_t raw_counted(pthread_mutex_t *lock, const size_t *counter)
{
	size_t value;

	pthread_mutex_lock(lock);
	value = *counter;
	pthread_mutex_unlock(lock);
	return value;
}

void raw_wait_for(pthread_mutex_t *lock, const size_t *counter, size_t wanted)
{
	int64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;

	while (raw_counted(lock, counter) != wanted) {
		struct timespec pause = {.tv_nsec = NS_PER_MS};

		assert_true(clock_monotonic_ms() < deadline_ms);
		nanosleep(&pause, NULL);
	}
}
