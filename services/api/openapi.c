// SPDX-License-Identifier: Apache-2.0
#include "openapi.h"

#include "resources/params.h"
#include "ui.h"

void openapi_handle(void *ctx, struct http_request *request)
{
	(void)ctx;
	if (!params_none(request))
		return;
	http_reply_header(request, "Cache-Control", "no-cache");
	http_reply_header(request, "X-Content-Type-Options", "nosniff");
	http_reply(request, 200, "application/yaml",
	           view_of(openapi_files[0].data, openapi_files[0].size));
}
