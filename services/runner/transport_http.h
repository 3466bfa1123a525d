// SPDX-License-Identifier: Apache-2.0
/* The transport over /v1 (compat 1.5, 1.7, 1.10): long poll, event batches in the verbose form. */
#ifndef FANGS_RUNNER_TRANSPORT_HTTP_H
#define FANGS_RUNNER_TRANSPORT_HTTP_H

#include "control.h"
#include "runner_config.h"
#include "service/service.h"
#include "transport.h"

struct transport_http_options {
	const struct runner_config *config;
	struct service *service;
	struct control *control;
};

/* What is borrowed must outlive it. */
struct transport *transport_http_create(const struct transport_http_options *options,
                                        struct error *err);

#endif
