// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's producer. */
#include "bus/kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { POLL_MS = 100, PROBE_EVERY_POLLS = 10, CLOSE_TIMEOUT_MS = 2000 };
/* Room for keys, headers and batch overhead around the largest record. */
enum { REQUEST_OVERHEAD_BYTES = 64 << 10 };

static struct kafka_bus *kafka_of(struct bus *bus)
{
	return (struct kafka_bus *)bus;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	(void)client;
	struct bus *bus = ((struct kafka_opaque *)opaque)->bus;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		bus_health_ok(&bus->health);
		bus_delivery_done(message->_private, NULL);
		return;
	}
	struct error err = {0};
	/* Not rd_kafka_message_errstr(): for a produced record it is the value. */
	kafka_error_set(&err, message->err, NULL, rd_kafka_topic_name(message->rkt));
	bus_delivery_done(message->_private, &err);
}

static void *poll_loop(void *arg)
{
	struct kafka_bus *kafka = arg;
	unsigned polls = 0;
	while (!atomic_load(&kafka->stopping)) {
		(void)rd_kafka_poll(kafka->producer, POLL_MS);
		if (++polls % PROBE_EVERY_POLLS == 0)
			kafka_probe(&kafka->bus, kafka->producer);
	}
	return NULL;
}

static void set_number(rd_kafka_conf_t *conf, const char *name, int64_t number, int *rc,
                       struct error *err)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%lld", (long long)number);
	kafka_conf_set(conf, name, text, rc, err);
}

static rd_kafka_conf_t *producer_conf(struct kafka_bus *kafka, struct error *err)
{
	const struct bus *bus = &kafka->bus;
	rd_kafka_conf_t *conf = kafka_conf_create(&kafka->opaque, err);
	int rc = 0;
	if (!conf)
		return NULL;
	kafka_conf_set(conf, "enable.idempotence", "true", &rc, err); /* implies acks=all */
	kafka_conf_set(conf, "compression.codec", bus->config.compression, &rc, err);
	set_number(conf, "linger.ms", bus->config.linger_ms, &rc, err);
	set_number(conf, "message.max.bytes", BUS_RECORD_MAX_BYTES + REQUEST_OVERHEAD_BYTES, &rc,
	           err);
	/* What was accepted is retried until it is delivered; callers that cannot wait bound it by
	 * the queue, which answers "full". */
	kafka_conf_set(conf, "message.timeout.ms", "0", &rc, err);
	kafka_conf_set(conf, "queue.buffering.max.messages", "100000", &rc, err);
	kafka_conf_set(conf, "queue.buffering.max.kbytes", "65536", &rc, err);
	kafka_conf_set(conf, "partitioner", "murmur2_random", &rc, err);
	if (rc) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return conf;
}

static int produce(struct bus *bus, const struct bus_record *record, struct bus_delivery *delivery,
                   struct error *err)
{
	struct kafka_bus *kafka = kafka_of(bus);
	/* A NULL key would get a random partition; an empty one has the partition of "". */
	const char *key = record->key.data ? record->key.data : "";
	rd_kafka_resp_err_t code = rd_kafka_producev(
	        kafka->producer, RD_KAFKA_V_TOPIC(bus->names[record->topic]),
	        RD_KAFKA_V_PARTITION(record->partition), RD_KAFKA_V_KEY(key, record->key.size),
	        RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value.data, record->value.size),
	        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(delivery),
	        RD_KAFKA_V_END);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return kafka_error_set(err, code, NULL, bus->names[record->topic]);
}

static int flush(struct bus *bus, int64_t timeout_ms, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_flush(kafka_of(bus)->producer, (int)timeout_ms);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return error_set_class(err, ERROR_RETRY, ETIMEDOUT,
	                       "kafka: %d records were not delivered within %lld ms",
	                       rd_kafka_outq_len(kafka_of(bus)->producer), (long long)timeout_ms);
}

static void close_bus(struct bus *bus)
{
	struct kafka_bus *kafka = kafka_of(bus);
	atomic_store(&kafka->stopping, true);
	(void)pthread_join(kafka->poller, NULL);
	/* What is still queued is given up; its callbacks say so. */
	(void)rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	(void)rd_kafka_flush(kafka->producer, CLOSE_TIMEOUT_MS);
	rd_kafka_destroy(kafka->producer);
	bus_release(bus);
	free(kafka);
}

static const struct bus_ops kafka_ops = {
        .close = close_bus,
        .create_topics = kafka_create_topics,
        .partition_count = kafka_partition_count,
        .produce = produce,
        .flush = flush,
        .end_offset = kafka_end_offset,
        .consumer_open = kafka_consumer_open,
};

static int start(struct kafka_bus *kafka, struct error *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = producer_conf(kafka, err);
	if (!conf)
		return -EINVAL;
	kafka->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	if (!kafka->producer) {
		rd_kafka_conf_destroy(conf);
		return error_set(err, EINVAL, "kafka: cannot create the producer: %s", reason);
	}
	int rc = pthread_create(&kafka->poller, NULL, poll_loop, kafka);
	if (rc) {
		rd_kafka_destroy(kafka->producer);
		return error_set_errno(err, rc, "kafka: cannot start a thread");
	}
	return 0;
}

struct bus *bus_kafka_open(const struct bus_config *config, const char *client_name,
                           struct error *err)
{
	if (!config->brokers || !*config->brokers) {
		error_set(err, EINVAL,
		          "no Kafka brokers are configured: set kafka.brokers (--kafka-brokers, "
		          "FANGS_KAFKA_BROKERS)");
		return NULL;
	}
	struct kafka_bus *kafka = xcalloc(1, sizeof(*kafka));
	bus_init(&kafka->bus, &kafka_ops, config, client_name);
	kafka->opaque.bus = &kafka->bus;
	if (start(kafka, err)) {
		bus_release(&kafka->bus);
		free(kafka);
		return NULL;
	}
	return &kafka->bus;
}
