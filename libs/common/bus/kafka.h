// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's parts; internal to this folder. */
#ifndef FANGS_BUS_KAFKA_H
#define FANGS_BUS_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "bus/bus_driver.h"

struct kafka_consumer;

/* What librdkafka's callbacks are handed. */
struct kafka_opaque {
	struct bus *bus;
	struct kafka_consumer *consumer; /* NULL for the producer */
};

struct kafka_bus {
	struct bus bus;
	struct kafka_opaque opaque;
	rd_kafka_t *producer; /* also serves the admin requests */
	pthread_t poller;     /* serves the producer's callbacks */
	atomic_bool stopping;
};

/* A configuration with what producers and consumers share (brokers, security, callbacks); NULL and
 * `*err` when librdkafka refuses a value. `opaque` is borrowed for the life of the client. */
rd_kafka_conf_t *kafka_conf_create(struct kafka_opaque *opaque, struct error *err);
/* One property; a failure is remembered in `*rc` and `*err`, later calls do nothing. */
void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, int *rc,
                    struct error *err);

/* Sets `*err` from a Kafka error, with its class. */
int kafka_error_set(struct error *err, rd_kafka_resp_err_t code, const char *reason,
                    const char *what);

/* While there is trouble: asks the cluster whether it answers at all, and reports. Called by idle
 * threads; takes at most half a second. */
void kafka_probe(struct bus *bus, rd_kafka_t *client);

int kafka_create_topics(struct bus *bus, struct error *err);
int32_t kafka_partition_count(struct bus *bus, enum bus_topic topic, struct error *err);
int64_t kafka_end_offset(struct bus *bus, enum bus_topic topic, int32_t partition,
                         struct error *err);
struct bus_consumer *
kafka_consumer_open(struct bus *bus, const struct bus_consumer_options *options, struct error *err);

#endif
