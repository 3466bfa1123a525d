// SPDX-License-Identifier: Apache-2.0
/* The changing half of the JSON API: watched packages, notifiers, decisions about runs. */
#ifndef FANGS_API_MANAGE_H
#define FANGS_API_MANAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "http/http_server.h"
#include "queries.h"

enum { MANAGE_BODY_MAX_BYTES = 64 << 10 };

void manage_handle_add_package(void *ctx, struct http_request *request);
void manage_handle_remove_package(void *ctx, struct http_request *request);
void manage_handle_put_notifier(void *ctx, struct http_request *request);
void manage_handle_remove_notifier(void *ctx, struct http_request *request);
void manage_handle_promote(void *ctx, struct http_request *request);

/* Body of a PUT; DROP with what is wrong. `headers` is JSON text or "". */
int manage_read_notifier(struct view body, const char *name, struct arena *arena,
                         struct notifier *ret, struct error *err);

#endif
