// SPDX-License-Identifier: Apache-2.0
/* The runner's own configuration keys. */
#ifndef FANGS_RUNNER_RUNNER_CONFIG_H
#define FANGS_RUNNER_RUNNER_CONFIG_H

#include "base/error.h"
#include "bus/bus.h"
#include "config/config.h"
#include "http/http_client.h"
#include "service/service.h"

enum { RUNNER_SLOTS_MAX = 64 };

struct runner_config {
	char *gateway; /* base URL of a /v1 server */
	char *runner_id;
	char *transport; /* "http" or "kafka" */
	int64_t slots;
	char *docker_socket;
	char *npm_registry;
	int64_t workdir_bytes;
	int64_t spool_bytes;
	int64_t pull_timeout_ms;
	int64_t request_timeout_ms;
	char *tls_ca_file, *tls_cert_file, *tls_key_file;
	char *token;
	char *sensor_tier;
	char *seccomp_deny;
	unsigned seccomp_denied; /* the same, as enum docker_deny */
	bool check;
};
extern const struct config_option runner_options[];
extern const size_t runner_option_count;

/* What the option table cannot say: keys that must go together. Fills in the host name for an empty
 * runner id and cuts trailing slashes of the gateway. `bus` is read for transport kafka. */
int runner_config_finish(struct runner_config *config, const struct bus_config *bus,
                         struct error *err);
void runner_config_release(struct runner_config *config);

/* Options of a connection to the gateway; borrows the configuration's text. */
struct http_client_options runner_gateway_options(const struct runner_config *config,
                                                  const atomic_bool *cancel);

#endif
