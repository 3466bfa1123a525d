// SPDX-License-Identifier: Apache-2.0
#include "http/http_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "http/http_request.h"

enum {
	BLOCK_BYTES = 1024, /* to clients that do not know chunks */
	/* What the kernel keeps for a client that does not read. */
	SEND_BUFFER_BYTES = 64 << 10,
	/* How long a client that vanished without a word is believed in, once something is sent. */
	UNACKNOWLEDGED_MAX_MS = 60000,
	NO_DEADLINE = -1,
};

struct http_stream {
	struct http_server *server;
	struct http_request *request;
	struct MHD_Connection *connection;
	struct http_parked watch;
	struct http_stream_options options;
	bool held; /* counted by the server */

	pthread_mutex_t lock;
	pthread_cond_t called;
	/* Under the lock. */
	struct buf unsent;
	size_t taken; /* of `unsent`, by the epoll thread */
	bool suspended;
	bool attached; /* the request is not completed */
	bool closed;   /* by its owner */
	bool lost;     /* by its client or the server */
	bool ending;   /* the answer ends after what is unsent */
	bool cut;      /* the answer ends at once */
	bool calling;  /* on_gone runs, in thread `caller` */
	pthread_t caller;
	int references;
};

static void unlock_and_unref(struct http_stream *stream)
{
	bool last = --stream->references == 0;

	pthread_mutex_unlock(&stream->lock);
	if (!last)
		return;
	buf_release(&stream->unsent);
	pthread_mutex_destroy(&stream->lock);
	pthread_cond_destroy(&stream->called);
	free(stream);
}

/* These three with the lock held. */
static void wake(struct http_stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->connection);
}

/* A connection that waits for its client to read is ended by its socket. */
static void cut(struct http_stream *stream)
{
	stream->lost = !stream->closed;
	stream->cut = true;
	if (stream->attached)
		(void)shutdown(stream->watch.fd, SHUT_RDWR);
	wake(stream);
}

static ssize_t take_unsent(struct http_stream *stream, char *room, size_t size)
{
	size_t rest = stream->unsent.size - stream->taken;

	if (rest > size)
		rest = size;
	memcpy(room, stream->unsent.data + stream->taken, rest);
	stream->taken += rest;
	if (stream->taken == stream->unsent.size) {
		buf_release(&stream->unsent);
		stream->taken = 0;
	}
	return (ssize_t)rest;
}

/* The epoll thread wants the next bytes. */
static ssize_t read_stream(void *cls, uint64_t position, char *room, size_t size)
{
	struct http_stream *stream = cls;
	ssize_t result = 0;

	(void)position;
	pthread_mutex_lock(&stream->lock);
	if (stream->cut) {
		result = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (stream->unsent.size) {
		result = take_unsent(stream, room, size);
	} else if (stream->ending) {
		result = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->lock);
	return result;
}

static void on_peer_gone(void *ctx, struct http_request *request)
{
	struct http_stream *stream = ctx;

	(void)request;
	pthread_mutex_lock(&stream->lock);
	cut(stream);
	pthread_mutex_unlock(&stream->lock);
}

/* Who has got everything gets a proper end. */
static void on_server_stop(void *ctx, struct http_request *request)
{
	struct http_stream *stream = ctx;

	(void)request;
	pthread_mutex_lock(&stream->lock);
	if (stream->suspended) {
		stream->lost = !stream->closed;
		stream->ending = true;
		wake(stream);
	} else {
		cut(stream);
	}
	pthread_mutex_unlock(&stream->lock);
}

void http_stream_completed(struct http_stream *stream)
{
	if (!stream)
		return;
	http_parking_remove(stream->server->parking, &stream->watch);
	pthread_mutex_lock(&stream->lock);
	stream->attached = false;
	if (!stream->closed) {
		stream->lost = stream->calling = true;
		stream->caller = pthread_self();
		pthread_mutex_unlock(&stream->lock);
		stream->options.on_gone(stream->options.ctx, stream);
		pthread_mutex_lock(&stream->lock);
		stream->calling = false;
		pthread_cond_broadcast(&stream->called);
	}
	if (stream->held)
		http_server_let_go(stream->server);
	unlock_and_unref(stream);
}

static void tune_socket(int fd)
{
	int buffer_bytes = SEND_BUFFER_BYTES;
	int timeout_ms = UNACKNOWLEDGED_MAX_MS;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static struct http_stream *stream_create(struct http_request *request,
                                         const struct http_stream_options *options)
{
	struct http_stream *stream = xcalloc(1, sizeof(*stream));

	stream->server = request->server;
	stream->request = request;
	stream->connection = request->connection;
	stream->options = *options;
	stream->references = 2;
	stream->attached = true;
	stream->watch = (struct http_parked){
	        .request = request,
	        .fd = request->parked.fd,
	        .park = {NO_DEADLINE, on_server_stop, on_peer_gone, stream},
	};
	/* Twice: what was taken is only removed when it is more than what was not. */
	buf_init(&stream->unsent, 2 * options->unsent_max_bytes);
	pthread_mutex_init(&stream->lock, NULL);
	pthread_cond_init(&stream->called, NULL);
	return stream;
}

struct http_stream *http_reply_stream(struct http_request *request,
                                      const struct http_stream_options *options)
{
	struct http_stream *stream = stream_create(request, options);
	struct http_server *server = request->server;
	struct MHD_Response *response = NULL;

	request->stream = stream;
	http_parking_remove(server->parking, &request->parked);
	stream->held = http_server_hold(server);
	if (stream->held) {
		tune_socket(stream->watch.fd);
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES,
		                                             read_stream, stream, NULL);
		http_parking_add(server->parking, &stream->watch);
	}
	/* Without a response it is lost when its request has been dropped. */
	http_request_answer(request, MHD_HTTP_OK, options->content_type, response);
	return stream;
}

bool http_stream_send(struct http_stream *stream, struct view bytes)
{
	bool sent = false;

	pthread_mutex_lock(&stream->lock);
	if (stream->lost || stream->closed)
		goto out;
	if (bytes.size + (stream->unsent.size - stream->taken) > stream->options.unsent_max_bytes) {
		cut(stream);
		goto out;
	}
	if (stream->taken > stream->unsent.size / 2) {
		buf_consume(&stream->unsent, stream->taken);
		stream->taken = 0;
	}
	buf_append_view(&stream->unsent, bytes);
	wake(stream);
	sent = true;
out:
	pthread_mutex_unlock(&stream->lock);
	return sent;
}

bool http_stream_close(struct http_stream *stream)
{
	bool ended;

	pthread_mutex_lock(&stream->lock);
	while (stream->calling && !pthread_equal(stream->caller, pthread_self()))
		pthread_cond_wait(&stream->called, &stream->lock);
	ended = !stream->lost;
	stream->closed = true;
	stream->ending = true;
	wake(stream);
	unlock_and_unref(stream);
	return ended;
}
