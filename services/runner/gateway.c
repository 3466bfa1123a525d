// SPDX-License-Identifier: Apache-2.0
#include "gateway.h"

#include <errno.h>

#include "base/alloc.h"

enum { URL_MAX_BYTES = 4096, SHOWN_MAX = 200 };

struct gateway {
	const struct runner_config *config;
	struct http_client *http;
};

struct gateway *gateway_open(const struct runner_config *config, const atomic_bool *cancel,
                             struct error *err)
{
	const struct http_client_options options = runner_gateway_options(config, cancel);
	struct http_client *http = http_client_create(&options, err);
	if (!http)
		return NULL;
	struct gateway *gateway = xcalloc(1, sizeof(*gateway));
	gateway->config = config;
	gateway->http = http;
	return gateway;
}

void gateway_close(struct gateway *gateway)
{
	if (!gateway)
		return;
	http_client_destroy(gateway->http);
	free(gateway);
}

static int call_gateway(struct gateway *gateway, const char *method, const char *path,
                        struct view json, int64_t timeout_ms, struct http_answer *answer,
                        struct error *err)
{
	AUTO(buf) struct buf url;
	buf_init(&url, URL_MAX_BYTES);
	buf_append_string(&url, gateway->config->gateway);
	buf_append_string(&url, path);
	*answer = (struct http_answer){0};
	if (url.overflowed)
		return error_set(err, E2BIG, "URL of the gateway is too long");
	const struct http_header headers[] = {{"Accept", "application/json"},
	                                      {"Content-Type", "application/json"}};
	const struct http_call call = {
	        .method = method,
	        .url = url.data,
	        .headers = headers,
	        .header_count = json.data ? 2 : 1,
	        .body = json,
	        .timeout_ms = timeout_ms,
	        .answer_max_bytes = GATEWAY_ANSWER_MAX_BYTES,
	};
	return http_client_call(gateway->http, &call, answer, err);
}

int gateway_get(struct gateway *gateway, const char *path, int64_t timeout_ms,
                struct http_answer *answer, struct error *err)
{
	return call_gateway(gateway, "GET", path, (struct view){0}, timeout_ms, answer, err);
}

int gateway_post(struct gateway *gateway, const char *path, struct view json,
                 struct http_answer *answer, struct error *err)
{
	return call_gateway(gateway, "POST", path, json, gateway->config->request_timeout_ms,
	                    answer, err);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void gateway_append_segment(struct buf *path, const char *segment)
{
	for (; *segment; segment++) {
		if (is_unreserved(*segment))
			buf_append_char(path, *segment);
		else
			buf_printf(path, "%%%02X", (unsigned char)*segment);
	}
}

int gateway_refusal(const char *path, const struct http_answer *answer, struct error *err)
{
	struct view text = view_trim(buf_view(&answer->body));
	if (text.size > SHOWN_MAX)
		text.size = SHOWN_MAX;
	return error_set_class(err, ERROR_RETRY, EIO, "gateway answered %ld to %s: %.*s",
	                       answer->status, path, VIEW_ARG(text));
}
