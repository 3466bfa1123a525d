// SPDX-License-Identifier: Apache-2.0
/*
 * For tests: the client's side of a connection byte by byte, so that it can misbehave. Every wait
 * fails the test after RAW_WAIT_MS.
 */
#ifndef FANGS_HTTP_RAW_CLIENT_H
#define FANGS_HTTP_RAW_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { RAW_WAIT_MS = 10000, RAW_ANSWER_MAX_BYTES = 4 << 20 };

/* Connects to the loopback interface; -1 when refused. */
int raw_dial(int port);
/* The client's address is another one of 127.0.0.0/8. */
int raw_dial_from(const char *from, int port);
void raw_say(int fd, const char *text);
/* Appends what comes until the peer closes (true), or `until` was seen (false). */
bool raw_hear(int fd, struct buf *out, const char *until);
/* One request on a connection of its own, until the peer closes. The caller frees the answer. */
char *raw_ask(int port, const char *request);

/* What handlers count under `lock`: now, and once it is `wanted`. */
size_t raw_counted(pthread_mutex_t *lock, const size_t *counter);
void raw_wait_for(pthread_mutex_t *lock, const size_t *counter, size_t wanted);

/* Headers of a request that is the connection's last. */
#define RAW_CLOSE "Host: x\r\nConnection: close\r\n\r\n"

#endif
