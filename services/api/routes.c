// SPDX-License-Identifier: Apache-2.0
#include "routes.h"

#include <stdlib.h>

#include "access/access.h"
#include "access/tokens_http.h"
#include "base/alloc.h"
#include "live/live.h"
#include "openapi.h"
#include "resources/body.h"
#include "resources/resources.h"
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
#define PAGE(path, function)                                                                       \
	{                                                                                          \
		.method = "GET", .pattern = (path), .head_runs_handler = true, .immediate = true,  \
		.access = ACCESS_ANYBODY | ACCESS_OPS_ONLY, .handler = (function)                  \
	}
#define CHANGE(verb, path, limit, function)                                                        \
	{                                                                                          \
		.method = (verb), .pattern = (path), .body_max_bytes = (limit),                    \
		.access = ACCESS_OPERATOR | ACCESS_JSON_BODY, .handler = (function)                \
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
        /* Existing clients may call the body whatever they like. */
        {.method = "POST",
         .pattern = "/v1/scans",
         .body_max_bytes = WIRE_SCAN_MAX_BYTES,
         .access = ACCESS_OPERATOR,
         .handler = wire_handle_scans},
        {.method = "POST",
         .pattern = "/v1/runs/{run_id}/events",
         .body_max_bytes = WIRE_EVENTS_MAX_BYTES,
         .sink = &wire_events_sink,
         .access = ACCESS_RUNNER,
         .handler = wire_handle_events},
        RUNNER_POST("/v1/runs/{run_id}/result", WIRE_RESULT_MAX_BYTES, true, wire_handle_result),

        /* The JSON API of command line and dashboard. */
        GET("/v1/status", status_handle_status),
        GET("/v1/packages", packages_handle_list),
        POST("/v1/packages", BODY_MAX_BYTES, packages_handle_add),
        GET("/v1/packages/{name}", packages_handle_get),
        CHANGE("DELETE", "/v1/packages/{name}", 0, packages_handle_remove),
        CHANGE("PUT", "/v1/packages/{name}/policy", BODY_MAX_BYTES, packages_handle_policy),
        POST("/v1/packages/{name}/reanalyse", BODY_MAX_BYTES, triage_handle_reanalyse_package),
        GET("/v1/releases", releases_handle_list),
        GET("/v1/runs", runs_handle_list),
        GET("/v1/runs/{id}", runs_handle_get),
        GET("/v1/runs/{id}/deviations", deviations_handle_of_run),
        GET("/v1/runs/{id}/events", events_handle_list),
        GET("/v1/runs/{id}/notifications", notifications_handle_of_run),
        POST("/v1/runs/{id}/promote", BODY_MAX_BYTES, decisions_handle_promote),
        POST("/v1/runs/{id}/reject", BODY_MAX_BYTES, decisions_handle_reject),
        POST("/v1/runs/{id}/reanalyse", BODY_MAX_BYTES, triage_handle_reanalyse_run),
        GET("/v1/pending", runs_handle_pending),
        GET("/v1/deviations", deviations_handle_list),
        GET("/v1/deviations/{id}", deviations_handle_get),
        POST("/v1/deviations/{id}/suppress", BODY_MAX_BYTES, triage_handle_suppress),
        POST("/v1/deviations/{id}/unsuppress", BODY_MAX_BYTES, triage_handle_unsuppress),
        POST("/v1/deviations/{id}/allow", BODY_MAX_BYTES, triage_handle_allow),
        GET("/v1/decisions", decisions_handle_list),
        GET("/v1/baselines", baselines_handle_list),
        GET("/v1/baselines/{package}", baselines_handle_get),
        CHANGE("DELETE", "/v1/baselines/{package}", BODY_MAX_BYTES, baselines_handle_reset),
        CHANGE("DELETE", "/v1/baselines/{package}/fingerprints", BODY_MAX_BYTES,
               baselines_handle_forget),
        GET("/v1/allow-entries", allow_entries_handle_list),
        POST("/v1/allow-entries", BODY_MAX_BYTES, allow_entries_handle_add),
        GET("/v1/allow-entries/{id}", allow_entries_handle_get),
        CHANGE("DELETE", "/v1/allow-entries/{id}", 0, allow_entries_handle_remove),
        GET("/v1/notifiers", notifiers_handle_list),
        GET("/v1/notifiers/{name}", notifiers_handle_get),
        CHANGE("PUT", "/v1/notifiers/{name}", BODY_MAX_BYTES, notifiers_handle_put),
        CHANGE("DELETE", "/v1/notifiers/{name}", 0, notifiers_handle_remove),
        GET("/v1/notifications", notifications_handle_list),
        GET("/v1/runners", runners_handle_list),
        GET("/v1/runners/{id}", runners_handle_get),
        CHANGE("DELETE", "/v1/runners/{id}", 0, runners_handle_remove),
        GET("/v1/settings", settings_handle_get),
        GET_NOW("/v1/openapi.yaml", openapi_handle),
        /* HEAD must not open a stream. */
        {.method = "GET", .pattern = "/v1/live", .access = ACCESS_VIEWER, .handler = live_handle},

        /* Whom the gateway answers. */
        {.method = "GET",
         .pattern = "/v1/tokens",
         .head_runs_handler = true,
         .access = ACCESS_OPERATOR,
         .handler = tokens_handle_list},
        POST("/v1/tokens", TOKENS_BODY_MAX_BYTES, tokens_handle_create),
        CHANGE("DELETE", "/v1/tokens/{id}", 0, tokens_handle_revoke),

        /* For machines. */
        {.method = "GET",
         .pattern = "/metrics",
         .head_runs_handler = true,
         .access = ACCESS_VIEWER | ACCESS_OPS_ONLY,
         .handler = status_handle_metrics},
        GET_NOW("/livez", status_handle_livez),
        GET_NOW("/readyz", status_handle_readyz),

        /* For people. */
        PAGE("/", ui_handle_root),
        PAGE("/ui", ui_handle_no_slash),
        PAGE("/ui/{path...}", ui_handle_file),
        GET_NOW("/{path...}", ui_handle_unknown),
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

static bool is_served(const struct http_route *route, enum routes_listener listener, bool split)
{
	if (!split)
		return true;
	if (listener == ROUTES_MAIN)
		return (route->access & ACCESS_OPS_ONLY) == 0;
	return (route->access & ACCESS_MASK) != ACCESS_RUNNER;
}

size_t routes_select(enum routes_listener listener, bool split, struct http_route **ret)
{
	size_t count = 0;

	*ret = xcalloc(api_route_count, sizeof(**ret));
	for (size_t i = 0; i < api_route_count; i++) {
		if (is_served(&api_routes[i], listener, split))
			(*ret)[count++] = api_routes[i];
	}
	return count;
}
