// SPDX-License-Identifier: Apache-2.0
/* The reading half of the JSON API: lists of what the database knows, and single things in it. */
#ifndef FANGS_API_BROWSE_H
#define FANGS_API_BROWSE_H

#include "api.h"

void browse_handle_packages(void *ctx, struct http_request *request);
void browse_handle_package(void *ctx, struct http_request *request);
void browse_handle_releases(void *ctx, struct http_request *request);
void browse_handle_runs(void *ctx, struct http_request *request);
void browse_handle_run(void *ctx, struct http_request *request);
void browse_handle_run_deviations(void *ctx, struct http_request *request);
void browse_handle_run_events(void *ctx, struct http_request *request);
void browse_handle_run_notifications(void *ctx, struct http_request *request);
void browse_handle_deviations(void *ctx, struct http_request *request);
void browse_handle_deviation(void *ctx, struct http_request *request);
void browse_handle_pending(void *ctx, struct http_request *request);
void browse_handle_baseline(void *ctx, struct http_request *request);
void browse_handle_runners(void *ctx, struct http_request *request);
void browse_handle_notifiers(void *ctx, struct http_request *request);

/* The full id of the run (or deviation) that the path's `id` begins. NULL when it was answered: 404
 * for none, 409 with the candidates for several. In the request's arena. */
const char *browse_resolve_id(struct api *api, struct http_request *request, struct db_conn *conn,
                              bool deviation);

#endif
