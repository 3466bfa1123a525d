// SPDX-License-Identifier: Apache-2.0
#include "watcher.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backbone/work_pool.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "model/job.h"
#include "poll.h"
#include "queries.h"
#include "registry.h"

enum {
	CLAIM_MARGIN_MS =
	        30 * MS_PER_S, /* beyond the request's own deadline, to record the outcome */
	HOLD_DEFAULT_MS = 30 * MS_PER_S, /* when a throttling registry names no time */
	HOLD_MAX_MS = 10 * 60 * MS_PER_S,
};

struct watcher_metrics {
	struct metric_family *polls;
	struct metric *poll_seconds;
	struct metric *releases;
};

/* What belongs to one thread of the pool. */
struct worker {
	struct registry *registry;
	struct arena arena; /* of the current poll */
	struct claim claim;
};

struct watcher {
	const struct watcher_config *config;
	struct service *service;
	struct db *db;
	struct watcher_metrics metrics;
	struct worker *workers;
	struct work_pool *pool;
	atomic_int_fast64_t hold_until_ms; /* monotonic; the registry asked to slow down */
};

static struct watcher_metrics create_metrics(void)
{
	return (struct watcher_metrics){
	        .polls = metric_family(METRIC_COUNTER, "fangs_registry_polls_total",
	                               "Polls of the package registry by outcome", "outcome"),
	        .poll_seconds = metric_plain(METRIC_HISTOGRAM, "fangs_registry_poll_seconds",
	                                     "Time for one answer of the package registry"),
	        .releases = metric_plain(METRIC_COUNTER, "fangs_releases_found_total",
	                                 "New releases of watched packages"),
	};
}

static void log_outcome(const struct claim *claim, enum registry_outcome outcome,
                        const struct registry_answer *answer, const struct error *poll_err)
{
	const char *state = packument_state_name(answer->packument.state);

	if (outcome == REGISTRY_CHANGED && strcmp(state, claim->registry_state) != 0)
		LOG_WARN("package changed its state in the registry",
		         LOG_STR("package", claim->package),
		         LOG_STR("state", *state ? state : "live"));
	else if (outcome == REGISTRY_NOT_FOUND || outcome == REGISTRY_THROTTLED ||
	         outcome == REGISTRY_FAILED)
		LOG_WARN("poll failed, will be repeated", LOG_STR("package", claim->package),
		         LOG_INT("failures", claim->failures + 1), LOG_ERR(poll_err));
}

static void hold_registry(struct watcher *watcher, int64_t asked_ms)
{
	int64_t hold_ms = asked_ms > 0 ? asked_ms : HOLD_DEFAULT_MS;
	if (hold_ms > HOLD_MAX_MS)
		hold_ms = HOLD_MAX_MS;
	atomic_store(&watcher->hold_until_ms, clock_monotonic_ms() + hold_ms);
}

static enum registry_outcome ask_registry(struct watcher *watcher, struct worker *worker,
                                          struct registry_answer *answer, struct error *poll_err)
{
	const struct claim *claim = &worker->claim;
	int64_t started_ns = clock_monotonic_ns();

	*answer = (struct registry_answer){.etag = ""};
	if (!package_name_valid(claim->package)) {
		error_set(poll_err, EINVAL, "'%s' is not an npm package name", claim->package);
		return REGISTRY_FAILED;
	}
	enum registry_outcome outcome = registry_fetch(worker->registry, claim->package,
	                                               claim->never_seen ? "" : claim->etag,
	                                               &worker->arena, answer, poll_err);
	metric_observe_seconds(watcher->metrics.poll_seconds,
	                       (double)(clock_monotonic_ns() - started_ns) / (double)NS_PER_S);
	if (outcome == REGISTRY_THROTTLED)
		hold_registry(watcher, answer->retry_after_ms);
	return outcome;
}

static int poll_claimed(void *ctx, size_t index, struct error *err)
{
	struct watcher *watcher = ctx;
	struct worker *worker = &watcher->workers[index];
	const struct claim *claim = &worker->claim;
	struct poll_options options = {watcher->config->interval_ms,
	                               watcher->config->backoff_max_ms};
	struct registry_answer answer;
	struct error poll_err = {0};

	enum registry_outcome outcome = ask_registry(watcher, worker, &answer, &poll_err);
	if (!service_running(watcher->service) && outcome == REGISTRY_FAILED)
		return 0; /* cut short by the shutdown, which is no fault of the registry */
	metric_add(metric_series(watcher->metrics.polls, registry_outcome_name(outcome)), 1);
	log_outcome(claim, outcome, &answer, &poll_err);

	int rc = poll_record_outcome(watcher->db, &options, claim, outcome, &answer, &poll_err,
	                             &worker->arena, err);
	if (rc == POLL_RELEASE_FOUND) {
		metric_add(watcher->metrics.releases, 1);
		LOG_INFO("new release", LOG_STR("package", claim->package),
		         LOG_STR("version", answer.packument.latest));
	}
	return rc < 0 ? rc : 0;
}

static int claim_package(void *ctx, size_t index, struct error *err)
{
	struct watcher *watcher = ctx;
	struct worker *worker = &watcher->workers[index];

	if (clock_monotonic_ms() < atomic_load(&watcher->hold_until_ms))
		return 0;
	AUTO(db_conn) struct db_conn *conn = db_acquire(watcher->db, err);
	if (!conn)
		return -err->code;
	arena_reset(&worker->arena);
	return query_claim(conn, watcher->config->timeout_ms + CLAIM_MARGIN_MS, &worker->arena,
	                   &worker->claim, err);
}

static int open_registries(struct watcher *watcher, struct error *err)
{
	struct registry_options options = {
	        .url = watcher->config->registry,
	        .token = watcher->config->token,
	        .timeout_ms = watcher->config->timeout_ms,
	        .body_max_bytes = watcher->config->body_max_bytes,
	        .cancel = service_stopping(watcher->service),
	};
	for (int64_t i = 0; i < watcher->config->parallel; i++) {
		watcher->workers[i].registry = registry_open(&options, err);
		if (!watcher->workers[i].registry)
			return -err->code;
	}
	return 0;
}

struct watcher *watcher_start(const struct watcher_config *config, struct service *service,
                              struct db *db, struct error *err)
{
	struct watcher *watcher = xcalloc(1, sizeof(*watcher));
	struct work_pool_options options = {
	        .service = service,
	        .what = "poll packages",
	        .workers = (size_t)config->parallel,
	        .claim = claim_package,
	        .process = poll_claimed,
	        .ctx = watcher,
	};

	watcher->config = config;
	watcher->service = service;
	watcher->db = db;
	watcher->metrics = create_metrics();
	watcher->workers = xcalloc(options.workers, sizeof(*watcher->workers));
	if (open_registries(watcher, err) == 0)
		watcher->pool = work_pool_start(&options, err);
	if (!watcher->pool) {
		watcher_stop(watcher);
		return NULL;
	}
	return watcher;
}

int watcher_wake(struct watcher *watcher, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(watcher->db, err);
	if (!conn || query_adopt_packages(conn, err) < 0)
		return -err->code;
	work_pool_wake(watcher->pool);
	return 0;
}

void watcher_stop(struct watcher *watcher)
{
	if (!watcher)
		return;
	work_pool_stop(watcher->pool);
	for (int64_t i = 0; i < watcher->config->parallel; i++) {
		registry_close(watcher->workers[i].registry);
		arena_release(&watcher->workers[i].arena);
	}
	free(watcher->workers);
	free(watcher);
}
