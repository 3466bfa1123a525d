// SPDX-License-Identifier: Apache-2.0
/* The state of the installation in one document, and of this process for machines. */
#ifndef FANGS_API_STATUS_H
#define FANGS_API_STATUS_H

#include "http/http_server.h"

void status_handle_status(void *ctx, struct http_request *request);
void status_handle_livez(void *ctx, struct http_request *request);
void status_handle_readyz(void *ctx, struct http_request *request);
void status_handle_metrics(void *ctx, struct http_request *request);

#endif
