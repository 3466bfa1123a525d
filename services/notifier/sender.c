// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <stdlib.h>

#include "backbone/work_pool.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "delivering.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "queries.h"
#include "webhook.h"

enum { CLAIM_MARGIN_MS = 20 * MS_PER_S }; /* beyond the request's own deadline, to record it */

/* What belongs to one thread of the pool. */
struct worker {
	struct http_client *client;
	struct arena arena; /* of the current delivery */
	struct delivery delivery;
};

struct sender {
	const struct notifier_config *config;
	struct db *db;
	struct metric_family *notifications;
	struct worker *workers;
	struct work_pool *pool;
};

static int claim(void *ctx, size_t index, struct error *err)
{
	struct sender *sender = ctx;
	struct worker *worker = &sender->workers[index];
	AUTO(db_conn) struct db_conn *conn = db_acquire(sender->db, err);

	if (!conn)
		return -err->code;
	arena_reset(&worker->arena);
	return query_claim_delivery(conn, sender->config->timeout_ms + CLAIM_MARGIN_MS,
	                            &worker->arena, &worker->delivery, err);
}

/* Targets are named by the operator and few, which makes the name fit for a label. */
static void note_outcome(struct sender *sender, const struct delivery *delivery,
                         const struct webhook_outcome *outcome)
{
	const char *status = webhook_status_name(outcome->status);
	AUTO(free) char *label = xasprintf("%s,%s", status, delivery->notifier);

	metric_add(metric_series(sender->notifications, label), 1);
	if (outcome->status == WEBHOOK_SENT)
		LOG_INFO("notification sent", LOG_STR("run_id", delivery->run_id),
		         LOG_STR("notifier", delivery->notifier),
		         LOG_INT("attempt", delivery->attempt));
	else
		LOG_WARN("notification not delivered", LOG_STR("run_id", delivery->run_id),
		         LOG_STR("notifier", delivery->notifier), LOG_STR("status", status),
		         LOG_INT("attempt", delivery->attempt), LOG_STR("error", outcome->error));
}

static int process(void *ctx, size_t index, struct error *err)
{
	struct sender *sender = ctx;
	struct worker *worker = &sender->workers[index];
	struct webhook_outcome outcome;

	int rc = deliver(sender->db, sender->config, worker->client, &worker->delivery,
	                 &worker->arena, &outcome, err);
	if (rc == 0)
		note_outcome(sender, &worker->delivery, &outcome);
	return rc;
}

static int open_clients(struct sender *sender, struct error *err)
{
	struct http_client_options options = {.user_agent = webhook_user_agent};

	for (int64_t i = 0; i < sender->config->parallel; i++) {
		sender->workers[i].client = http_client_create(&options, err);
		if (!sender->workers[i].client)
			return -err->code;
	}
	return 0;
}

struct sender *sender_start(const struct notifier_config *config, struct service *service,
                            struct db *db, struct error *err)
{
	struct sender *sender = xcalloc(1, sizeof(*sender));
	struct work_pool_options options = {
	        .service = service,
	        .what = "send notifications",
	        .workers = (size_t)config->parallel,
	        .claim = claim,
	        .process = process,
	        .ctx = sender,
	};

	sender->config = config;
	sender->db = db;
	sender->notifications =
	        metric_family(METRIC_COUNTER, "fangs_notifications_total",
	                      "Webhook attempts by target and outcome", "status,notifier");
	sender->workers = xcalloc(options.workers, sizeof(*sender->workers));
	if (open_clients(sender, err) == 0)
		sender->pool = work_pool_start(&options, err);
	if (!sender->pool) {
		sender_stop(sender);
		return NULL;
	}
	return sender;
}

void sender_wake(struct sender *sender)
{
	work_pool_wake(sender->pool);
}

void sender_stop(struct sender *sender)
{
	if (!sender)
		return;
	work_pool_stop(sender->pool);
	for (int64_t i = 0; i < sender->config->parallel; i++) {
		http_client_destroy(sender->workers[i].client);
		arena_release(&sender->workers[i].arena);
	}
	free(sender->workers);
	free(sender);
}
