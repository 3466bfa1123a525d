// SPDX-License-Identifier: Apache-2.0
/*
 * The server's TLS files, and who a client is: with a client CA, every request must come over a
 * connection whose certificate chains to it and may be used by clients.
 */
#ifndef FANGS_HTTP_HTTP_TLS_H
#define FANGS_HTTP_HTTP_TLS_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/error.h"
#include "http/http_server.h"

struct http_tls {
	char *cert, *key;
	char *client_ca; /* NULL: clients stay anonymous */
};

/* Reads the files; `*ret` is NULL without a certificate in the options. */
int http_tls_load(const struct http_server_options *options, struct http_tls **ret,
                  struct error *err);
void http_tls_free(struct http_tls *tls); /* accepts NULL */

/* False when the connection has no valid client certificate although one is asked for. On true,
 * `*ret_name` is the certificate's common name (heap, the caller frees it) or NULL. */
bool http_tls_client_allowed(const struct http_tls *tls, struct MHD_Connection *connection,
                             char **ret_name);

#endif
