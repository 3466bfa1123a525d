// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "api.h"

#define FIELD(name) offsetof(struct api_config, name)
#define HOUR_MS (INT64_C(3600) * 1000)

const struct config_option api_options[] = {
        {.key = "listen",
         .type = CONFIG_STRING,
         .offset = FIELD(listen),
         .fallback = "127.0.0.1:8443",
         .help = "Address of the gateway: runners, command line, dashboard, metrics."},
        {.key = "id",
         .type = CONFIG_STRING,
         .offset = FIELD(id),
         .fallback = "fangs-orchestrator",
         .help = "Name that runners are told when they register."},
        {.key = "insecure",
         .type = CONFIG_BOOL,
         .offset = FIELD(insecure),
         .help = "Allow an address that is reachable from other machines without client "
                 "certificates. Whoever reaches it may queue any command and forge results."},
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
         .min = 0,
         .max = 1000000,
         .help = "Most connections from one address. 0: no limit."},
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

int api_config_check(const void *config, struct error *err)
{
	const struct api_config *c = config;

	if (c->insecure || is_loopback(c->listen) || *c->tls_client_ca)
		return 0;
	return error_set(err, EPERM,
	                 "api.listen '%s' is reachable from other machines and nobody would have "
	                 "to identify himself: set api.tls.client_ca, or --insecure to accept that",
	                 c->listen);
}
