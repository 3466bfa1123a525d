// SPDX-License-Identifier: Apache-2.0
/*
 * What the epoll thread does: receives requests within their bounds, finds their routes, hands them
 * to the workers and sends what was answered. Private to http/.
 */
#ifndef FANGS_HTTP_HTTP_INTAKE_H
#define FANGS_HTTP_HTTP_INTAKE_H

#include "http/http_request.h"

/* Callbacks for MHD_start_daemon(); `cls` is the server. */
void *http_intake_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_intake_access(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_data_size, void **con_cls);
void http_intake_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                           enum MHD_RequestTerminationCode toe);
void http_intake_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode toe);

#endif
