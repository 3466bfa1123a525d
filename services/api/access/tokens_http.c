// SPDX-License-Identifier: Apache-2.0
#include "access/tokens_http.h"

#include <errno.h>

#include "api.h"
#include "log/log.h"
#include "resources/body.h"
#include "json/json.h"
#include "json/json_writer.h"

enum { LIST_MAX_BYTES = 16 << 20, ANSWER_MAX_BYTES = 4096, TEXT_MAX = 4096 };
#define EXPIRES_MAX_S (INT64_C(100) * 366 * 24 * 3600)

void tokens_handle_list(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct error err = {0};
	AUTO(buf) struct buf body;

	buf_init(&body, LIST_MAX_BYTES);
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	if (!conn || access_token_list(conn, &body, &err) < 0)
		failure_reply(&api->failures, request, &err);
	else
		http_reply_json(request, 200, buf_view(&body));
}

static const struct body_member token_members[] = {
        {.name = "name", .kind = BODY_TEXT, .max = TEXT_MAX},
        {.name = "role", .kind = BODY_TEXT, .max = TEXT_MAX},
        {.name = "runner_id", .kind = BODY_TEXT, .max = TEXT_MAX},
        {.name = "expires_in_s", .kind = BODY_NUMBER, .max = EXPIRES_MAX_S},
};

static const char *text_of(const struct json *body, const char *key, struct arena *arena)
{
	return arena_strdup(arena, json_string(json_get(body, key), ""));
}

int tokens_read(struct view text, struct arena *arena, struct access_token *ret, struct error *err)
{
	AUTO(json)
	struct json *body = body_parse(text, token_members, BODY_COUNT(token_members), err);

	*ret = (struct access_token){0};
	if (!body)
		return -err->code;
	if (!access_role_parse(json_string(json_get(body, "role"), ""), &ret->role))
		return error_set(err, EINVAL, "role must be viewer, operator or runner");
	ret->name = text_of(body, "name", arena);
	ret->runner_id = text_of(body, "runner_id", arena);
	ret->expires_in_s = json_int(json_get(body, "expires_in_s"), 0);
	return 0;
}

static void reply_made(struct http_request *request, const struct access_token *token,
                       const struct access_token_made *made)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "id", made->id);
	json_member_string(&w, "name", token->name);
	json_member_string(&w, "role", access_role_name(token->role));
	json_member_string(&w, "runner_id", made->runner_id);
	json_member_string(&w, "token", made->text);
	json_end_object(&w);
	http_reply_header(request, "Cache-Control", "no-store");
	http_reply_json(request, 201, buf_view(&body));
}

static int create(struct api *api, const struct access_token *token, struct access_token_made *ret,
                  struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	return conn ? access_token_create(conn, token, ret, err) : -err->code;
}

void tokens_handle_create(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct access_token token;
	struct access_token_made made;
	struct error err = {0};
	int rc = tokens_read(http_request_body(request), http_request_arena(request), &token, &err);

	if (rc == 0) {
		token.created_by = access_identity(request)->name;
		rc = create(api, &token, &made, &err);
	}
	if (rc == -EEXIST) {
		http_reply_error(request, 409, "%s", err.text);
	} else if (rc < 0) {
		failure_reply(&api->failures, request, &err);
	} else {
		LOG_INFO("token created", LOG_STR("id", made.id), LOG_STR("name", token.name),
		         LOG_STR("role", access_role_name(token.role)),
		         LOG_STR("by", token.created_by));
		reply_made(request, &token, &made);
	}
}

void tokens_handle_revoke(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	const char *id = http_request_param(request, "id");
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);
	int rc = conn ? access_token_revoke(conn, id, &err) : -err.code;

	access_forget(&api->access);
	if (rc < 0) {
		failure_reply(&api->failures, request, &err);
	} else if (rc == 0) {
		http_reply_error(request, 404, "token not found");
	} else {
		LOG_INFO("token revoked", LOG_STR("token", id),
		         LOG_STR("by", access_identity(request)->name));
		http_reply_empty(request, 204);
	}
}
