// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the gateway share. The gateway keeps nothing that matters: runs, leases and
 * runners are rows, events are on the bus, and any replica may serve any runner or die at any time.
 *
 * Handlers run in the server's workers; everything here may be used by any of them.
 */
#ifndef FANGS_API_API_H
#define FANGS_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "access/access.h"
#include "access/scan_policy.h"
#include "backbone/backbone.h"
#include "config/config.h"
#include "failure.h"
#include "http/http_server.h"
#include "live/live.h"
#include "metrics/metrics.h"
#include "totals.h"
#include "wire/gate.h"
#include "wire/polls.h"

struct api_config {
	char *listen, *ops_listen; /* ops_listen "": everything is on `listen` */
	char *id;                  /* orchestrator_id on the wire */
	bool insecure;
	char *auth; /* an access_mode's name */
	struct config_list hosts;
	char *tls_cert, *tls_key, *tls_client_ca;
	struct config_list tls_operators, tls_viewers;
	int64_t workers;
	int64_t connections_max, connections_per_peer;
	int64_t read_timeout_ms, idle_timeout_ms, buffered_max_bytes;
	struct scan_policy policy;
	const struct config_node *watched_paths;
	int64_t poll_ms;          /* length of a long poll without a job */
	int64_t offer_timeout_ms; /* a job handed out and not begun by then is handed out again */
	int64_t lease_ms;         /* what a sign of life is worth */
	int64_t live_streams_max;
};
extern const struct config_option api_options[]; /* fills struct api_config */
extern const size_t api_option_count;

/* Refuses what would be open to the network without anybody having said so, and what contradicts
 * itself. Takes a struct api_config. */
int api_config_check(const void *config, struct error *err);
/* Nothing is listened on but loopback. */
bool api_config_is_loopback(const struct api_config *config);

struct api_metrics {
	struct metric_family *events; /* by type */
	struct metric *events_dropped;
	struct metric *scans_queued;
	struct metric *promoted;
	struct metric *publish_seconds;
};

struct api {
	const struct api_config *config;
	struct service *service;
	struct db *db;
	struct bus *bus;
	const char *bus_driver;
	const struct config *settings;           /* as loaded, for GET /v1/settings */
	struct http_server *server, *ops_server; /* ops_server NULL: none of its own */
	struct http_route *routes, *ops_routes;  /* of either */
	struct access_control access;
	struct polls polls;
	struct gate gate;
	struct live live;
	struct failures failures;
	struct totals totals;
	struct api_metrics metrics;
};

/* The service: serves until it is told to stop. */
int api_run(const struct backbone *backbone, void *config, struct error *err);

#endif
