// SPDX-License-Identifier: Apache-2.0
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "http/http_client.h"

enum {
	ANSWER_MAX_BYTES = 64 * 1024 * 1024,
	TOKEN_FILE_MAX_BYTES = 4096,
	REQUEST_TIMEOUT_MS = 30000,
};

static void append_encoded(struct buf *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (strchr(plain, c)) {
			buf_append_char(out, *text);
			continue;
		}
		buf_append_char(out, '%');
		buf_append_char(out, digits[c >> 4]);
		buf_append_char(out, digits[c & 15]);
	}
}

char *gateway_path(const char *prefix, const char *segment, const char *suffix)
{
	struct buf path;
	buf_init(&path, ANSWER_MAX_BYTES);
	buf_append_string(&path, prefix);
	append_encoded(&path, segment);
	buf_append_string(&path, suffix);
	return buf_detach(&path);
}

/* The sentence inside {"error":"..."}, with the candidates of an ambiguous prefix. */
static int fail_with_answer(const struct http_answer *answer, struct error *err)
{
	AUTO(json) struct json *document = json_parse(buf_view(&answer->body), false, NULL);
	const char *text = json_string(json_get(document, "error"), NULL);
	if (!text) {
		error_set(err, EPROTO, "the gateway answered HTTP %ld", answer->status);
		return EXIT_CODE_FAILED;
	}
	AUTO(buf) struct buf candidates;
	buf_init(&candidates, ERROR_TEXT_MAX);
	const struct json *list = json_get(document, "candidates");
	for (const struct json *item = json_first(list); item; item = json_next(item))
		buf_printf(&candidates, "\n  %s", json_string(item, ""));
	error_set(err, EINVAL, "%s%s", text, candidates.data);
	return answer->status == 404 ? EXIT_CODE_NOT_FOUND : EXIT_CODE_FAILED;
}

/* The token, from its file for "@FILE"; NULL without one, or when the file cannot be read. */
static char *read_token(const char *token, struct error *err)
{
	AUTO(buf) struct buf content;

	buf_init(&content, TOKEN_FILE_MAX_BYTES);
	if (!token || *token != '@')
		return token ? xstrdup(token) : NULL;
	if (file_read(token + 1, &content, err) < 0)
		return NULL;
	return view_dup(view_trim(buf_view(&content)));
}

/* NULL with `*err` set. */
static struct http_client *connect_client(const struct cli *cli, struct error *err)
{
	AUTO(free) char *token = read_token(cli->token, err);
	const struct http_client_options options = {
	        .user_agent = "fangs-cli",
	        .tls_ca_file = cli->tls_ca,
	        .tls_cert_file = cli->tls_cert,
	        .tls_key_file = cli->tls_key,
	        .bearer_token = token,
	};

	if (cli->token && !token)
		return NULL;
	return http_client_create(&options, err);
}

int gateway_call(const struct cli *cli, const char *method, const char *path,
                 const struct buf *body, struct json **ret, struct error *err)
{
	*ret = NULL;
	AUTO(free) char *url = xasprintf("%s%s", cli->gateway_url, path);
	AUTO(http_client) struct http_client *client = connect_client(cli, err);
	if (!client)
		return EXIT_CODE_FAILED;
	const struct http_header json_type = {"Content-Type", "application/json"};
	struct http_call call = {.method = method,
	                         .url = url,
	                         .timeout_ms = REQUEST_TIMEOUT_MS,
	                         .answer_max_bytes = ANSWER_MAX_BYTES};
	if (body) {
		call.body = buf_view(body);
		call.headers = &json_type;
		call.header_count = 1;
	}
	struct http_answer answer = {0};
	int code = EXIT_CODE_OK;
	if (http_client_call(client, &call, &answer, err) < 0) {
		error_wrap(err, "no gateway at %s (is `fangs up` running? see --gateway)",
		           cli->gateway_url);
		code = EXIT_CODE_UNREACHABLE;
	} else if (answer.status < 200 || answer.status > 299) {
		code = fail_with_answer(&answer, err);
	} else if (answer.body.size) {
		*ret = json_parse(buf_view(&answer.body), true, err);
		if (!*ret)
			code = EXIT_CODE_FAILED;
	}
	http_answer_release(&answer);
	return code;
}

int gateway_get(const struct cli *cli, const char *path, const char *const *query,
                struct json **ret, struct error *err)
{
	AUTO(buf) struct buf full;
	buf_init(&full, ANSWER_MAX_BYTES);
	buf_append_string(&full, path);
	char separator = '?';
	for (; query && query[0]; query += 2) {
		if (!query[1])
			continue;
		buf_append_char(&full, separator);
		buf_append_string(&full, query[0]);
		buf_append_char(&full, '=');
		append_encoded(&full, query[1]);
		separator = '&';
	}
	return gateway_call(cli, "GET", full.data, NULL, ret, err);
}
