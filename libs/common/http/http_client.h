// SPDX-License-Identifier: Apache-2.0
/*
 * Blocking HTTP(S) requests over libcurl: bounded answers, deadlines, TLS client certificates,
 * UNIX sockets (the container engine's), no redirects unless asked for.
 *
 * A client is a connection pool of one thread: one thread uses it at a time.
 */
#ifndef FANGS_HTTP_HTTP_CLIENT_H
#define FANGS_HTTP_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/view.h"

struct http_client;

struct http_client_options {
	const char *user_agent;
	const char *unix_socket; /* NULL: TCP */
	const char *tls_ca_file; /* NULL: system roots */
	const char *tls_cert_file, *tls_key_file;
	const char *bearer_token;   /* NULL: none */
	int64_t connect_timeout_ms; /* 0: 5000 */
	/* Another thread may set it to true to make a request in flight fail with ECANCELED. */
	const atomic_bool *cancel;
};

struct http_header {
	const char *name;
	const char *value;
};

struct http_call {
	const char *method; /* "GET" */
	const char *url;    /* absolute */
	const struct http_header *headers;
	size_t header_count;
	struct view body;   /* sent when data is not NULL */
	int64_t timeout_ms; /* of the whole request; 0: none */
	size_t answer_max_bytes;
	bool follow_redirects; /* at most 5, https to https only */
	/* When set, the answer's body goes here piece by piece instead of into answer->body; a
	 * negative return ends the request with ECANCELED, which leaves the answer's status. */
	int (*on_data)(void *ctx, struct view piece);
	void *ctx;
};

struct http_answer {
	long status; /* 0: no answer began */
	struct buf body;
	struct http_header *headers; /* names in lower case; owned */
	size_t header_count;
};

/* Options are copied. NULL on bad TLS files and the like. */
struct http_client *http_client_create(const struct http_client_options *options,
                                       struct error *err);
void http_client_destroy(struct http_client *client);
DEFINE_AUTO(http_client, struct http_client *, http_client_destroy)

/* 0 when an answer with any status came; on failure (resolve, connect, TLS, deadline: RETRY class;
 * answer too large: DROP) a sentence that names the URL without its query. The caller releases the
 * answer by http_answer_release() in both cases. */
int http_client_call(struct http_client *client, const struct http_call *call,
                     struct http_answer *answer, struct error *err);
void http_answer_release(struct http_answer *answer);
const char *http_answer_header(const struct http_answer *answer, const char *name);

#endif
