// SPDX-License-Identifier: Apache-2.0
#include "http/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http/http_intake.h"

enum {
	DEFAULT_WORKERS = 8,
	DEFAULT_CONNECTIONS_MAX = 20000,
	DEFAULT_IDLE_TIMEOUT_MS = 75000,
	DEFAULT_READ_TIMEOUT_MS = 30000,
	DEFAULT_BUFFERED_MAX_BYTES = 256 << 20,
	/* Request line and headers, with what the library notes of them. All of it becomes resident
	 * once a connection serves its second request, so this is most of what a long poll costs.
	 */
	CONNECTION_MEMORY_BYTES = 6 << 10,
	LISTEN_BACKLOG = 1024,
	MHD_OPTIONS_MAX = 16,
};

static int64_t or_default(int64_t value, int64_t fallback)
{
	return value > 0 ? value : fallback;
}

/* "127.0.0.1:8443", "[::]:8443", ":8443" -> host and port. */
static int split_listen(const char *listen_on, char **ret_host, char **ret_port, struct error *err)
{
	const char *colon = strrchr(listen_on, ':');
	struct view host;

	if (!colon || colon[1] == '\0')
		return error_set(err, EINVAL, "'%s' is no listen address: want HOST:PORT",
		                 listen_on);
	host = view_of(listen_on, (size_t)(colon - listen_on));
	if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
		host = view_of(host.data + 1, host.size - 2);
	*ret_host = host.size ? view_dup(host) : NULL;
	*ret_port = xstrdup(colon + 1);
	return 0;
}

static int bind_one(const struct addrinfo *address, const char *listen_on, struct error *err)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot create a socket for '%s'", listen_on);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		int code = errno;

		close(fd);
		return error_set_errno(err, code, "cannot listen on '%s'", listen_on);
	}
	return fd;
}

static int open_listener(const char *listen_on, struct error *err)
{
	AUTO(free) char *host = NULL;
	AUTO(free) char *port = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                         .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *addresses;
	int code, fd;

	code = split_listen(listen_on, &host, &port, err);
	if (code < 0)
		return code;
	code = getaddrinfo(host, port, &hints, &addresses);
	if (code)
		return error_set(err, EINVAL, "cannot resolve listen address '%s': %s", listen_on,
		                 gai_strerror(code));
	fd = bind_one(addresses, listen_on, err);
	freeaddrinfo(addresses);
	return fd;
}

static int bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
	                                               : address.v4.sin_port);
}

static void sweep(void *ctx)
{
	struct http_server *server = ctx;

	http_connections_sweep(&server->connections);
}

static void ignore_log(void *cls, const char *format, va_list args)
{
	(void)cls;
	(void)format;
	(void)args;
}

static size_t add_tls_options(const struct http_tls *tls, struct MHD_OptionItem *items)
{
	size_t count = 0;

	items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, tls->cert};
	items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key};
	items[count++] = (struct MHD_OptionItem){
	        MHD_OPTION_HTTPS_PRIORITIES, 0,
	        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"};
	if (tls->client_ca)
		items[count++] =
		        (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, tls->client_ca};
	return count;
}

static int start_daemon(struct http_server *server, const struct http_server_options *options,
                        int fd, struct error *err)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
	                 MHD_USE_ERROR_LOG | (server->tls ? (unsigned)MHD_USE_TLS : 0);
	struct MHD_OptionItem items[MHD_OPTIONS_MAX] = {
	        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
	        {MHD_OPTION_CONNECTION_LIMIT,
	         or_default(options->connections_max, DEFAULT_CONNECTIONS_MAX), NULL},
	        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_peer_max, NULL},
	        {MHD_OPTION_CONNECTION_TIMEOUT, server->connections.idle_timeout_ms / MS_PER_S,
	         NULL},
	        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL},
	        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_intake_completed, server},
	        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_intake_connection, server},
	        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_intake_uri, server},
	};
	size_t count = 8;

	if (server->tls)
		count += add_tls_options(server->tls, &items[count]);
	items[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	/* The logger comes first: it is also told about bad options. */
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_intake_access, server,
	                                  MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
	                                  MHD_OPTION_ARRAY, items, MHD_OPTION_END);
	if (!server->daemon)
		return error_set(err, EIO, "cannot start the HTTP server on '%s'%s",
		                 options->listen,
		                 server->tls ? " (are certificate and key valid?)" : "");
	return 0;
}

static int start_parts(struct http_server *server, const struct http_server_options *options,
                       struct error *err)
{
	int code = http_tls_load(options, &server->tls, err);

	if (code < 0)
		return code;
	server->parking = http_parking_start(sweep, server, err);
	if (!server->parking)
		return -EAGAIN;
	server->workers =
	        http_workers_start((int)or_default(options->workers, DEFAULT_WORKERS), err);
	return server->workers ? 0 : -EAGAIN;
}

static void init_lock(struct http_server *server)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&server->fewer, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&server->lock, NULL);
}

struct http_server *http_server_start(const struct http_server_options *options, struct error *err)
{
	struct http_server *server = xcalloc(1, sizeof(*server));
	int fd;

	init_lock(server);
	http_connections_init(&server->connections,
	                      or_default(options->idle_timeout_ms, DEFAULT_IDLE_TIMEOUT_MS),
	                      or_default(options->read_timeout_ms, DEFAULT_READ_TIMEOUT_MS));
	server->routes = options->routes;
	server->route_count = options->route_count;
	server->ctx = options->ctx;
	server->admit = options->admit;
	server->welcome = options->welcome;
	server->budget.max_bytes = options->buffered_max_bytes ? options->buffered_max_bytes
	                                                       : DEFAULT_BUFFERED_MAX_BYTES;
	fd = open_listener(options->listen, err);
	if (fd >= 0) {
		server->port = bound_port(fd);
		if (start_parts(server, options, err) == 0 &&
		    start_daemon(server, options, fd, err) == 0)
			return server;
		close(fd);
	}
	http_server_destroy(server);
	return NULL;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

/* Waits until *count is 0; false at the deadline. */
static bool wait_for_zero(struct http_server *server, const size_t *count, int64_t timeout_ms)
{
	struct timespec until;
	bool done;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / MS_PER_S);
	until.tv_nsec += (long)(timeout_ms % MS_PER_S) * NS_PER_MS;
	if (until.tv_nsec >= NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	pthread_mutex_lock(&server->lock);
	while (*count > 0 &&
	       pthread_cond_timedwait(&server->fewer, &server->lock, &until) != ETIMEDOUT)
		continue;
	done = *count == 0;
	pthread_mutex_unlock(&server->lock);
	return done;
}

void http_server_stop(struct http_server *server, int64_t timeout_ms)
{
	MHD_socket fd = MHD_quiesce_daemon(server->daemon);

	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	atomic_store(&server->stopping, true);
	http_parking_expire_all(server->parking);
	(void)wait_for_zero(server, &server->open, timeout_ms);
}

static void wait_until_nothing_is_held(struct http_server *server)
{
	enum { ROUND_MS = 1000, LAST_BYTES_MS = 2000 };

	pthread_mutex_lock(&server->lock);
	server->closed = true;
	pthread_mutex_unlock(&server->lock);
	http_parking_expire_all(server->parking);
	while (!wait_for_zero(server, &server->held, ROUND_MS))
		continue;
	/* The last bytes of what has ended just now; who does not read them loses them. */
	(void)wait_for_zero(server, &server->open, LAST_BYTES_MS);
}

void http_server_destroy(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon) {
		wait_until_nothing_is_held(server);
		MHD_stop_daemon(server->daemon);
	}
	http_workers_destroy(server->workers);
	http_parking_destroy(server->parking);
	http_connections_release(&server->connections);
	http_tls_free(server->tls);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->fewer);
	free(server);
}
