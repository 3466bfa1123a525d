// SPDX-License-Identifier: Apache-2.0
/*
 * The notifier's SQL. Functions run on the caller's connection, within its transaction where there
 * is one, and return 0 or a negative errno; those that look for a row return 1 when there is one.
 * Strings live in the arena given.
 */
#ifndef FANGS_NOTIFIER_QUERIES_H
#define FANGS_NOTIFIER_QUERIES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"
#include "db/db.h"
#include "notice.h"

/* Enabled targets and the severities from which they want to hear ("" for all). */
struct subscriber {
	const char *name, *min_severity;
};
struct subscribers {
	struct subscriber *items;
	size_t count;
};
int query_subscribers(struct db_conn *conn, struct arena *arena, struct subscribers *ret,
                      struct error *err);

/* A delivery of that run to that target, unless there is one. A run or target that is gone by now
 * gets none. 1: queued, and all notifiers were notified of it. */
int query_queue_delivery(struct db_conn *conn, const char *run_id, const char *notifier,
                         const char *webhook_id, struct error *err);

/* A delivery that this process makes now. */
struct delivery {
	const char *run_id, *notifier, *webhook_id;
	int64_t attempt;  /* the one to be made, from 1 */
	struct view body; /* as it was sent before; data is NULL on the first attempt */
	int64_t finding_count;
	const char *url, *template, *secret_env, *headers; /* the target's; "" for none */
};
/* Takes the one which is due longest and keeps other notifiers off it for `claim_ms`. */
int query_claim_delivery(struct db_conn *conn, int64_t claim_ms, struct arena *arena,
                         struct delivery *ret, struct error *err);

/* What is to be said about a run. 0 when the run is gone. */
int query_notice(struct db_conn *conn, const char *run_id, struct arena *arena, struct notice *ret,
                 struct error *err);

/* The end of an attempt: the delivery's new state and the attempt's row for the history. */
struct attempt_record {
	const struct delivery *delivery;
	const char *id;     /* of the history row */
	const char *status; /* of the attempt: sent, failed, permanent */
	bool retry;         /* the delivery stays queued */
	int64_t retry_ms;   /* from now */
	long response_code; /* 0 for no answer */
	const char *response_body;
	const char *error;
	struct view body; /* kept for the next attempt */
	int64_t finding_count;
};
/* 0 when the delivery is no longer this attempt's: another notifier made it after the claim ran
 * out, or the target was deleted. */
int query_end_attempt(struct db_conn *conn, const struct attempt_record *record, struct error *err);
int query_insert_history(struct db_conn *conn, const struct attempt_record *record,
                         struct error *err);
int query_mark_notified(struct db_conn *conn, const char *run_id, struct error *err);

/* A target from the notifiers file; empty strings become NULL. */
struct target {
	const char *name, *url, *template, *secret_env, *headers, *min_severity;
	bool enabled;
};
int query_upsert_target(struct db_conn *conn, const struct target *target, struct error *err);

#endif
