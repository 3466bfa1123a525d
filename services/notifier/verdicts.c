// SPDX-License-Identifier: Apache-2.0
#include "verdicts.h"

#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "log/log.h"
#include "model/messages.h"
#include "model/severity.h"
#include "queries.h"

static const char id_prefix[] = "msg_";

enum { ID_BYTES = 16, ID_DIGITS = 2 * ID_BYTES, WEBHOOK_ID_MAX = sizeof(id_prefix) + ID_DIGITS };

bool severity_wanted(const char *min_severity, const char *max_severity)
{
	enum severity min, max;

	if (!severity_parse(min_severity, &min))
		return true;
	return severity_parse(max_severity, &max) && max >= min;
}

static int queue_delivery(struct db_conn *conn, const struct verdict_message *verdict,
                          const struct subscriber *subscriber, struct error *err)
{
	char webhook_id[WEBHOOK_ID_MAX];

	memcpy(webhook_id, id_prefix, sizeof(id_prefix));
	random_hex(webhook_id + strlen(id_prefix), ID_BYTES);
	return query_queue_delivery(conn, verdict->run_id, subscriber->name, webhook_id, err);
}

static int queue_deliveries(struct db_conn *conn, const struct verdict_message *verdict,
                            struct arena *arena, struct error *err)
{
	struct subscribers subscribers;
	int queued = 0;

	if (query_subscribers(conn, arena, &subscribers, err) < 0)
		return -err->code;
	for (size_t i = 0; i < subscribers.count; i++) {
		const struct subscriber *subscriber = &subscribers.items[i];
		if (!severity_wanted(subscriber->min_severity, verdict->max_severity))
			continue;
		int rc = queue_delivery(conn, verdict, subscriber, err);
		if (rc < 0)
			return rc;
		queued += rc;
	}
	if (queued)
		LOG_INFO("notifications queued", LOG_STR("run_id", verdict->run_id),
		         LOG_STR("package", verdict->package), LOG_INT("targets", queued));
	return 0;
}

enum handled verdicts_handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                             struct error *err)
{
	struct deviation_message deviation;
	struct verdict_message verdict;
	enum deviations_type type;
	enum handled handled = HANDLED_DONE;
	struct arena arena;

	(void)ctx;
	arena_init(&arena);
	if (deviations_message_read(message->value, &arena, &type, &deviation, &verdict, err) < 0)
		handled = HANDLED_DEAD_LETTER;
	else if (type == DEVIATIONS_VERDICT && strcmp(verdict.verdict, "deviates") == 0 &&
	         queue_deliveries(conn, &verdict, &arena, err) < 0)
		handled = err->class == ERROR_DROP ? HANDLED_DEAD_LETTER : HANDLED_RETRY;
	arena_release(&arena);
	return handled;
}
