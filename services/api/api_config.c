// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "api.h"
#include "model/watched_paths.h"

#define FIELD(name) offsetof(struct api_config, name)
#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)
#define BUFFERED_MIN_BYTES (INT64_C(1) << 20)
#define BUFFERED_MAX_BYTES (INT64_C(1) << 40)
enum { CPUS_MAX = 1 << 16 };

const struct config_option api_options[] = {
        {.key = "listen",
         .type = CONFIG_STRING,
         .offset = FIELD(listen),
         .fallback = "127.0.0.1:8443",
         .help = "Address of the gateway: runners, command line, dashboard, metrics."},
        {.key = "ops_listen",
         .type = CONFIG_STRING,
         .offset = FIELD(ops_listen),
         .help = "A second address for dashboard, metrics, probes and JSON API; dashboard and "
                 "metrics are then there only, the runner protocol never. Empty: none."},
        {.key = "id",
         .type = CONFIG_STRING,
         .offset = FIELD(id),
         .fallback = "fangs-orchestrator",
         .help = "Name that runners are told when they register."},
        {.key = "insecure",
         .type = CONFIG_BOOL,
         .offset = FIELD(insecure),
         .help = "Allow an address that is reachable from other machines although nobody has to "
                 "identify himself (auth none: whoever reaches it may queue any command and "
                 "forge results) or tokens travel in the clear (auth token without TLS)."},
        {.key = "auth",
         .type = CONFIG_STRING,
         .offset = FIELD(auth),
         .fallback = "none",
         .choices = "none|token|mtls",
         .help = "How askers identify themselves: not at all, by a bearer token (fangs token), "
                 "or by the name in their client certificate (needs tls.client_ca)."},
        {.key = "hosts",
         .type = CONFIG_LIST,
         .offset = FIELD(hosts),
         .help = "Names by which browsers reach a loopback address with auth none, through a "
                 "proxy for instance. Requests to other names which change something are "
                 "refused; addresses and localhost are always good."},
        {.key = "tls.cert",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_cert),
         .help = "PEM file with the server's certificate chain. Empty: plain HTTP."},
        {.key = "tls.key",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_key),
         .help = "PEM file with the certificate's key."},
        {.key = "tls.client_ca",
         .type = CONFIG_STRING,
         .offset = FIELD(tls_client_ca),
         .help = "PEM file with the CA of client certificates. When set, every request needs "
                 "one."},
        {.key = "tls.operators",
         .type = CONFIG_LIST,
         .offset = FIELD(tls_operators),
         .help = "Names of client certificates of operators, for auth mtls. Those in neither "
                 "list are runners, each for the runner id that is its certificate's name."},
        {.key = "tls.viewers",
         .type = CONFIG_LIST,
         .offset = FIELD(tls_viewers),
         .help = "Names of client certificates that may only read, for auth mtls."},
        {.key = "workers",
         .type = CONFIG_INT,
         .offset = FIELD(workers),
         .fallback = "16",
         .min = 1,
         .max = 512,
         .help = "Threads for requests that ask the database. Long polls need none."},
        {.key = "connections_max",
         .type = CONFIG_INT,
         .offset = FIELD(connections_max),
         .fallback = "20000",
         .min = 16,
         .max = 1000000,
         .help = "Most client connections at a time."},
        {.key = "connections_per_peer",
         .type = CONFIG_INT,
         .offset = FIELD(connections_per_peer),
         .fallback = "1024",
         .min = 0,
         .max = 1000000,
         .help = "Most connections from one address. 0: no limit."},
        {.key = "read_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(read_timeout_ms),
         .fallback = "30s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "A request that has not arrived completely by then costs its connection."},
        {.key = "idle_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(idle_timeout_ms),
         .fallback = "75s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "A connection without a request is closed after this. A waiting poll is a "
                 "request."},
        {.key = "buffered_max",
         .type = CONFIG_SIZE,
         .offset = FIELD(buffered_max_bytes),
         .fallback = "256M",
         .min = BUFFERED_MIN_BYTES,
         .max = BUFFERED_MAX_BYTES,
         .help = "Memory for the bodies of all requests together, half of it for those of one "
                 "address; beyond it the answer is 503."},
        WATCHED_PATHS_OPTION(FIELD(watched_paths)),
        {.key = "policy.images",
         .type = CONFIG_LIST,
         .offset = FIELD(policy.images),
         .help = "Patterns (* and ?) of container images that scans on demand may use. Empty: "
                 "any."},
        {.key = "policy.network_modes",
         .type = CONFIG_LIST,
         .offset = FIELD(policy.network_modes),
         .fallback = "bridge,none",
         .help = "Network modes that scans on demand may use. host is never allowed."},
        {.key = "policy.pull_policies",
         .type = CONFIG_LIST,
         .offset = FIELD(policy.pull_policies),
         .fallback = "missing,always,never",
         .help = "Pull policies that scans on demand may use."},
        {.key = "policy.memory_max",
         .type = CONFIG_SIZE,
         .offset = FIELD(policy.memory_max_bytes),
         .fallback = "8G",
         .max = INT64_MAX,
         .help = "Most memory of a scan on demand. 0: no limit."},
        {.key = "policy.cpus_max",
         .type = CONFIG_INT,
         .offset = FIELD(policy.cpus_max),
         .fallback = "8",
         .max = CPUS_MAX,
         .help = "Most processors of a scan on demand. 0: no limit."},
        {.key = "policy.pids_max",
         .type = CONFIG_INT,
         .offset = FIELD(policy.pids_max),
         .fallback = "4096",
         .max = INT32_MAX,
         .help = "Most processes of a scan on demand. 0: no limit."},
        {.key = "policy.duration_max",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(policy.duration_max_ms),
         .fallback = "1h",
         .max = DAY_MS,
         .help = "Longest budget of a scan on demand. 0: no limit."},
        {.key = "poll",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(poll_ms),
         .fallback = "25s",
         .min = 100,
         .max = HOUR_MS,
         .help = "How long a runner's poll waits for a job. Existing runners give up at 30s."},
        {.key = "offer_timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(offer_timeout_ms),
         .fallback = "40s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "A job that a runner fetched and gave no sign of is offered to it again."},
        {.key = "lease",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(lease_ms),
         .fallback = "90s",
         .min = 1000,
         .max = HOUR_MS,
         .help = "How long a sign of life keeps a run on its runner. As the dispatcher's."},
        {.key = "live_streams",
         .type = CONFIG_INT,
         .offset = FIELD(live_streams_max),
         .fallback = "500",
         .min = 0,
         .max = 100000,
         .help = "Most live views (GET /v1/live, open dashboards) at a time; beyond it the answer "
                 "is 503."},
};
const size_t api_option_count = CONFIG_COUNT(api_options);

/* By address; a name may lead anywhere, but for the one that is reserved. */
static bool is_loopback(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	char host[INET6_ADDRSTRLEN] = "";
	struct in_addr address;

	if (!colon || (size_t)(colon - listen) >= sizeof(host))
		return false;
	memcpy(host, listen, (size_t)(colon - listen));
	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &address) == 1 &&
	       (ntohl(address.s_addr) >> IN_CLASSA_NSHIFT) == IN_LOOPBACKNET;
}

static bool given(const char *path)
{
	return path && *path;
}

static int check_tls(const struct api_config *c, enum access_mode mode, struct error *err)
{
	if (given(c->tls_cert) != given(c->tls_key))
		return error_set(err, EINVAL, "api.tls.cert and api.tls.key go together");
	if (given(c->tls_client_ca) && !given(c->tls_cert))
		return error_set(err, EINVAL,
		                 "api.tls.client_ca needs api.tls.cert and api.tls.key");
	if (mode == ACCESS_MODE_MTLS && !given(c->tls_client_ca))
		return error_set(err, EINVAL,
		                 "api.auth mtls needs api.tls.client_ca: by it certificates are "
		                 "verified");
	if (mode != ACCESS_MODE_MTLS && (c->tls_operators.count || c->tls_viewers.count))
		return error_set(err, EINVAL,
		                 "api.tls.operators and api.tls.viewers are for api.auth mtls");
	return 0;
}

/* Whoever reaches the address must identify himself, and not in the clear. */
static int check_address(const struct api_config *c, enum access_mode mode, const char *key,
                         const char *listen, struct error *err)
{
	if (c->insecure || is_loopback(listen) || given(c->tls_client_ca) ||
	    (mode == ACCESS_MODE_TOKEN && given(c->tls_cert)))
		return 0;
	if (mode == ACCESS_MODE_TOKEN)
		return error_set(err, EPERM,
		                 "api.%s '%s' is reachable from other machines and tokens would "
		                 "travel in the clear: set api.tls.cert and api.tls.key, or "
		                 "--insecure to accept that",
		                 key, listen);
	return error_set(err, EPERM,
	                 "api.%s '%s' is reachable from other machines and nobody would have to "
	                 "identify himself: set api.auth token or mtls, or --insecure to accept "
	                 "that",
	                 key, listen);
}

int api_config_check(const void *config, struct error *err)
{
	const struct api_config *c = config;
	enum access_mode mode = ACCESS_MODE_NONE;

	/* The option table allows its names only. */
	(void)access_mode_parse(c->auth, &mode);
	if (check_tls(c, mode, err) < 0 || check_address(c, mode, "listen", c->listen, err) < 0)
		return -err->code;
	if (given(c->ops_listen) && strcmp(c->ops_listen, c->listen) == 0)
		return error_set(err, EINVAL, "api.ops_listen is the same address as api.listen");
	if (given(c->ops_listen) && check_address(c, mode, "ops_listen", c->ops_listen, err) < 0)
		return -err->code;
	if (scan_policy_validate(&c->policy, err) < 0)
		return -err->code;
	return watched_paths_check(c->watched_paths, err);
}

bool api_config_is_loopback(const struct api_config *config)
{
	return is_loopback(config->listen) &&
	       (!given(config->ops_listen) || is_loopback(config->ops_listen));
}
