// SPDX-License-Identifier: Apache-2.0
/*
 * Answers without an end. A stream with nothing to send is a suspended connection which the parking
 * thread watches; sending wakes it, and the epoll thread takes the bytes. Private to http/.
 *
 * Invariants: a stream is referred to by its owner until he closes it and by its request until that
 * is completed. While the request refers to it, the server counts it as held and its descriptor is
 * open. Whatever loses a stream ends its connection; on_gone is called when that has been cleaned
 * up, at one place.
 */
#ifndef FANGS_HTTP_HTTP_STREAM_H
#define FANGS_HTTP_HTTP_STREAM_H

#include "http/http_server.h"

/* The epoll thread: the stream's request is completed. Accepts NULL. */
void http_stream_completed(struct http_stream *stream);

#endif
