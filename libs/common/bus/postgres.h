// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's parts; internal to this folder. */
#ifndef FANGS_BUS_POSTGRES_H
#define FANGS_BUS_POSTGRES_H

#include "base/worker.h"
#include "bus/bus_driver.h"

struct postgres_producer;

struct postgres_bus {
	struct bus bus;
	struct db *db; /* borrowed */
	struct postgres_producer *producer;
	struct worker *retention;
};

/* The notification channel; the payload is "topic:partition" with the full topic name. */
#define POSTGRES_BUS_CHANNEL "fangs_bus"

int postgres_create_topics(struct bus *bus, struct error *err);
int32_t postgres_partition_count(struct bus *bus, enum bus_topic topic, struct error *err);
int32_t postgres_count_on(struct db_conn *conn, const char *topic, struct error *err);

/* The thread that writes what all callers of this bus produce, many records in one transaction. */
struct postgres_producer *postgres_producer_start(struct postgres_bus *bus, struct error *err);
void postgres_producer_stop(struct postgres_producer *producer); /* gives up what is queued */
int postgres_produce(struct bus *bus, const struct bus_record *record,
                     struct bus_delivery *delivery, struct error *err);
int postgres_flush(struct bus *bus, int64_t timeout_ms, struct error *err);

struct bus_consumer *postgres_consumer_open(struct bus *bus,
                                            const struct bus_consumer_options *options,
                                            struct error *err);

/* A worker that deletes old messages, in one process at a time; `ctx` is the postgres_bus. */
void postgres_retention_run(void *ctx, struct worker *worker);
/* One round over all partitions; returns how many messages were deleted, or a negative errno. */
int64_t postgres_expire(struct postgres_bus *bus, struct error *err);

#endif
