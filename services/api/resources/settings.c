// SPDX-License-Identifier: Apache-2.0
/* How this gateway is configured; secrets are not shown. */
#include "api.h"
#include "resources/params.h"
#include "resources/resources.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 1 << 20 };

void settings_handle_get(void *ctx, struct http_request *request)
{
	const struct api *api = ctx;
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	if (!params_none(request))
		return;
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "service", "api");
	json_member(&w, "items");
	config_write_settings(api->settings, http_request_arena(request), &w);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}
