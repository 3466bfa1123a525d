// SPDX-License-Identifier: Apache-2.0
#include "delivering.h"

#include <inttypes.h>

#include "base/random.h"
#include "model/severity.h"
#include "render.h"

enum {
	BODY_MAX = 16 << 20, /* far above what a run with every kind of deviation needs */
	HISTORY_ID_BYTES = 8,
};

static const char *max_severity_of(const struct notice *notice)
{
	enum severity severity, max = SEVERITY_INFO;
	bool known = false;

	for (size_t i = 0; i < notice->finding_count; i++) {
		if (!severity_parse(notice->findings[i].severity, &severity))
			continue;
		max = !known || severity > max ? severity : max;
		known = true;
	}
	return known ? severity_name(max) : "";
}

static void refuse(struct webhook_outcome *ret, const char *error)
{
	*ret = (struct webhook_outcome){
	        .status = WEBHOOK_PERMANENT,
	        .response_body = "",
	        .error = error,
	};
}

static int load_notice(struct db *db, const struct delivery *delivery, struct arena *arena,
                       struct notice *ret, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	if (!conn)
		return -err->code;
	return query_notice(conn, delivery->run_id, arena, ret, err);
}

/* Fills the delivery's body. 1: done; 0: there is nothing to send, `*ret` says why. */
static int render_body(struct db *db, const struct template *template, struct delivery *delivery,
                       struct arena *arena, struct webhook_outcome *ret, struct error *err)
{
	struct notice notice = {0};
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX);
	int rc = load_notice(db, delivery, arena, &notice, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || notice.finding_count == 0) {
		refuse(ret, "the run has no deviations any more");
		return 0;
	}
	notice.max_severity = max_severity_of(&notice);
	template->render(&notice, &body);
	if (body.overflowed) {
		refuse(ret, "the body would be longer than 16 MiB");
		return 0;
	}
	delivery->body = arena_copy(arena, buf_view(&body));
	delivery->finding_count = (int64_t)notice.finding_count;
	return 1;
}

static int attempt(struct db *db, const struct notifier_config *config, struct http_client *client,
                   struct delivery *delivery, struct arena *arena, struct webhook_outcome *ret,
                   struct error *err)
{
	const struct template *template = template_find(delivery->template);
	int rc = 1;

	if (!template) {
		refuse(ret, arena_printf(arena, "there is no template '%s'", delivery->template));
		return 0;
	}
	if (!delivery->body.data)
		rc = render_body(db, template, delivery, arena, ret, err);
	if (rc <= 0)
		return rc;
	struct webhook webhook = {
	        .url = delivery->url,
	        .headers = delivery->headers,
	        .secret_env = delivery->secret_env,
	        .is_signed = template->is_signed,
	        .id = delivery->webhook_id,
	        .body = delivery->body,
	        .timeout_ms = config->timeout_ms,
	};
	webhook_send(client, &webhook, arena, ret);
	return 0;
}

/* Transaction: nothing of it happens when the delivery is no longer this attempt's. */
static int record(void *ctx, struct db_conn *conn, struct error *err)
{
	const struct attempt_record *record = ctx;

	int rc = query_end_attempt(conn, record, err);
	if (rc <= 0)
		return rc;
	rc = query_insert_history(conn, record, err);
	if (rc == 0 && strcmp(record->status, webhook_status_name(WEBHOOK_SENT)) == 0)
		rc = query_mark_notified(conn, record->delivery->run_id, err);
	return rc;
}

static int record_attempt(struct db *db, const struct notifier_config *config,
                          const struct delivery *delivery, const struct webhook_outcome *outcome,
                          struct error *err)
{
	char random[2 * HISTORY_ID_BYTES + 1], id[sizeof(random) + 24];
	bool retry = outcome->status == WEBHOOK_FAILED && delivery->attempt < config->attempts;

	random_hex(random, HISTORY_ID_BYTES);
	(void)snprintf(id, sizeof(id), "%s-%" PRId64, random, delivery->attempt);
	struct attempt_record attempt_record = {
	        .delivery = delivery,
	        .id = id,
	        .status = webhook_status_name(outcome->status),
	        .retry = retry,
	        .retry_ms = retry ? backoff_ms((unsigned)delivery->attempt, config->backoff_ms,
	                                       config->backoff_max_ms)
	                          : 0,
	        .response_code = outcome->response_code,
	        .response_body = outcome->response_body,
	        .error = outcome->error,
	        .body = delivery->body,
	        .finding_count = delivery->finding_count,
	};
	return db_transaction(db, record, &attempt_record, err);
}

int deliver(struct db *db, const struct notifier_config *config, struct http_client *client,
            struct delivery *delivery, struct arena *arena, struct webhook_outcome *ret,
            struct error *err)
{
	int rc = attempt(db, config, client, delivery, arena, ret, err);
	return rc < 0 ? rc : record_attempt(db, config, delivery, ret, err);
}
