// SPDX-License-Identifier: Apache-2.0
#include "routes.h"

#include "access/access.h"
#include "resources/browse.h"
#include "resources/manage.h"
#include "status.h"
#include "ui.h"
#include "wire/wire.h"

#define GET(path, function)                                                                        \
	{                                                                                          \
		.method = "GET", .pattern = (path), .head_runs_handler = true,                     \
		.access = ACCESS_VIEWER, .handler = (function)                                     \
	}
/* Answered without the database, even when all workers wait for it. */
#define GET_NOW(path, function)                                                                    \
	{                                                                                          \
		.method = "GET", .pattern = (path), .head_runs_handler = true, .immediate = true,  \
		.handler = (function)                                                              \
	}
#define CHANGE(verb, path, limit, function)                                                        \
	{                                                                                          \
		.method = (verb), .pattern = (path), .body_max_bytes = (limit),                    \
		.access = ACCESS_OPERATOR, .handler = (function)                                   \
	}
#define POST(path, limit, function) CHANGE("POST", path, limit, function)
#define RUNNER_POST(path, limit, truncates, function)                                              \
	{                                                                                          \
		.method = "POST", .pattern = (path), .body_max_bytes = (limit),                    \
		.body_truncates = (truncates), .access = ACCESS_RUNNER, .handler = (function)      \
	}

const struct http_route api_routes[] = {
        /* The runner protocol. */
        GET_NOW("/v1/health", wire_handle_health),
        RUNNER_POST("/v1/runners/register", WIRE_REGISTER_MAX_BYTES, false, wire_handle_register),
        RUNNER_POST("/v1/runners/{id}/heartbeat", WIRE_HEARTBEAT_MAX_BYTES, true,
                    wire_handle_heartbeat),
        /* HEAD must not take a job away. */
        {.method = "GET",
         .pattern = "/v1/runners/{id}/jobs",
         .access = ACCESS_RUNNER,
         .handler = wire_handle_jobs},
        POST("/v1/scans", WIRE_SCAN_MAX_BYTES, wire_handle_scans),
        {.method = "POST",
         .pattern = "/v1/runs/{run_id}/events",
         .body_max_bytes = WIRE_EVENTS_MAX_BYTES,
         .sink = &wire_events_sink,
         .access = ACCESS_RUNNER,
         .handler = wire_handle_events},
        RUNNER_POST("/v1/runs/{run_id}/result", WIRE_RESULT_MAX_BYTES, true, wire_handle_result),

        /* The JSON API of command line and dashboard. */
        GET("/v1/status", status_handle_status),
        GET("/v1/packages", browse_handle_packages),
        POST("/v1/packages", MANAGE_BODY_MAX_BYTES, manage_handle_add_package),
        GET("/v1/packages/{name}", browse_handle_package),
        CHANGE("DELETE", "/v1/packages/{name}", 0, manage_handle_remove_package),
        GET("/v1/releases", browse_handle_releases),
        GET("/v1/runs", browse_handle_runs),
        GET("/v1/runs/{id}", browse_handle_run),
        GET("/v1/runs/{id}/deviations", browse_handle_run_deviations),
        GET("/v1/runs/{id}/events", browse_handle_run_events),
        GET("/v1/runs/{id}/notifications", browse_handle_run_notifications),
        POST("/v1/runs/{id}/promote", MANAGE_BODY_MAX_BYTES, manage_handle_promote),
        GET("/v1/deviations", browse_handle_deviations),
        GET("/v1/deviations/{id}", browse_handle_deviation),
        GET("/v1/pending", browse_handle_pending),
        GET("/v1/baselines/{package}", browse_handle_baseline),
        GET("/v1/runners", browse_handle_runners),
        GET("/v1/notifiers", browse_handle_notifiers),
        CHANGE("PUT", "/v1/notifiers/{name}", MANAGE_BODY_MAX_BYTES, manage_handle_put_notifier),
        CHANGE("DELETE", "/v1/notifiers/{name}", 0, manage_handle_remove_notifier),

        /* For machines. */
        GET("/metrics", status_handle_metrics),
        GET_NOW("/livez", status_handle_livez),
        GET_NOW("/readyz", status_handle_readyz),

        /* For people. */
        GET_NOW("/", ui_handle_root),
        GET_NOW("/ui", ui_handle_no_slash),
        GET_NOW("/ui/{path...}", ui_handle_file),
        GET_NOW("/{path...}", ui_handle_unknown),
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
