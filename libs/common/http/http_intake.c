// SPDX-License-Identifier: Apache-2.0
#include "http/http_intake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define TEXT_TYPE "text/plain; charset=utf-8"

static struct http_connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void http_intake_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode toe)
{
	struct http_server *server = cls;
	const union MHD_ConnectionInfo *info;

	if (toe == MHD_CONNECTION_NOTIFY_CLOSED) {
		http_connections_close(&server->connections, *socket_context);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context = http_connections_open(&server->connections, info->connect_fd);
}

void *http_intake_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *server = cls;
	struct http_request *request = xcalloc(1, sizeof(*request));

	request->server = server;
	request->connection = connection;
	request->task.request = request->parked.request = request;
	arena_init(&request->arena);
	request->query = arena_copy(&request->arena, view_of_string(uri));
	request->raw_path = view_split(&request->query, '?');
	http_connections_begin(&server->connections, connection_of(connection));
	pthread_mutex_lock(&server->lock);
	server->open++;
	pthread_mutex_unlock(&server->lock);
	return request;
}

void http_intake_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                           enum MHD_RequestTerminationCode toe)
{
	struct http_server *server = cls;
	struct http_request *request = *con_cls;

	(void)toe;
	if (!request)
		return;
	*con_cls = NULL;
	http_connections_await(&server->connections, connection_of(connection));
	http_stream_completed(request->stream);
	if (request->response)
		MHD_destroy_response(request->response);
	http_body_release(&request->body, &request->server->budget);
	free(request->tls_name);
	arena_release(&request->arena);
	free(request);
	pthread_mutex_lock(&server->lock);
	server->open--;
	pthread_cond_broadcast(&server->fewer);
	pthread_mutex_unlock(&server->lock);
}

static void format_peer(struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const void *address = NULL;
	char text[INET6_ADDRSTRLEN] = "";

	request->peer = "";
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr;
	else if (info->client_addr->sa_family == AF_INET6)
		address =
		        &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr;
	if (address && inet_ntop(info->client_addr->sa_family, address, text, sizeof(text)))
		request->peer = arena_strdup(&request->arena, text);
}

static bool is_bare_head(const struct http_request *request)
{
	return strcmp(request->method, "HEAD") == 0 && !request->matched.route->head_runs_handler;
}

/* What its route is for, unless the body turns out to be too much. */
static bool needs_handler(const struct http_request *request)
{
	return !request->refused && request->match == HTTP_MATCH_FOUND && !is_bare_head(request);
}

static bool is_welcome(struct http_request *request)
{
	const struct http_server *server = request->server;

	request->body.unwanted = server->welcome && !server->welcome(server->ctx, request);
	return !request->body.unwanted;
}

/* The headers are here. Only what is hopeless is answered now, which costs the connection. */
static void begin(struct http_request *request, const char *method)
{
	struct http_server *server = request->server;
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const char *decoded;

	request->parked.fd = info->connect_fd;
	request->method = arena_strdup(&request->arena, method);
	request->match = http_router_match(server->routes, server->route_count, request->method,
	                                   request->raw_path, &request->arena, &request->matched);
	decoded = http_percent_decode(request->raw_path, false, &request->arena);
	request->path = decoded ? decoded : "";
	format_peer(request);
	request->refused =
	        !http_tls_client_allowed(server->tls, request->connection, &request->tls_name);
	http_body_init(&request->body, &server->budget, request->matched.route, request->peer);
	if (http_body_is_hopeless(&request->body, http_request_header(request, "Content-Length")))
		http_reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "request body too large");
	else if (needs_handler(request) && is_welcome(request))
		http_body_begin(&request->body, &server->budget, request->matched.route, request);
}

static void reply_text(struct http_request *request, int status, const char *text)
{
	http_reply_header(request, "X-Content-Type-Options", "nosniff");
	http_reply(request, status, TEXT_TYPE, view_of_string(text));
}

/* True when the request needs no handler. */
static bool answer_without_handler(struct http_request *request)
{
	if (request->refused) {
		reply_text(request, MHD_HTTP_FORBIDDEN, "client certificate required\n");
	} else if (request->match == HTTP_MATCH_NONE) {
		reply_text(request, MHD_HTTP_NOT_FOUND, "404 page not found\n");
	} else if (request->match == HTTP_MATCH_BAD) {
		http_reply_error(request, MHD_HTTP_BAD_REQUEST, "bad percent-encoding in the path");
	} else if (request->match == HTTP_MATCH_METHOD) {
		http_reply_header(request, "Allow", request->matched.allow);
		reply_text(request, MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed\n");
	} else if (request->body.too_large) {
		http_reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "request body too large");
	} else if (request->body.overloaded) {
		http_reply_header(request, "Retry-After", "1");
		http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is in flight");
	} else if (is_bare_head(request)) {
		http_reply_empty(request, MHD_HTTP_NO_CONTENT);
	} else {
		return false;
	}
	return true;
}

static void run_handler(void *ctx, struct http_request *request)
{
	struct http_server *server = request->server;

	if (server->admit && !server->admit(ctx, request))
		return;
	if (!request->body.unwanted) {
		request->matched.route->handler(ctx, request);
		return;
	}
	/* It has become somebody else's meanwhile, but its body is gone. */
	http_reply_header(request, "Retry-After", "1");
	http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "try again");
}

/* The whole request is here. Tells whether it is held: another thread's from now on. */
static bool complete(struct http_request *request)
{
	const struct http_route *route = request->matched.route;
	struct http_server *server = request->server;

	http_connections_complete(&server->connections, connection_of(request->connection));
	if (answer_without_handler(request))
		return false;
	if (route->immediate) {
		run_handler(server->ctx, request);
		return false;
	}
	request->task.handler = run_handler;
	request->task.ctx = server->ctx;
	if (!http_request_hold(request)) {
		http_request_drop(request);
		return false;
	}
	http_workers_submit(server->workers, &request->task);
	return true;
}

static enum MHD_Result send_answer(struct http_request *request)
{
	if (request->dropped)
		return MHD_NO;
	return MHD_queue_response(request->connection, request->status, request->response);
}

enum MHD_Result http_intake_access(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_data_size, void **con_cls)
{
	struct http_request *request = *con_cls;

	(void)cls;
	(void)connection;
	(void)url;
	(void)version;
	if (!request->begun) {
		request->begun = true;
		begin(request, method);
		return request->response || request->dropped ? send_answer(request) : MHD_YES;
	}
	if (*upload_data_size) {
		bool taken = http_body_take(&request->body, &request->server->budget,
		                            view_of(upload_data, *upload_data_size));

		*upload_data_size = 0;
		return taken ? MHD_YES : MHD_NO;
	}
	if (!request->complete) {
		request->complete = true;
		if (complete(request))
			return MHD_YES;
	}
	return send_answer(request);
}
