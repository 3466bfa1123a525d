// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON API of command line, dashboard and other tools: a file for each resource, with its SQL.
 * What every route takes and answers is in docs/openapi.yaml, which the tests hold against this.
 */
#ifndef FANGS_API_RESOURCES_H
#define FANGS_API_RESOURCES_H

#include "http/http_server.h"

void packages_handle_list(void *ctx, struct http_request *request);
void packages_handle_get(void *ctx, struct http_request *request);
void packages_handle_add(void *ctx, struct http_request *request);
void packages_handle_policy(void *ctx, struct http_request *request);
void packages_handle_remove(void *ctx, struct http_request *request);

void releases_handle_list(void *ctx, struct http_request *request);

void runs_handle_list(void *ctx, struct http_request *request);
void runs_handle_get(void *ctx, struct http_request *request);
void runs_handle_pending(void *ctx, struct http_request *request);

void events_handle_list(void *ctx, struct http_request *request); /* of a run */

void deviations_handle_list(void *ctx, struct http_request *request);
void deviations_handle_of_run(void *ctx, struct http_request *request);
void deviations_handle_get(void *ctx, struct http_request *request);

void triage_handle_suppress(void *ctx, struct http_request *request);
void triage_handle_unsuppress(void *ctx, struct http_request *request);
void triage_handle_allow(void *ctx, struct http_request *request);
void triage_handle_reanalyse_run(void *ctx, struct http_request *request);
void triage_handle_reanalyse_package(void *ctx, struct http_request *request);

void decisions_handle_list(void *ctx, struct http_request *request);
void decisions_handle_promote(void *ctx, struct http_request *request);
void decisions_handle_reject(void *ctx, struct http_request *request);

void baselines_handle_list(void *ctx, struct http_request *request);
void baselines_handle_get(void *ctx, struct http_request *request);
void baselines_handle_reset(void *ctx, struct http_request *request);
void baselines_handle_forget(void *ctx, struct http_request *request);

void allow_entries_handle_list(void *ctx, struct http_request *request);
void allow_entries_handle_get(void *ctx, struct http_request *request);
void allow_entries_handle_add(void *ctx, struct http_request *request);
void allow_entries_handle_remove(void *ctx, struct http_request *request);

void notifiers_handle_list(void *ctx, struct http_request *request);
void notifiers_handle_get(void *ctx, struct http_request *request);
void notifiers_handle_put(void *ctx, struct http_request *request);
void notifiers_handle_remove(void *ctx, struct http_request *request);

void notifications_handle_list(void *ctx, struct http_request *request);
void notifications_handle_of_run(void *ctx, struct http_request *request);

void runners_handle_list(void *ctx, struct http_request *request);
void runners_handle_get(void *ctx, struct http_request *request);
void runners_handle_remove(void *ctx, struct http_request *request);

void settings_handle_get(void *ctx, struct http_request *request);

#endif
