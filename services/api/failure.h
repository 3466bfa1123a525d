// SPDX-License-Identifier: Apache-2.0
/*
 * How errors become answers, and how often they are logged: while the database is away every
 * request fails, and one line about it now and then is enough.
 */
#ifndef FANGS_API_FAILURE_H
#define FANGS_API_FAILURE_H

#include <stdatomic.h>

#include "base/error.h"
#include "http/http_server.h"

struct failures {
	_Atomic int64_t next_log_ms;
	atomic_uint unlogged;
};

/* Answers: DROP 400 with the sentence; RETRY 503 with Retry-After; FATAL 500. Logs the latter
 * two. */
void failure_reply(struct failures *failures, struct http_request *request,
                   const struct error *err);

void failure_log(struct failures *failures, const char *path, const struct error *err);

#endif
