// SPDX-License-Identifier: Apache-2.0
#include "webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "signature.h"
#include "target_url.h"
#include "webhook_headers.h"

enum { ANSWER_KEPT_MAX = 2048 };

const char webhook_user_agent[] = "fangs-orchestrator";

const char *webhook_status_name(enum webhook_status status)
{
	static const char *const names[] = {
	        [WEBHOOK_SENT] = "sent",
	        [WEBHOOK_FAILED] = "failed",
	        [WEBHOOK_PERMANENT] = "permanent",
	};
	return names[status];
}

enum webhook_status webhook_classify(long response_code)
{
	enum { REQUEST_TIMEOUT = 408, TOO_MANY_REQUESTS = 429 };

	if (response_code >= 200 && response_code < 300)
		return WEBHOOK_SENT;
	if (response_code == REQUEST_TIMEOUT || response_code == TOO_MANY_REQUESTS)
		return WEBHOOK_FAILED;
	if (response_code >= 400 && response_code < 500)
		return WEBHOOK_PERMANENT;
	return WEBHOOK_FAILED;
}

/* The secret is read at each attempt: it is not kept anywhere, and a missing one may be a mistake
 * that the next start of the service corrects. */
static int sign(const struct webhook *webhook, int64_t now_s, struct webhook_headers *headers,
                struct arena *arena, struct error *err)
{
	char of_body[SIGNATURE_TEXT_MAX], standard[SIGNATURE_TEXT_MAX];
	struct view secret;

	if (!webhook->is_signed || *webhook->secret_env == '\0')
		return 0;
	secret = view_of_string(getenv(webhook->secret_env));
	if (secret.size == 0)
		return error_set(err, EAGAIN, "environment variable '%s' with the secret is empty",
		                 webhook->secret_env);
	signature_of_body(secret, webhook->body, of_body);
	signature_standard(secret, webhook->id, now_s, webhook->body, standard);
	(void)webhook_headers_set(headers, "X-Fangs-Signature", arena_strdup(arena, of_body));
	(void)webhook_headers_set(headers, "webhook-signature", arena_strdup(arena, standard));
	return 0;
}

static int make_headers(const struct webhook *webhook, struct webhook_headers *headers,
                        struct arena *arena, struct error *err)
{
	int64_t now_s = clock_wall_ns() / NS_PER_S;
	struct error ignored = {0};

	(void)webhook_headers_set(headers, "Content-Type", "application/json");
	(void)webhook_headers_set(headers, "User-Agent", webhook_user_agent);
	if (*webhook->headers) /* as the existing system: what is no map of strings is no header */
		(void)webhook_headers_set_json(headers, webhook->headers, arena, &ignored);
	(void)webhook_headers_set(headers, "webhook-id", webhook->id);
	(void)webhook_headers_set(headers, "webhook-timestamp",
	                          arena_printf(arena, "%" PRId64, now_s));
	return sign(webhook, now_s, headers, arena, err);
}

/* Keeps the beginning of the answer and ends the transfer behind it. */
static int keep_beginning(void *ctx, struct view piece)
{
	struct buf *kept = ctx;
	size_t room = kept->max - kept->size;

	buf_append(kept, piece.data, piece.size < room ? piece.size : room);
	return piece.size > room ? -1 : 0;
}

/* "cannot POST '<url>': <why>" without the URL: that of a chat's webhook is a secret, and the
 * history and the log are read by more people than the targets. */
static void hide_url(struct error *err)
{
	struct error whole = *err;
	const char *why = strstr(whole.text, "': ");

	(void)error_set_class(err, whole.class, whole.code, "cannot POST to the target%s",
	                      why ? why + 1 : "");
}

static int post(struct http_client *client, const struct webhook *webhook,
                const struct webhook_headers *headers, struct buf *kept, long *ret_code,
                struct error *err)
{
	struct http_call call = {
	        .method = "POST",
	        .url = webhook->url,
	        .headers = headers->items,
	        .header_count = headers->count,
	        .body = webhook->body,
	        .timeout_ms = webhook->timeout_ms,
	        .answer_max_bytes = SIZE_MAX,
	        .on_data = keep_beginning,
	        .ctx = kept,
	};
	struct http_answer answer;

	int rc = http_client_call(client, &call, &answer, err);
	*ret_code = answer.status;
	if (rc == -ECANCELED && kept->size == kept->max)
		rc = 0; /* by keep_beginning() */
	http_answer_release(&answer);
	if (rc < 0)
		hide_url(err);
	return rc;
}

static void refuse(struct webhook_outcome *ret, enum webhook_status status, struct arena *arena,
                   const struct error *err)
{
	*ret = (struct webhook_outcome){
	        .status = status,
	        .response_body = "",
	        .error = arena_strdup(arena, err->text),
	};
}

static void judge_answer(long code, const struct buf *kept, struct arena *arena,
                         struct webhook_outcome *ret)
{
	struct view body = utf8_prefix(utf8_storable(arena, buf_view(kept)), ANSWER_KEPT_MAX);

	*ret = (struct webhook_outcome){
	        .status = webhook_classify(code),
	        .response_code = code,
	        .response_body = arena_copy(arena, body).data,
	        .error = "",
	};
	if (ret->status != WEBHOOK_SENT)
		ret->error = arena_printf(arena, "the receiver answered %ld", code);
}

void webhook_send(struct http_client *client, const struct webhook *webhook, struct arena *arena,
                  struct webhook_outcome *ret)
{
	struct webhook_headers headers = {.count = 0};
	struct error err = {0};
	AUTO(buf) struct buf kept;
	long code = 0;

	buf_init(&kept, ANSWER_KEPT_MAX);
	if (target_url_check(webhook->url, &err) < 0)
		refuse(ret, WEBHOOK_PERMANENT, arena, &err);
	else if (make_headers(webhook, &headers, arena, &err) < 0 ||
	         post(client, webhook, &headers, &kept, &code, &err) < 0)
		refuse(ret, WEBHOOK_FAILED, arena, &err);
	else
		judge_answer(code, &kept, arena, ret);
}
