// SPDX-License-Identifier: Apache-2.0
/*
 * A server for tests that answers each request with the next text of a script, whatever was asked,
 * and keeps what it was sent. One connection at a time, on the loopback interface or a UNIX socket.
 */
#ifndef FANGS_HTTP_SCRIPTED_SERVER_H
#define FANGS_HTTP_SCRIPTED_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { SCRIPTED_REQUESTS_MAX = 16, SCRIPTED_REQUEST_BYTES = 4096 };

struct scripted_answer {
	const char *text; /* raw; NULL: none, the connection is held until the client leaves */
	int closes;       /* the connection afterwards */
	atomic_bool *on_request; /* set to true when the request is there; may be NULL */
};

struct scripted_server {
	const struct scripted_answer *answers;
	size_t answer_count;
	int listen_fd;
	int port; /* 0 on a UNIX socket */
	pthread_t thread;
	/* To be read after scripted_server_stop(). */
	size_t request_count, connection_count;
	char requests[SCRIPTED_REQUESTS_MAX][SCRIPTED_REQUEST_BYTES];
};

/* `unix_path` NULL: a free port. Aborts when it cannot start. */
void scripted_server_start(struct scripted_server *server, const char *unix_path,
                           const struct scripted_answer *answers, size_t count);

/* Waits until the script is played or the client's connections are closed, then ends. */
void scripted_server_stop(struct scripted_server *server);

#endif
