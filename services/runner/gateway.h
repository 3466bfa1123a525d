// SPDX-License-Identifier: Apache-2.0
/*
 * A connection to the /v1 server, owned by one thread: JSON out, JSON back.
 */
#ifndef FANGS_RUNNER_GATEWAY_H
#define FANGS_RUNNER_GATEWAY_H

#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "http/http_client.h"
#include "runner_config.h"

enum { GATEWAY_ANSWER_MAX_BYTES = 2 << 20 };

struct gateway;

/* The configuration is borrowed. `cancel` may be NULL. */
struct gateway *gateway_open(const struct runner_config *config, const atomic_bool *cancel,
                             struct error *err);
void gateway_close(struct gateway *gateway);
DEFINE_AUTO(gateway, struct gateway *, gateway_close)

/* One request below the configured base URL; `path` "/v1/health". The answer with any status, to be
 * released by the caller in any case; negative when there was none. */
int gateway_get(struct gateway *gateway, const char *path, int64_t timeout_ms,
                struct http_answer *answer, struct error *err);
int gateway_post(struct gateway *gateway, const char *path, struct view json,
                 struct http_answer *answer, struct error *err);

/* Percent-encodes one path segment. */
void gateway_append_segment(struct buf *path, const char *segment);

/* A status that was not hoped for, as an error: "gateway answered 503 to /v1/...: <its text>". The
 * class is RETRY. */
int gateway_refusal(const char *path, const struct http_answer *answer, struct error *err);

#endif
