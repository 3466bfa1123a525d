// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a service process: signals, the health and metrics listener, readiness, drain, exit.
 *
 * main() loads the configuration, calls service_start(), creates its parts, and loops while
 * service_running(). The first SIGTERM or SIGINT starts the drain (service_running() turns false,
 * service_sleep_ms() returns early); a second one exits at once with 130. A part that is not there
 * yet (database, broker, gateway) is retried with service_retry(), which logs what is waited for
 * and backs off; a service never exits because a neighbour is late.
 *
 * Every service answers /livez (the main loop ticked lately), /readyz (all parts that were declared
 * by service_expect() are ready; the body names those that are not) and /metrics on
 * `metrics.listen`.
 */
#ifndef FANGS_SERVICE_SERVICE_H
#define FANGS_SERVICE_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

struct service;

struct service_config {
	char *metrics_listen; /* "" : no listener */
	int64_t drain_timeout_ms;
	bool exit_with_parent; /* PR_SET_PDEATHSIG for supervised processes */
};
extern const struct config_option service_options[];
extern const size_t service_option_count;

/* One per process, before other threads. Installs the signal handlers, starts the listener, logs
 * "starting" with the version. */
struct service *service_start(const char *name, const struct service_config *config,
                              struct error *err);

bool service_running(struct service *service);
const atomic_bool *service_stopping(struct service *service); /* for http_client_options.cancel */
void service_request_stop(struct service *service);           /* as SIGTERM would */
/* From when the drain timeout counts: monotonic, 0 when no stop was requested. */
int64_t service_stopped_at_ms(struct service *service);

/* The main loop calls it at least every few seconds; /livez fails after 60 s without. */
void service_tick(struct service *service);

/* Sleeps on the monotonic clock; returns early (false) when the service is stopping. */
bool service_sleep_ms(struct service *service, int64_t ms);

/* Named readiness parts: "database", "bus", "registered". */
void service_expect(struct service *service, const char *part);
void service_ready(struct service *service, const char *part, bool ready);

/* Whether all expected parts are ready and no stop was requested; otherwise `detail` says why, cut
 * to `size`: "waiting for database, bus" or "stopping". Any thread. */
bool service_is_ready(struct service *service, char *detail, size_t size);

/* Runs `attempt(ctx, err)` until it returns 0, with back-off from 200 ms to 5 s; each failure of
 * class RETRY is logged (what, why, next try). Returns 0, or the error at once when it is FATAL or
 * DROP, or -ECANCELED when the service is stopping. */
int service_retry(struct service *service, const char *what,
                  int (*attempt)(void *ctx, struct error *err), void *ctx, struct error *err);

/* Logs "stopped", stops the listener, frees; returns the exit code for main(): 0, or 1 when `err`
 * is set (it is logged). */
int service_finish(struct service *service, const struct error *err);

/* "0.1.0 (libpq 15.x, librdkafka 2.0.2, ...)" */
const char *service_version(void);

#endif
