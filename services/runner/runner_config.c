// SPDX-License-Identifier: Apache-2.0
#include "runner_config.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "base/alloc.h"
#include "sandbox_docker/docker_seccomp.h"

#define FIELD(name) offsetof(struct runner_config, name)

#define MINUTE_MS INT64_C(60000)
#define MIB (INT64_C(1024) * 1024)
#define GIB (1024 * MIB)

const struct config_option runner_options[] = {
        {.key = "gateway",
         .type = CONFIG_STRING,
         .offset = FIELD(gateway),
         .fallback = "http://127.0.0.1:8443",
         .help = "Base URL of the gateway, or of any server that speaks /v1.",
         .alias_flag = "orchestrator"},
        {.key = "runner_id",
         .type = CONFIG_STRING,
         .offset = FIELD(runner_id),
         .help = "Name of this runner; must differ from every other runner's. Empty: the host's "
                 "name."},
        {.key = "transport",
         .type = CONFIG_STRING,
         .offset = FIELD(transport),
         .fallback = "http",
         .choices = "http|kafka",
         .help = "How jobs come and events go: through the gateway, or over the Kafka bus."},
        {.key = "slots",
         .type = CONFIG_INT,
         .offset = FIELD(slots),
         .fallback = "2",
         .min = 1,
         .max = RUNNER_SLOTS_MAX,
         .help = "How many sandboxes may run at once."},
        {.key = "docker_socket",
         .type = CONFIG_STRING,
         .offset = FIELD(docker_socket),
         .fallback = "/var/run/docker.sock",
         .help = "UNIX socket of the Docker daemon."},
        {.key = "npm_registry",
         .type = CONFIG_STRING,
         .offset = FIELD(npm_registry),
         .help = "URL of the npm registry as seen from inside a sandbox; empty: npm's own "
                 "default. A job that sets npm_config_registry keeps its own."},
        {.key = "workdir_size",
         .type = CONFIG_SIZE,
         .offset = FIELD(workdir_bytes),
         .fallback = "1G",
         .min = MIB,
         .max = 64 * GIB,
         .help = "Ceiling of the executable tmpfs /tmp/test where packages are installed; what is "
                 "in it counts against the sandbox's memory limit."},
        {.key = "spool_size",
         .type = CONFIG_SIZE,
         .offset = FIELD(spool_bytes),
         .fallback = "64M",
         .min = MIB,
         .max = 16 * GIB,
         .help = "Memory for one run's events that are not delivered yet. Events beyond it are "
                 "lost and counted."},
        {.key = "pull_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(pull_timeout_ms),
         .fallback = "10m",
         .min = 1,
         .max = INT_MAX,
         .help = "How long the pull of an image may take."},
        {.key = "request_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(request_timeout_ms),
         .fallback = "30s",
         .min = 1,
         .max = 10 * MINUTE_MS,
         .help = "How long one request to the gateway may take, the poll for jobs excepted.",
         .alias_flag = "timeout"},
        {.key = "tls_ca",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_ca_file),
         .help = "PEM file that replaces the system's roots for the gateway's certificate."},
        {.key = "tls_cert",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_cert_file),
         .help = "PEM file with this runner's client certificate; goes with tls_key."},
        {.key = "tls_key",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_key_file),
         .help = "PEM file with the client certificate's key."},
        {.key = "token",
         .type = CONFIG_SECRET,
         .offset = FIELD(token),
         .help = "Bearer token for the gateway."},
        {.key = "sensor_tier",
         .type = CONFIG_STRING,
         .offset = FIELD(sensor_tier),
         .fallback = "auto",
         .help = "Kind of kernel programs to observe with: tracepoint, basic, or auto, the best "
                 "that this kernel loads."},
        {.key = "seccomp_deny",
         .type = CONFIG_STRING,
         .offset = FIELD(seccomp_deny),
         .help = "Ways into the kernel that are closed in sandboxes, with commas: io_uring, compat "
                 "(32-bit calls), sockets (families but UNIX, IP and routing netlink). Empty: "
                 "Docker's own profile. Attempts are recorded either way."},
        {.key = "check",
         .type = CONFIG_BOOL,
         .offset = FIELD(check),
         .fallback = "false",
         .help = "Print what this host offers (kernel, sensor, Docker, gateway) and exit: 0 when "
                 "scans can run."},
};
const size_t runner_option_count = CONFIG_COUNT(runner_options);

static int check_pairs(const struct runner_config *config, const struct bus_config *bus,
                       struct error *err)
{
	if ((config->tls_cert_file[0] == '\0') != (config->tls_key_file[0] == '\0'))
		return error_set_class(err, ERROR_FATAL, EINVAL,
		                       "both runner.tls_cert and runner.tls_key are required for a "
		                       "client certificate");
	bool kafka = strcmp(config->transport, "kafka") == 0;
	if (kafka && strcmp(bus->driver, "kafka") != 0)
		return error_set_class(err, ERROR_FATAL, EINVAL,
		                       "runner.transport kafka needs bus.driver kafka: a runner "
		                       "never gets access to the database");
	return 0;
}

int runner_config_finish(struct runner_config *config, const struct bus_config *bus,
                         struct error *err)
{
	int r = check_pairs(config, bus, err);
	if (r == 0)
		r = docker_deny_parse(config->seccomp_deny, &config->seccomp_denied, err);
	if (r < 0)
		return r;
	char host[HOST_NAME_MAX + 1] = "";
	(void)gethostname(host, sizeof(host) - 1);
	config->runner_id = xstrdup(config->runner_id[0] != '\0' ? config->runner_id : host);
	config->gateway = xstrdup(config->gateway);
	for (size_t size = strlen(config->gateway); size > 0 && config->gateway[size - 1] == '/';)
		config->gateway[--size] = '\0';
	return 0;
}

void runner_config_release(struct runner_config *config)
{
	free(config->runner_id);
	free(config->gateway);
	config->runner_id = config->gateway = NULL;
}

static const char *text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

struct http_client_options runner_gateway_options(const struct runner_config *config,
                                                  const atomic_bool *cancel)
{
	return (struct http_client_options){
	        .user_agent = "fangs-runner/" FANGS_VERSION,
	        .tls_ca_file = text_or_null(config->tls_ca_file),
	        .tls_cert_file = text_or_null(config->tls_cert_file),
	        .tls_key_file = text_or_null(config->tls_key_file),
	        .bearer_token = text_or_null(config->token),
	        .cancel = cancel,
	};
}
