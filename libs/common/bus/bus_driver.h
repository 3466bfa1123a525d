// SPDX-License-Identifier: Apache-2.0
/*
 * What a driver of the bus fills in; nobody outside of this folder includes it.
 *
 * A driver embeds `struct bus` and `struct bus_consumer` as its first member. It may call
 * bus_delivery_done() and bus_health_*() from any thread.
 */
#ifndef FANGS_BUS_BUS_DRIVER_H
#define FANGS_BUS_BUS_DRIVER_H

#include "bus/assignment.h"
#include "bus/bus.h"
#include "bus/bus_health.h"
#include "metrics/metrics.h"

/* One accepted record's way to its delivery callback; owned by the driver until it calls done. */
struct bus_delivery;
void bus_delivery_done(struct bus_delivery *delivery, const struct error *err); /* frees it */

struct bus_ops {
	void (*close)(struct bus *bus); /* calls every outstanding delivery, frees */
	int (*create_topics)(struct bus *bus, struct error *err);
	int32_t (*partition_count)(struct bus *bus, enum bus_topic topic, struct error *err);
	/* Takes `delivery` only when it returns 0. */
	int (*produce)(struct bus *bus, const struct bus_record *record,
	               struct bus_delivery *delivery, struct error *err);
	int (*flush)(struct bus *bus, int64_t timeout_ms, struct error *err);
	int64_t (*end_offset)(struct bus *bus, enum bus_topic topic, int32_t partition,
	                      struct error *err);
	/* `options` is valid for the life of the consumer. */
	struct bus_consumer *(*consumer_open)(struct bus *bus,
	                                      const struct bus_consumer_options *options,
	                                      struct error *err);
};

struct bus_metrics {
	struct metric *delivered[BUS_TOPIC_COUNT], *failed[BUS_TOPIC_COUNT], *seconds;
};

struct bus {
	const struct bus_ops *ops;
	struct bus_config config; /* strings borrowed from the caller's configuration */
	char *client_name;
	char *names[BUS_TOPIC_COUNT]; /* with the prefix */
	struct bus_health health;
	struct bus_metrics metrics;
};

/* For the drivers' open and close. */
void bus_init(struct bus *bus, const struct bus_ops *ops, const struct bus_config *config,
              const char *client_name);
void bus_release(struct bus *bus);

int64_t bus_configured_partitions(const struct bus *bus, enum bus_topic topic);

struct bus_consumer_ops {
	void (*close)(struct bus_consumer *consumer); /* leaves the group, frees */
	int (*poll)(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
	            int64_t timeout_ms, struct error *err);
	/* The assignment's positions or pauses were changed by the caller. */
	void (*repositioned)(struct bus_consumer *consumer);
	int (*note_offset)(struct bus_consumer *consumer, int32_t partition, int64_t next_offset,
	                   struct error *err);
};

struct bus_consumer {
	const struct bus_consumer_ops *ops;
	struct bus *bus;
	struct bus_consumer_options options; /* group: an own copy */
	struct assignment assignment;
};

/* For the drivers' open and close; the group's name is copied, a manual partition is assigned. */
void bus_consumer_init(struct bus_consumer *consumer, const struct bus_consumer_ops *ops,
                       struct bus *bus, const struct bus_consumer_options *options);
void bus_consumer_release(struct bus_consumer *consumer); /* revokes what is left */

struct bus *bus_kafka_open(const struct bus_config *config, const char *client_name,
                           struct error *err);
struct bus *bus_postgres_open(const struct bus_config *config, struct db *db,
                              const char *client_name, struct error *err);

#endif
