// SPDX-License-Identifier: Apache-2.0
/*
 * The bus: four logs with partitions (releases, jobs, events, deviations) over Kafka or over tables
 * of the PostgreSQL database. Services run unchanged on either.
 *
 * Delivery is at least once. A record is durable when its delivery callback reports success; a
 * consumer starts where its offset store says and sees each partition in order.
 *
 * A bus may be shared by threads for producing; a consumer belongs to one thread.
 */
#ifndef FANGS_BUS_BUS_H
#define FANGS_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"
#include "config/config.h"
#include "db/db.h"

struct bus;
struct bus_consumer;

struct bus_config {
	char *driver;            /* bus.driver: "kafka" | "postgres" (default) */
	char *brokers;           /* kafka.brokers */
	char *topic_prefix;      /* bus.topic_prefix: "" ; the four names get it in front */
	int64_t partitions;      /* bus.partitions: of releases, events, deviations; default 12 */
	int64_t jobs_partitions; /* bus.jobs_partitions: one per native runner; default 64 */
	char *security_protocol; /* kafka.security_protocol and the TLS/SASL files below */
	char *ssl_ca_file, *ssl_cert_file, *ssl_key_file;
	char *sasl_mechanism, *sasl_username, *sasl_password;
	char *compression;          /* kafka.compression: zstd|lz4|none */
	int64_t linger_ms;          /* kafka.linger: default 1ms */
	int64_t replication_factor; /* kafka.replication_factor: of topics it creates; 0: 3 or fewer
	                             */
	int64_t retention_ms;       /* bus.retention: default 24h */
	char *instance_id;          /* kafka.instance_id: in its groups; NULL or "": none */
};
extern const struct config_option bus_options[]; /* fills struct bus_config */
extern const size_t bus_option_count;

/* The topics. */
enum bus_topic { BUS_RELEASES, BUS_JOBS, BUS_EVENTS, BUS_DEVIATIONS, BUS_TOPIC_COUNT };
const char *bus_topic_base_name(enum bus_topic topic);

/* Keys choose partitions by murmur2 as Kafka's own clients do (librdkafka "murmur2_random"), on
 * both drivers. */
enum { BUS_PARTITION_BY_KEY = -1 };

/* A larger record is refused with E2BIG (DROP); topics are created to hold it. */
enum { BUS_RECORD_MAX_BYTES = 4 << 20 };

struct bus_record {
	enum bus_topic topic;
	int32_t partition; /* BUS_PARTITION_BY_KEY, or a partition */
	struct view key;
	struct view value;
};

struct bus_message {
	enum bus_topic topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
	struct view key; /* key and value are borrowed from the message */
	struct view value;
	void *owner; /* the driver's, as the next */
	void (*release)(void *owner);
};

/* Life. `db` is used by the postgres driver and may be NULL for kafka. Opening does not need the
 * servers to be there. */
struct bus *bus_open(const struct bus_config *config, struct db *db, const char *client_name,
                     struct error *err);
void bus_close(struct bus *bus);

/* False while the bus is known to be out of reach; for /readyz. */
bool bus_reachable(struct bus *bus);

/* Creates missing topics with the configured partitions (kafka: AdminClient; postgres: rows).
 * Idempotent. RETRY while the servers are away. */
int bus_create_topics(struct bus *bus, struct error *err);
/* The number of partitions that the topic really has. Negative errno on failure. */
int32_t bus_partition_count(struct bus *bus, enum bus_topic topic, struct error *err);
int32_t bus_partition_of_key(struct view key, int32_t partitions);

/* Produce. The record is copied. `delivered` is called exactly once, from a thread of the bus, with
 * NULL when the record is durable (all acknowledgements, or committed) or with the error. Returns
 * -EAGAIN (RETRY) when the local queue is full: nothing was queued, no callback will come. */
typedef void (*bus_delivered_fn)(void *ctx, const struct error *err);
int bus_produce(struct bus *bus, const struct bus_record *record, bus_delivered_fn delivered,
                void *ctx, struct error *err);
/* Produces and waits for durability. */
int bus_produce_sync(struct bus *bus, const struct bus_record *record, int64_t timeout_ms,
                     struct error *err);
/* Waits until everything queued was delivered or failed. */
int bus_flush(struct bus *bus, int64_t timeout_ms, struct error *err);

/* Consume.
 * Group mode: partitions are shared among the live members of `group`; `assigned` is called (from
 * bus_consumer_poll) for each partition gained and returns the offset to start from, `revoked` for
 * each lost. Manual mode (group NULL): exactly `partition`, from `start_offset`. */
enum { BUS_OFFSET_BEGINNING = -2, BUS_OFFSET_END = -1 };
enum { BUS_OFFSET_FAILED = -3 }; /* from assigned(): not known now, ask again in a second */

struct bus_consumer_options {
	enum bus_topic topic;
	const char *group; /* NULL: manual mode */
	int32_t partition;
	int64_t start_offset;
	int64_t (*assigned)(void *ctx, int32_t partition);
	void (*revoked)(void *ctx, int32_t partition);
	void *ctx;
};

struct bus_consumer *bus_consumer_open(struct bus *bus, const struct bus_consumer_options *options,
                                       struct error *err);
void bus_consumer_close(struct bus_consumer *consumer);

/* Up to `max` messages, in order per partition, waiting up to timeout_ms for the first. Returns
 * their number (0 on timeout) or a negative errno (RETRY while the servers are away). Each message
 * is released by bus_message_release(). An offset below the log's beginning resumes at the
 * beginning. */
int bus_consumer_poll(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
                      int64_t timeout_ms, struct error *err);
void bus_message_release(struct bus_message *message);

/* A paused partition delivers nothing and stays assigned. Seek sets the next offset;
 * BUS_OFFSET_FAILED has assigned() asked for it anew. */
int bus_consumer_pause(struct bus_consumer *consumer, int32_t partition, struct error *err);
int bus_consumer_resume(struct bus_consumer *consumer, int32_t partition, struct error *err);
int bus_consumer_seek(struct bus_consumer *consumer, int32_t partition, int64_t offset,
                      struct error *err);

/* Tells the bus how far a group came; for lag tools (kafka: offset commit; postgres: a row). The
 * truth is the offset store. */
int bus_consumer_note_offset(struct bus_consumer *consumer, int32_t partition, int64_t next_offset,
                             struct error *err);

/* Next offset to be written in the partition (for lag metrics). */
int64_t bus_end_offset(struct bus *bus, enum bus_topic topic, int32_t partition, struct error *err);

#endif
