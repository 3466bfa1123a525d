// SPDX-License-Identifier: Apache-2.0
#include "service/health.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "http/http_server.h"
#include "metrics/metrics.h"
#include "service/stop.h"
#include "json/json_writer.h"

enum {
	TICK_LATE_MS = 60 * 1000,
	METRICS_MAX_BYTES = 4 * 1024 * 1024,
	WORKERS = 1,
	CONNECTIONS_MAX = 64,
	STOP_TIMEOUT_MS = 1000,
	STATUS_OK = 200,
	STATUS_UNAVAILABLE = 503,
};

struct health {
	struct http_server *server;
	struct health_source source;
};

static void reply_status(struct http_request *request, int status, const char *word,
                         const char *const *missing, size_t count)
{
	AUTO(buf) struct buf body;
	buf_init(&body, METRICS_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "status", word);
	if (missing) {
		json_member(&w, "waiting_for");
		json_array(&w);
		for (size_t i = 0; i < count; i++)
			json_put_string(&w, missing[i]);
		json_end_array(&w);
	}
	json_end_object(&w);
	http_reply_json(request, status, buf_view(&body));
}

static void get_livez(void *ctx, struct http_request *request)
{
	const struct health *health = ctx;
	bool alive = health->source.since_tick_ms(health->source.ctx) < TICK_LATE_MS;
	reply_status(request, alive ? STATUS_OK : STATUS_UNAVAILABLE, alive ? "ok" : "stuck", NULL,
	             0);
}

static void get_readyz(void *ctx, struct http_request *request)
{
	const struct health *health = ctx;
	const char *missing[READINESS_PARTS_MAX];
	size_t count = readiness_missing(health->source.readiness, missing);
	if (atomic_load(stop_flag()))
		reply_status(request, STATUS_UNAVAILABLE, "stopping", missing, count);
	else if (count)
		reply_status(request, STATUS_UNAVAILABLE, "waiting", missing, count);
	else
		reply_status(request, STATUS_OK, "ready", missing, count);
}

static void get_metrics(void *ctx, struct http_request *request)
{
	(void)ctx;
	AUTO(buf) struct buf body;
	buf_init(&body, METRICS_MAX_BYTES);
	metrics_render(&body);
	if (body.overflowed)
		http_reply_error(request, 500, "the metrics are larger than %zu bytes", body.max);
	else
		http_reply(request, STATUS_OK, "text/plain; version=0.0.4; charset=utf-8",
		           buf_view(&body));
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/livez", .head_runs_handler = true, .handler = get_livez},
        {.method = "GET", .pattern = "/readyz", .head_runs_handler = true, .handler = get_readyz},
        {.method = "GET", .pattern = "/metrics", .handler = get_metrics},
};

struct health *health_start(const char *listen, const struct health_source *source,
                            struct error *err)
{
	struct health *health = xcalloc(1, sizeof(*health));
	health->source = *source;
	const struct http_server_options options = {
	        .listen = listen,
	        .routes = routes,
	        .route_count = sizeof(routes) / sizeof(routes[0]),
	        .ctx = health,
	        .workers = WORKERS,
	        .connections_max = CONNECTIONS_MAX,
	};
	health->server = http_server_start(&options, err);
	if (!health->server) {
		(void)error_wrap(err, "metrics.listen");
		free(health);
		return NULL;
	}
	return health;
}

int health_port(const struct health *health)
{
	return http_server_port(health->server);
}

void health_stop(struct health *health)
{
	if (!health)
		return;
	http_server_stop(health->server, STOP_TIMEOUT_MS);
	http_server_destroy(health->server);
	free(health);
}
