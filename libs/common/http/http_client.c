// SPDX-License-Identifier: Apache-2.0
#include "http/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
	CONNECT_TIMEOUT_MS = 5000,
	REDIRECTS_MAX = 5,
	HEADERS_MAX = 128, /* of an answer; further ones are ignored */
	URL_SHOWN_MAX = 256,
};

DEFINE_AUTO(slist, struct curl_slist *, curl_slist_free_all)

struct http_client {
	CURL *curl; /* kept between calls: it holds the open connections */
	char *user_agent, *unix_socket, *tls_ca_file, *tls_cert_file, *tls_key_file, *bearer_token;
	long connect_timeout_ms;
	const atomic_bool *cancel;
	char problem[CURL_ERROR_SIZE];
};

/* One call in progress, seen by the callbacks. */
struct exchange {
	struct http_client *client;
	const struct http_call *call;
	struct http_answer *answer;
	size_t received;
	bool too_large, refused; /* why a callback ended the transfer */
};

/* The global state of libcurl lives as long as the process. */
static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void init_global(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort(); /* out of memory */
}

static int check_file(const char *what, const char *path, struct error *err)
{
	if (path && access(path, R_OK) < 0)
		return error_set_errno(err, errno, "cannot read %s '%s'", what, path);
	return 0;
}

static char *copy_or_null(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

struct http_client *http_client_create(const struct http_client_options *options, struct error *err)
{
	(void)pthread_once(&global_once, init_global);
	struct http_client *client = xcalloc(1, sizeof(*client));
	client->curl = curl_easy_init();
	if (!client->curl)
		abort(); /* out of memory */
	client->user_agent = copy_or_null(options->user_agent);
	client->unix_socket = copy_or_null(options->unix_socket);
	client->tls_ca_file = copy_or_null(options->tls_ca_file);
	client->tls_cert_file = copy_or_null(options->tls_cert_file);
	client->tls_key_file = copy_or_null(options->tls_key_file);
	client->bearer_token = copy_or_null(options->bearer_token);
	client->connect_timeout_ms = options->connect_timeout_ms ? (long)options->connect_timeout_ms
	                                                         : CONNECT_TIMEOUT_MS;
	client->cancel = options->cancel;
	if (check_file("the CA file", client->tls_ca_file, err) < 0 ||
	    check_file("the client certificate", client->tls_cert_file, err) < 0 ||
	    check_file("the client key", client->tls_key_file, err) < 0) {
		http_client_destroy(client);
		return NULL;
	}
	return client;
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client->user_agent);
	free(client->unix_socket);
	free(client->tls_ca_file);
	free(client->tls_cert_file);
	free(client->tls_key_file);
	free(client->bearer_token);
	free(client);
}

static size_t on_body(char *data, size_t unit, size_t count, void *ctx)
{
	struct exchange *exchange = ctx;
	const struct http_call *call = exchange->call;
	size_t size = unit * count;
	if (size > call->answer_max_bytes - exchange->received) {
		exchange->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	exchange->received += size;
	if (!call->on_data)
		buf_append(&exchange->answer->body, data, size);
	else if (call->on_data(call->ctx, view_of(data, size)) < 0)
		exchange->refused = true;
	return exchange->refused ? CURL_WRITEFUNC_ERROR : size;
}

static void forget_headers(struct http_answer *answer)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		free((char *)answer->headers[i].name);
		free((char *)answer->headers[i].value);
	}
	answer->header_count = 0;
}

static void add_header(struct http_answer *answer, struct view name, struct view value)
{
	if (answer->header_count == HEADERS_MAX)
		return;
	if (!answer->headers)
		answer->headers = xcalloc(HEADERS_MAX, sizeof(*answer->headers));
	char *lower = view_dup(name);
	for (char *at = lower; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	answer->headers[answer->header_count++] = (struct http_header){lower, view_dup(value)};
}

static size_t on_header(char *data, size_t unit, size_t count, void *ctx)
{
	struct exchange *exchange = ctx;
	struct view line = view_trim(view_of(data, unit * count));
	if (view_starts_with(line, VIEW_LITERAL("HTTP/"))) {
		forget_headers(exchange->answer); /* of a redirect or of "100 Continue" */
	} else if (line.size && memchr(line.data, ':', line.size)) {
		struct view name = view_split(&line, ':');
		add_header(exchange->answer, view_trim(name), view_trim(line));
	}
	return unit * count;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
	const struct exchange *exchange = ctx;
	(void)down_total, (void)down, (void)up_total, (void)up;
	return exchange->client->cancel && atomic_load(exchange->client->cancel);
}

/* Of a fresh handle only malloc can fail in curl_easy_setopt() for options that exist. */
#define SET(curl, option, value) (void)curl_easy_setopt((curl), (option), (value))

static void set_connection(const struct http_client *client)
{
	CURL *curl = client->curl;
	SET(curl, CURLOPT_NOSIGNAL, 1L);
	SET(curl, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
	SET(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	SET(curl, CURLOPT_UNIX_SOCKET_PATH, client->unix_socket);
	if (client->tls_ca_file)
		SET(curl, CURLOPT_CAINFO, client->tls_ca_file);
	SET(curl, CURLOPT_SSLCERT, client->tls_cert_file);
	SET(curl, CURLOPT_SSLKEY, client->tls_key_file);
	SET(curl, CURLOPT_USERAGENT, client->user_agent);
	if (client->bearer_token) {
		SET(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		SET(curl, CURLOPT_XOAUTH2_BEARER, client->bearer_token);
	}
}

static void set_redirects(CURL *curl, const struct http_call *call)
{
	bool https = view_starts_with(view_of_string(call->url), VIEW_LITERAL("https:"));
	SET(curl, CURLOPT_FOLLOWLOCATION, call->follow_redirects ? 1L : 0L);
	SET(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	SET(curl, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
}

static void set_method(CURL *curl, const struct http_call *call)
{
	struct view method = view_of_string(call->method);
	bool has_body = call->body.data || view_is(method, "POST") || view_is(method, "PUT") ||
	                view_is(method, "PATCH");
	if (view_is(method, "HEAD")) {
		SET(curl, CURLOPT_NOBODY, 1L);
	} else if (has_body) { /* "Content-Length: 0" when there is none to send */
		SET(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
		SET(curl, CURLOPT_POSTFIELDS, call->body.data ? call->body.data : "");
	}
	SET(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_callbacks(struct exchange *exchange)
{
	CURL *curl = exchange->client->curl;
	SET(curl, CURLOPT_WRITEFUNCTION, on_body);
	SET(curl, CURLOPT_WRITEDATA, exchange);
	SET(curl, CURLOPT_HEADERFUNCTION, on_header);
	SET(curl, CURLOPT_HEADERDATA, exchange);
	SET(curl, CURLOPT_NOPROGRESS, 0L);
	SET(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(curl, CURLOPT_XFERINFODATA, exchange);
	SET(curl, CURLOPT_ERRORBUFFER, exchange->client->problem);
}

static void add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);
	if (!longer)
		abort(); /* out of memory */
	*list = longer;
}

static struct curl_slist *header_list(const struct http_call *call)
{
	struct curl_slist *list = NULL;
	bool has_type = false;
	for (size_t i = 0; i < call->header_count; i++) {
		const struct http_header *header = &call->headers[i];
		/* curl's spelling of a header with an empty value is "Name;". */
		AUTO(free)
		char *line = *header->value ? xasprintf("%s: %s", header->name, header->value)
		                            : xasprintf("%s;", header->name);
		add_line(&list, line);
		has_type |= view_equal_ignoring_case(view_of_string(header->name),
		                                     VIEW_LITERAL("content-type"));
	}
	if (!has_type)
		add_line(&list, "Content-Type:"); /* not curl's own form type */
	add_line(&list, "Expect:");               /* no round trip of "100 Continue" */
	return list;
}

/* The URL without what may be secret or long: user, password, query, fragment. */
static struct view shown_part(struct view url, struct view *ret_scheme)
{
	const char *mark = url.size ? memmem(url.data, url.size, "://", 3) : NULL;
	size_t scheme = mark ? (size_t)(mark - url.data) + 3 : 0;
	struct view rest = view_of(url.data + scheme, url.size - scheme);
	size_t end = 0;
	while (end < rest.size && !strchr("?#", rest.data[end]))
		end++;
	rest.size = end;
	struct view path = rest;
	struct view authority = view_split(&path, '/');
	const char *at = authority.size ? memrchr(authority.data, '@', authority.size) : NULL;
	if (at) {
		size_t user = (size_t)(at - rest.data) + 1;
		rest = view_of(rest.data + user, rest.size - user);
	}
	*ret_scheme = view_of(url.data, scheme);
	return rest;
}

/* Puts "cannot GET 'http://host/path': " before the reason. */
static int fail(const struct exchange *exchange, enum error_class class, int code,
                const char *reason, struct error *err)
{
	const struct http_call *call = exchange->call;
	const char *socket = exchange->client->unix_socket;
	struct view scheme = {0};
	struct view rest = shown_part(view_of_string(call->url), &scheme);
	if (rest.size > URL_SHOWN_MAX)
		rest.size = URL_SHOWN_MAX;
	return error_set_class(err, class, code, "cannot %s '%.*s%.*s'%s%s: %s", call->method,
	                       VIEW_ARG(scheme), VIEW_ARG(rest), socket ? " over " : "",
	                       socket ? socket : "", reason);
}

/* "unsupported protocol" is also what libcurl says when the server does not speak HTTP. */
static bool is_http_url(const char *url)
{
	return view_starts_with(view_of_string(url), VIEW_LITERAL("http://")) ||
	       view_starts_with(view_of_string(url), VIEW_LITERAL("https://"));
}

static int code_of(CURLcode result, const struct http_call *call)
{
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_URL_MALFORMAT:
		return EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL:
		return is_http_url(call->url) ? EIO : EINVAL;
	default:
		return EIO;
	}
}

/* curl's own sentence, but for a UNIX socket, where it would name a host and a port. */
static const char *reason_of(const struct http_client *client, CURLcode result, char *text,
                             size_t size)
{
	long os_errno = 0;
	if (client->unix_socket && result == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK && os_errno)
		return strerror_r((int)os_errno, text, size);
	return client->problem[0] ? client->problem : curl_easy_strerror(result);
}

static int fail_curl(const struct exchange *exchange, CURLcode result, struct error *err)
{
	char text[128];
	const char *reason = reason_of(exchange->client, result, text, sizeof(text));
	if (exchange->too_large)
		return fail(exchange, ERROR_DROP, EFBIG, "the answer is too large", err);
	if (exchange->refused || result == CURLE_ABORTED_BY_CALLBACK)
		return fail(exchange, ERROR_RETRY, ECANCELED, "canceled", err);
	int code = code_of(result, exchange->call);
	return fail(exchange, code == EINVAL ? ERROR_DROP : ERROR_RETRY, code, reason, err);
}

int http_client_call(struct http_client *client, const struct http_call *call,
                     struct http_answer *answer, struct error *err)
{
	struct exchange exchange = {.client = client, .call = call, .answer = answer};
	CURL *curl = client->curl;
	*answer = (struct http_answer){0};
	buf_init(&answer->body, call->answer_max_bytes);
	client->problem[0] = '\0';

	AUTO(slist) struct curl_slist *headers = header_list(call);
	curl_easy_reset(curl); /* options only: connections stay open */
	set_connection(client);
	set_redirects(curl, call);
	set_method(curl, call);
	set_callbacks(&exchange);
	SET(curl, CURLOPT_URL, call->url);
	SET(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	SET(curl, CURLOPT_HTTPHEADER, headers);
	SET(curl, CURLOPT_ACCEPT_ENCODING, ""); /* all that libcurl decodes; the cap counts after */

	CURLcode result = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	return result == CURLE_OK ? 0 : fail_curl(&exchange, result, err);
}

void http_answer_release(struct http_answer *answer)
{
	forget_headers(answer);
	free(answer->headers);
	answer->headers = NULL;
	buf_release(&answer->body);
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	struct view wanted = view_of_string(name);
	for (size_t i = 0; i < answer->header_count; i++)
		if (view_equal_ignoring_case(view_of_string(answer->headers[i].name), wanted))
			return answer->headers[i].value;
	return NULL;
}
