// SPDX-License-Identifier: Apache-2.0
#include "http/scripted_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/view.h"

/* The bytes of the body that the head in `request` announces. */
static size_t announced_body(const char *request)
{
	const char *at = strcasestr(request, "\r\ncontent-length: ");
	uint64_t size = 0;
	if (!at)
		return 0;
	struct view line = view_of_string(at + strlen("\r\ncontent-length: "));
	return view_to_u64(view_split(&line, '\r'), &size) ? (size_t)size : 0;
}

static int is_complete(const char *request, size_t size)
{
	const char *end = strstr(request, "\r\n\r\n");
	return end && size >= (size_t)(end - request) + 4 + announced_body(request);
}

/* Reads one request; 0 when the client closed before. */
static int read_request(int fd, char *request)
{
	size_t size = 0;
	while (!is_complete(request, size)) {
		ssize_t got = read(fd, request + size, SCRIPTED_REQUEST_BYTES - 1 - size);
		if (got <= 0)
			return 0;
		size += (size_t)got;
		request[size] = '\0';
	}
	return 1;
}

static void send_text(int fd, const char *text)
{
	for (size_t size = strlen(text); size;) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
		if (sent < 0)
			return; /* the client had enough */
		text += sent;
		size -= (size_t)sent;
	}
}

static void hold(int fd)
{
	char byte = 0;
	while (read(fd, &byte, 1) > 0)
		;
}

/* Plays the script until the connection ends. */
static void serve(struct scripted_server *server, int fd)
{
	while (server->request_count < server->answer_count &&
	       read_request(fd, server->requests[server->request_count])) {
		const struct scripted_answer *answer = &server->answers[server->request_count++];
		if (answer->on_request)
			atomic_store(answer->on_request, true);
		if (!answer->text) {
			hold(fd);
			return;
		}
		send_text(fd, answer->text);
		if (answer->closes)
			return;
	}
}

static void *run(void *ctx)
{
	struct scripted_server *server = ctx;
	while (server->request_count < server->answer_count) {
		int fd = accept(server->listen_fd, NULL, NULL);
		if (fd < 0)
			break;
		server->connection_count++;
		serve(server, fd);
		(void)close(fd);
	}
	return NULL;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		abort();
	return fd;
}

static int listen_loopback(int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

void scripted_server_start(struct scripted_server *server, const char *unix_path,
                           const struct scripted_answer *answers, size_t count)
{
	memset(server, 0, sizeof(*server));
	server->answers = answers;
	server->answer_count = count;
	server->listen_fd = unix_path ? listen_unix(unix_path) : listen_loopback(&server->port);
	if (count > SCRIPTED_REQUESTS_MAX ||
	    pthread_create(&server->thread, NULL, run, server) != 0)
		abort();
}

void scripted_server_stop(struct scripted_server *server)
{
	(void)shutdown(server->listen_fd, SHUT_RDWR); /* ends accept() */
	(void)pthread_join(server->thread, NULL);
	(void)close(server->listen_fd);
}
