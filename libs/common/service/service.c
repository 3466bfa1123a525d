// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "service/health.h"
#include "service/readiness.h"
#include "service/stop.h"

enum { RETRY_BASE_MS = 200, RETRY_MAX_MS = 5000 };

const struct config_option service_options[] = {
        {.key = "metrics.listen",
         .type = CONFIG_STRING,
         .offset = offsetof(struct service_config, metrics_listen),
         .help = "Address and port for /livez, /readyz and /metrics, as in 127.0.0.1:9100 or "
                 "[::]:9100. None when empty."},
        {.key = "service.drain_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = offsetof(struct service_config, drain_timeout_ms),
         .fallback = "30s",
         .min = 0,
         .max = INT64_C(24) * 60 * 60 * MS_PER_S,
         .help = "How long work in hand may take after SIGTERM before the process exits without "
                 "it. 0: as long as it takes."},
        {.key = "service.exit_with_parent",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct service_config, exit_with_parent),
         .help = "Stop when the process that started this one is gone; for supervised "
                 "processes."},
};
const size_t service_option_count = CONFIG_COUNT(service_options);

struct service {
	char *name;
	struct readiness readiness;
	struct health *health; /* NULL: no listener */
	_Atomic(int64_t) ticked_at_ms;
};

static int64_t since_tick_ms(void *ctx)
{
	struct service *service = ctx;
	return clock_monotonic_ms() - atomic_load(&service->ticked_at_ms);
}

static int follow_parent(struct error *err)
{
	pid_t parent = getppid();
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return error_set_errno(err, errno, "cannot ask for the parent's death signal");
	if (getppid() != parent) /* gone before the signal was asked for: it never comes */
		stop_request();
	return 0;
}

static void publish_build_info(const char *name)
{
	AUTO(free) char *labels = xasprintf("%s,%s", name, FANGS_VERSION);
	struct metric_family *family =
	        metric_family(METRIC_GAUGE, "fangs_build_info", "What is running; the value is 1.",
	                      "service,version");
	metric_set(metric_series(family, labels), 1);
}

static int start_health(struct service *service, const char *listen, struct error *err)
{
	const struct health_source source = {&service->readiness, since_tick_ms, service};
	if (!listen || !*listen)
		return 0;
	service->health = health_start(listen, &source, err);
	return service->health ? 0 : -err->code;
}

static void destroy(struct service *service)
{
	health_stop(service->health);
	readiness_release(&service->readiness);
	free(service->name);
	free(service);
}

static int start(struct service *service, const struct service_config *config, struct error *err)
{
	int rc = stop_install(config->drain_timeout_ms, err);
	if (rc < 0)
		return rc;
	if ((config->exit_with_parent && (rc = follow_parent(err)) < 0) ||
	    (rc = start_health(service, config->metrics_listen, err)) < 0)
		stop_finish();
	return rc;
}

struct service *service_start(const char *name, const struct service_config *config,
                              struct error *err)
{
	struct service *service = xcalloc(1, sizeof(*service));
	service->name = xstrdup(name);
	readiness_init(&service->readiness);
	service_tick(service);
	publish_build_info(name);
	struct error reason = {0};
	if (start(service, config, &reason) < 0) {
		if (err)
			*err = reason;
		destroy(service);
		return NULL;
	}
	LOG_INFO("starting", LOG_STR("version", service_version()),
	         LOG_INT("metrics_port", service->health ? health_port(service->health) : 0));
	return service;
}

bool service_running(struct service *service)
{
	return !atomic_load(service_stopping(service));
}

const atomic_bool *service_stopping(struct service *service)
{
	(void)service; /* one per process */
	return stop_flag();
}

void service_request_stop(struct service *service)
{
	(void)service;
	stop_request();
}

int64_t service_stopped_at_ms(struct service *service)
{
	(void)service;
	return stop_requested_at_ms();
}

void service_tick(struct service *service)
{
	atomic_store(&service->ticked_at_ms, clock_monotonic_ms());
}

bool service_sleep_ms(struct service *service, int64_t ms)
{
	(void)service;
	return stop_sleep_ms(ms);
}

void service_expect(struct service *service, const char *part)
{
	readiness_expect(&service->readiness, part);
}

void service_ready(struct service *service, const char *part, bool ready)
{
	if (readiness_set(&service->readiness, part, ready))
		LOG_INFO(ready ? "part ready" : "part not ready", LOG_STR("part", part));
}

bool service_is_ready(struct service *service, char *detail, size_t size)
{
	const char *missing[READINESS_PARTS_MAX];
	size_t count = readiness_missing(&service->readiness, missing);
	size_t used = 0;
	if (!service_running(service)) {
		(void)snprintf(detail, size, "stopping");
		return false;
	}
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(detail + used, size - used, "%s%s",
		                         i ? ", " : "waiting for ", missing[i]);
	return count == 0;
}

int service_retry(struct service *service, const char *what,
                  int (*attempt)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	for (unsigned failures = 1; service_running(service); failures++) {
		struct error reason = {0};
		service_tick(service);
		int rc = attempt(ctx, &reason);
		if (rc == 0)
			return 0;
		if (reason.class != ERROR_RETRY) {
			if (err)
				*err = reason;
			return rc;
		}
		int64_t delay_ms = backoff_ms(failures, RETRY_BASE_MS, RETRY_MAX_MS);
		LOG_WARN("waiting", LOG_STR("for", what), LOG_ERR(&reason),
		         LOG_INT("failures", failures), LOG_INT("next_try_ms", delay_ms));
		(void)service_sleep_ms(service, delay_ms);
	}
	return error_set(err, ECANCELED, "stopped while waiting for %s", what);
}

int service_finish(struct service *service, const struct error *err)
{
	bool failed = err && err->code;
	if (failed)
		LOG_ERROR("stopped", LOG_ERR(err));
	else
		LOG_INFO("stopped");
	stop_finish();
	destroy(service);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
