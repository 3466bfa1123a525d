// SPDX-License-Identifier: Apache-2.0
/*
 * Tokens over the JSON API, for operators:
 *
 *   GET /v1/tokens          {"items":[{"id","name","role","runner_id" (null unless role runner),
 *                           "state" (active, expired, revoked),"created_at","created_by",
 *                           "expires_at","last_used_at","revoked_at" (each null or a time)}]},
 *                           newest first, all at once
 *   POST /v1/tokens         {"name","role" (viewer, operator, runner),"runner_id" (role runner;
 *                           default: the name),"expires_in_s" (0 or missing: never)}
 *                           -> 201 {"id","name","role","runner_id","token"}; 409 when the name is
 *                           in use; the token is shown this once
 *   DELETE /v1/tokens/{id}  by id, or by name of one not revoked -> 204, or 404
 */
#ifndef FANGS_API_TOKENS_HTTP_H
#define FANGS_API_TOKENS_HTTP_H

#include "base/arena.h"
#include "base/error.h"
#include "http/http_server.h"
#include "model/access_token.h"

enum { TOKENS_BODY_MAX_BYTES = 8 << 10 };

void tokens_handle_list(void *ctx, struct http_request *request);
void tokens_handle_create(void *ctx, struct http_request *request);
void tokens_handle_revoke(void *ctx, struct http_request *request);

/* Body of a POST; DROP with what is wrong. */
int tokens_read(struct view text, struct arena *arena, struct access_token *ret, struct error *err);

#endif
