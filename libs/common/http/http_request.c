// SPDX-License-Identifier: Apache-2.0
#include "http/http_request.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "json/json_writer.h"

enum { ERROR_TEXT_MAX_BYTES = 1024, ERROR_BODY_MAX_BYTES = 16 << 10 };

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *http_request_param(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->matched.param_count; i++) {
		if (view_is(request->matched.params[i].name, name))
			return request->matched.params[i].value;
	}
	return NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
	/* The arena is the request's own notebook, also for who only inspects. */
	return http_query_get(request->query, name, (struct arena *)&request->arena);
}

struct view http_request_query_string(const struct http_request *request)
{
	return request->query;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_peer(const struct http_request *request)
{
	return request->peer;
}

const char *http_request_tls_name(const struct http_request *request)
{
	return request->tls_name;
}

int http_request_access(const struct http_request *request)
{
	return request->matched.route ? request->matched.route->access : 0;
}

void http_request_set_identity(struct http_request *request, const void *identity)
{
	request->identity = identity;
}

const void *http_request_identity(const struct http_request *request)
{
	return request->identity;
}

bool http_request_is_chunked(const struct http_request *request)
{
	const char *encoding = http_request_header(request, "Transfer-Encoding");

	return encoding && strcasecmp(encoding, "chunked") == 0;
}

struct view http_request_body(const struct http_request *request)
{
	return buf_view(&request->body.whole);
}

void *http_request_sink(const struct http_request *request)
{
	return request->body.sink;
}

bool http_request_charge(struct http_request *request, size_t bytes)
{
	bool charged = http_body_charge(&request->body, &request->server->budget, bytes);

	/* Of interest while the body arrives; later the handler answers. */
	if (!charged && !request->complete)
		request->body.overloaded = true;
	return charged;
}

struct arena *http_request_arena(struct http_request *request)
{
	return &request->arena;
}

bool http_server_hold(struct http_server *server)
{
	bool open;

	pthread_mutex_lock(&server->lock);
	open = !server->closed;
	server->held += open;
	pthread_mutex_unlock(&server->lock);
	return open;
}

void http_server_let_go(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->held--;
	pthread_cond_broadcast(&server->fewer);
	pthread_mutex_unlock(&server->lock);
}

bool http_request_hold(struct http_request *request)
{
	request->held = http_server_hold(request->server);
	if (request->held)
		MHD_suspend_connection(request->connection);
	return request->held;
}

void http_request_release_hold(struct http_request *request)
{
	struct http_server *server = request->server;
	struct MHD_Connection *connection = request->connection;

	if (!request->held)
		return;
	request->held = false;
	http_parking_remove(server->parking, &request->parked);
	MHD_resume_connection(connection);
	/* Counted down only now: http_server_destroy() must not end the daemon before. */
	http_server_let_go(server);
}

void http_request_park(struct http_request *request, const struct http_park *park)
{
	request->parked.park = *park;
	http_parking_add(request->server->parking, &request->parked);
}

void http_request_dispatch(struct http_request *request, http_handler_fn handler, void *ctx)
{
	struct http_server *server = request->server;

	http_parking_remove(server->parking, &request->parked);
	request->task.handler = handler;
	request->task.ctx = ctx;
	http_workers_submit(server->workers, &request->task);
}

void http_request_drop(struct http_request *request)
{
	request->dropped = true;
	http_request_release_hold(request);
}

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
	struct http_reply_header *header = arena_alloc(&request->arena, 1, sizeof(*header));

	header->name = arena_strdup(&request->arena, name);
	header->value = arena_strdup(&request->arena, value);
	header->next = request->reply_headers;
	request->reply_headers = header;
}

void http_request_answer(struct http_request *request, int status, const char *content_type,
                         struct MHD_Response *response)
{
	if (response && content_type)
		(void)MHD_add_response_header(response, "Content-Type", content_type);
	for (struct http_reply_header *header = request->reply_headers; response && header;
	     header = header->next)
		(void)MHD_add_response_header(response, header->name, header->value);
	if (response && atomic_load(&request->server->stopping))
		(void)MHD_add_response_header(response, "Connection", "close");
	request->response = response;
	request->dropped = response == NULL;
	request->status = (unsigned)status;
	http_request_release_hold(request);
}

void http_reply(struct http_request *request, int status, const char *content_type,
                struct view body)
{
	http_request_answer(request, status, content_type,
	                    MHD_create_response_from_buffer(body.size, (void *)body.data,
	                                                    MHD_RESPMEM_MUST_COPY));
}

void http_reply_json(struct http_request *request, int status, struct view json)
{
	char *line = arena_alloc(&request->arena, json.size + 1, 1);

	if (json.size)
		memcpy(line, json.data, json.size);
	line[json.size] = '\n';
	http_reply(request, status, "application/json", view_of(line, json.size + 1));
}

void http_reply_error(struct http_request *request, int status, const char *format, ...)
{
	AUTO(buf) struct buf text, body;
	struct json_writer w;
	va_list args;

	buf_init(&text, ERROR_TEXT_MAX_BYTES);
	buf_init(&body, ERROR_BODY_MAX_BYTES);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	w = json_writer_on(&body);
	json_object(&w);
	json_member_view(&w, "error",
	                 text.overflowed ? VIEW_LITERAL("request failed") : buf_view(&text));
	json_end_object(&w);
	http_reply_json(request, status, buf_view(&body));
}

void http_reply_empty(struct http_request *request, int status)
{
	http_reply(request, status, NULL, view_of(NULL, 0));
}
