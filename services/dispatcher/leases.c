// SPDX-License-Identifier: Apache-2.0
#include "leases.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "failing.h"
#include "log/log.h"
#include "queries.h"

/* One transaction: one run taken back. */
struct expiry {
	const struct dispatcher_config *config;
	struct arena *arena;
	bool found;
	bool given_up;
	const char *reason;
	struct expired_run run;
};

static int give_up(struct expiry *expiry, struct db_conn *conn, struct error *err)
{
	const struct expired_run *run = &expiry->run;
	const char *reason =
	        arena_printf(expiry->arena, "%s (attempt %lld of %lld)", expiry->reason,
	                     (long long)run->failures, (long long)expiry->config->attempts);

	expiry->given_up = true;
	return fail_run(conn, run->id, run->attempt, run->runner_id, reason, err);
}

static int try_again(const struct expiry *expiry, struct db_conn *conn, struct error *err)
{
	const struct dispatcher_config *config = expiry->config;
	const struct expired_run *run = &expiry->run;
	int64_t delay_ms = run->handed_back
	                           ? 0
	                           : backoff_ms((unsigned)run->failures, config->backoff_ms,
	                                        config->backoff_max_ms);
	return query_requeue_run(conn, run->id, delay_ms, err);
}

static const char *reason_of(const struct expiry *expiry)
{
	const struct dispatcher_config *config = expiry->config;
	if (expiry->run.handed_back)
		return arena_printf(expiry->arena, "runner '%s' stops", expiry->run.runner_id);
	int64_t limit_ms = expiry->run.never_begun ? config->offer_timeout_ms : config->lease_ms;
	return arena_printf(expiry->arena, "runner '%s' %s for %lld s", expiry->run.runner_id,
	                    expiry->run.never_begun ? "fetched the run and did not begin it"
	                                            : "gave no sign of life",
	                    (long long)(limit_ms / MS_PER_S));
}

static int expire_one(void *ctx, struct db_conn *conn, struct error *err)
{
	struct expiry *expiry = ctx;

	expiry->found = expiry->given_up = false;
	int rc = query_lock_expired_run(conn, expiry->config->offer_timeout_ms, expiry->arena,
	                                &expiry->run, err);
	if (rc <= 0)
		return rc;
	expiry->found = true;
	expiry->reason = reason_of(expiry);
	rc = query_end_attempt(conn, expiry->run.id, expiry->run.attempt, "expired", err);
	if (rc < 0)
		return rc;
	/* What was handed back says nothing against the run: it always gets another attempt. */
	if (expiry->run.handed_back || expiry->run.failures < expiry->config->attempts)
		return try_again(expiry, conn, err);
	return give_up(expiry, conn, err);
}

static void note_hand_back(const struct expiry *expiry, const struct dispatcher_metrics *metrics)
{
	metric_add(metrics->handed_back, 1);
	LOG_INFO("run handed back, will be placed again", LOG_STR("run_id", expiry->run.id),
	         LOG_INT("attempt", expiry->run.attempt), LOG_STR("reason", expiry->reason));
}

static void note_expiry(const struct expiry *expiry, const struct dispatcher_metrics *metrics)
{
	metric_add(metrics->expired, 1);
	if (expiry->given_up)
		metric_add(metrics->given_up, 1);
	LOG_WARN(expiry->given_up ? "run failed after its last attempt"
	                          : "run taken back, will be placed again",
	         LOG_STR("run_id", expiry->run.id), LOG_INT("attempt", expiry->run.attempt),
	         LOG_STR("reason", expiry->reason));
}

int expire_leases(struct db *db, const struct dispatcher_config *config,
                  const struct dispatcher_metrics *metrics, struct error *err)
{
	struct arena arena;
	struct expiry expiry = {.config = config, .arena = &arena};
	int rc, total = 0;

	arena_init(&arena);
	do {
		arena_reset(&arena);
		rc = db_transaction(db, expire_one, &expiry, err);
		if (rc == 0 && expiry.found) {
			if (expiry.run.handed_back)
				note_hand_back(&expiry, metrics);
			else
				note_expiry(&expiry, metrics);
			total++;
		}
	} while (rc == 0 && expiry.found);
	arena_release(&arena);
	return rc < 0 ? rc : total;
}
