// SPDX-License-Identifier: Apache-2.0
/* What the producer and the consumers of the kafka driver share: settings, errors, reachability. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bus/kafka.h"

enum { PROBE_TIMEOUT_MS = 500 };

void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, int *rc,
                    struct error *err)
{
	char reason[256];
	if (*rc || !value || !*value)
		return;
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK)
		*rc = error_set(err, EINVAL, "kafka: %s: %s", name, reason);
}

/* librdkafka would say what OpenSSL says of a file that it cannot read. */
static void set_file(rd_kafka_conf_t *conf, const char *name, const char *path, int *rc,
                     struct error *err)
{
	if (*rc || !path || !*path)
		return;
	if (access(path, R_OK) != 0)
		*rc = error_set_errno(err, errno, "kafka: cannot read '%s' (%s)", path, name);
	else
		kafka_conf_set(conf, name, path, rc, err);
}

static void set_security(rd_kafka_conf_t *conf, const struct bus_config *config, int *rc,
                         struct error *err)
{
	kafka_conf_set(conf, "security.protocol", config->security_protocol, rc, err);
	set_file(conf, "ssl.ca.location", config->ssl_ca_file, rc, err);
	set_file(conf, "ssl.certificate.location", config->ssl_cert_file, rc, err);
	set_file(conf, "ssl.key.location", config->ssl_key_file, rc, err);
	if (!config->sasl_username || !*config->sasl_username)
		return;
	kafka_conf_set(conf, "sasl.mechanism", config->sasl_mechanism, rc, err);
	kafka_conf_set(conf, "sasl.username", config->sasl_username, rc, err);
	kafka_conf_set(conf, "sasl.password", config->sasl_password, rc, err);
}

/* "...failed: Connection refused (after 0ms in state CONNECT, 1 identical error(s) suppressed)" */
static void cut_statistics(char *text)
{
	char *statistics = strstr(text, " (after ");
	if (statistics)
		*statistics = '\0';
}

/* One broker's trouble is not yet an outage: connections also end because they idle. It is looked
 * into by kafka_probe(). "All brokers down" gives no reason, and comes after one. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
	(void)client;
	struct bus *bus = ((struct kafka_opaque *)opaque)->bus;
	struct error err = {0};
	switch (code) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
		kafka_error_set(&err, code, reason, "cannot reach a broker");
		cut_statistics(err.text);
		bus_health_suspect(&bus->health, &err);
		return;
	default:
		return;
	}
}

/* Errors arrive by on_error() and by results; the log lines would repeat them many times. */
static void ignore_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	(void)client;
	(void)level;
	(void)facility;
	(void)text;
}

rd_kafka_conf_t *kafka_conf_create(struct kafka_opaque *opaque, struct error *err)
{
	const struct bus *bus = opaque->bus;
	const struct bus_config *config = &bus->config;
	int rc = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	kafka_conf_set(conf, "bootstrap.servers", config->brokers, &rc, err);
	kafka_conf_set(conf, "client.id", bus->client_name, &rc, err);
	kafka_conf_set(conf, "allow.auto.create.topics", "false", &rc, err);
	kafka_conf_set(conf, "socket.keepalive.enable", "true", &rc, err);
	kafka_conf_set(conf, "reconnect.backoff.max.ms", "3000", &rc, err);
	/* Topics that are created after us, and partitions that are added, are seen this soon. */
	kafka_conf_set(conf, "topic.metadata.refresh.interval.ms", "30000", &rc, err);
	set_security(conf, config, &rc, err);
	if (rc) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, ignore_log);
	rd_kafka_conf_set_opaque(conf, opaque);
	return conf;
}

static enum error_class class_of(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		return ERROR_DROP;
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__FENCED:
		return ERROR_FATAL;
	default:
		return ERROR_RETRY;
	}
}

int kafka_error_set(struct error *err, rd_kafka_resp_err_t code, const char *reason,
                    const char *what)
{
	int number = ENOTCONN;
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		number = EAGAIN;
	else if (class_of(code) == ERROR_DROP)
		number = EINVAL;
	return error_set_class(err, class_of(code), number, "kafka: %s: %s", what,
	                       reason ? reason : rd_kafka_err2str(code));
}

void kafka_probe(struct bus *bus, rd_kafka_t *client)
{
	const struct rd_kafka_metadata *metadata = NULL;
	if (!bus_health_is_suspected(&bus->health))
		return;
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, PROBE_TIMEOUT_MS);
	if (code) {
		bus_health_confirm(&bus->health);
		return;
	}
	rd_kafka_metadata_destroy(metadata);
	bus_health_ok(&bus->health);
}
