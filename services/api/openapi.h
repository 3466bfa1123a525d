// SPDX-License-Identifier: Apache-2.0
/* docs/openapi.yaml, as it was when this gateway was built: GET /v1/openapi.yaml. */
#ifndef FANGS_API_OPENAPI_H
#define FANGS_API_OPENAPI_H

#include "http/http_server.h"

void openapi_handle(void *ctx, struct http_request *request);

#endif
