// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "log/log.h"
#include "queries.h"
#include "routes.h"
#include "wire/wire.h"
#include "json/json_writer.h"

enum {
	SWEEP_MS = 2000, /* between two looks for jobs whose notification was missed */
	STOP_TIMEOUT_MS = 8000,
	HEALTH_MAX_BYTES = 4096,
};

void wire_handle_health(void *ctx, struct http_request *request)
{
	const struct api *api = ctx;
	AUTO(buf) struct buf body;

	buf_init(&body, HEALTH_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "status", "ok");
	json_member_string(&w, "orchestrator_id", api->config->id);
	json_member_string(&w, "version", FANGS_VERSION);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

static double sample_polls(void *ctx)
{
	return (double)polls_count(&((struct api *)ctx)->polls);
}

static struct api_metrics create_metrics(struct api *api)
{
	metric_add(metric_series(metric_family(METRIC_GAUGE, "fangs_orchestrator_info",
	                                       "Build identity", "version"),
	                         FANGS_VERSION),
	           1);
	metric_sampled(METRIC_GAUGE, "fangs_polls_waiting", "Polls that wait for a job",
	               sample_polls, api);
	return (struct api_metrics){
	        .events = metric_family(METRIC_COUNTER, "fangs_events_received_total",
	                                "Events that runners posted here by type", "type"),
	        .events_dropped =
	                metric_plain(METRIC_COUNTER, "fangs_events_dropped_total",
	                             "Events lost in ring buffers, as results posted here say"),
	        .scans_queued = metric_plain(METRIC_COUNTER, "fangs_scans_queued_total",
	                                     "Runs queued for runners"),
	        .promoted =
	                metric_series(metric_family(METRIC_COUNTER, "fangs_baseline_promoted_total",
	                                            "Runs promoted to their baseline", "trigger"),
	                              "manual"),
	        .publish_seconds =
	                metric_plain(METRIC_HISTOGRAM, "fangs_publish_seconds",
	                             "Time until what a runner posted is durable on the bus"),
	};
}

/* Each client is a descriptor. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct http_server *start_server(struct api *api, const char *key, const char *listen,
                                        const struct http_route *routes, size_t count,
                                        struct error *err)
{
	const struct api_config *config = api->config;
	const struct http_server_options options = {
	        .listen = listen,
	        .routes = routes,
	        .route_count = count,
	        .ctx = api,
	        .admit = access_admit,
	        .welcome = access_welcome,
	        .workers = (int)config->workers,
	        .connections_max = (int)config->connections_max,
	        .connections_per_peer_max = (int)config->connections_per_peer,
	        .read_timeout_ms = config->read_timeout_ms,
	        .idle_timeout_ms = config->idle_timeout_ms,
	        .buffered_max_bytes = (size_t)config->buffered_max_bytes,
	        .tls_cert_file = config->tls_cert,
	        .tls_key_file = config->tls_key,
	        .tls_client_ca_file = config->tls_client_ca,
	};
	struct http_server *server = http_server_start(&options, err);

	if (!server) {
		(void)error_wrap(err, "api.%s", key);
		return NULL;
	}
	LOG_INFO("listening", LOG_STR("address", listen), LOG_INT("port", http_server_port(server)),
	         LOG_BOOL("tls", *config->tls_cert != '\0'), LOG_STR("auth", config->auth));
	return server;
}

static int start_servers(struct api *api, struct error *err)
{
	const struct api_config *config = api->config;
	bool split = *config->ops_listen != '\0';
	size_t count = routes_select(ROUTES_MAIN, split, &api->routes);

	api->server = start_server(api, "listen", config->listen, api->routes, count, err);
	if (!api->server)
		return -err->code;
	if (!split)
		return 0;
	count = routes_select(ROUTES_OPS, split, &api->ops_routes);
	api->ops_server =
	        start_server(api, "ops_listen", config->ops_listen, api->ops_routes, count, err);
	return api->ops_server ? 0 : -err->code;
}

static void stop_servers(struct api *api)
{
	http_server_stop(api->server, STOP_TIMEOUT_MS);
	if (api->ops_server)
		http_server_stop(api->ops_server, STOP_TIMEOUT_MS);
}

static void destroy_servers(struct api *api)
{
	http_server_destroy(api->server);
	http_server_destroy(api->ops_server);
	free(api->routes);
	free(api->ops_routes);
}

static void wake_notified(void *ctx, const char *channel, const char *payload)
{
	(void)channel;
	/* Without a name anything may have been missed. */
	polls_wake(ctx, *payload ? payload : NULL);
}

static void wake_found(void *ctx, const char *runner_id)
{
	polls_wake(ctx, runner_id);
}

/* Finds what no notification tells: jobs whose offer was not taken up. */
static int sweep(struct api *api, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = NULL;

	if (polls_count(&api->polls) == 0)
		return 0;
	conn = db_acquire(api->db, err);
	if (!conn)
		return -err->code;
	return query_waiting_runners(conn, api->config->offer_timeout_ms, wake_found, &api->polls,
	                             err);
}

static void note_database(struct api *api, bool away, bool *was_away, const struct error *err)
{
	if (away && !*was_away)
		LOG_WARN("the database is away, will go on trying", LOG_ERR(err));
	if (!away && *was_away)
		LOG_INFO("the database is back");
	*was_away = away;
	service_ready(api->service, "database", !away);
}

/* The main thread: wakes the polls of runners which were given a job. */
static int wake_polls(struct api *api, struct error *err)
{
	const char *channel = "fangs_jobs";
	struct db_listener *listener = db_listen(api->db, &channel, 1, err);
	int64_t next_sweep_ms = 0;
	bool away = false;

	if (!listener)
		return -err->code;
	while (service_running(api->service)) {
		struct error turn_err = {0};

		service_tick(api->service);
		int rc = db_listener_poll(listener, SWEEP_MS / 4, wake_notified, &api->polls,
		                          &turn_err);
		if (rc >= 0 && clock_monotonic_ms() >= next_sweep_ms) {
			rc = sweep(api, &turn_err);
			next_sweep_ms = clock_monotonic_ms() + SWEEP_MS;
		}
		note_database(api, rc < 0, &away, &turn_err);
		service_ready(api->service, "bus", bus_reachable(api->bus));
		if (rc < 0)
			(void)service_sleep_ms(api->service, SWEEP_MS / 4);
	}
	db_listener_destroy(listener);
	return 0;
}

int api_run(const struct backbone *backbone, void *config, struct error *err)
{
	struct api api = {
	        .config = config,
	        .service = backbone->service,
	        .db = backbone->db,
	        .bus = backbone->bus,
	        .bus_driver = backbone->bus_driver,
	        .settings = backbone->config,
	};

	raise_file_limit();
	polls_init(&api.polls, wire_look_for_job);
	gate_init(&api.gate, api.config->lease_ms);
	totals_init(&api.totals);
	api.metrics = create_metrics(&api);
	access_init(&api.access, api.config, api.db);
	int rc = live_start(&api.live, api.db, &api.failures, api.config->live_streams_max, err);
	if (rc == 0)
		rc = start_servers(&api, err);
	if (rc == 0) {
		rc = wake_polls(&api, err);
		stop_servers(&api);
	}
	live_stop(&api.live);
	destroy_servers(&api);
	live_release(&api.live);
	access_release(&api.access);
	totals_release(&api.totals);
	gate_release(&api.gate);
	polls_release(&api.polls);
	return rc;
}
