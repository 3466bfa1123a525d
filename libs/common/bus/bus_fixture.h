// SPDX-License-Identifier: Apache-2.0
/* For tests of the bus: a bus to try things on, messages to produce, and waiting for them. */
#ifndef FANGS_BUS_BUS_FIXTURE_H
#define FANGS_BUS_BUS_FIXTURE_H

#include "bus/bus.h"

enum { FIXTURE_PARTITIONS = 6, FIXTURE_TIMEOUT_MS = 30000 };

/* Opens a bus with few partitions; aborts on failure. `brokers` NULL: the postgres driver. */
struct bus *bus_fixture_open(const char *brokers, const char *prefix, struct db *db);

/* Produces `count` records with the keys "key-0".. and the values "<name>-0".. and waits until all
 * are delivered. */
void bus_fixture_produce(struct bus *bus, enum bus_topic topic, const char *name, int count);

/* A consumer that remembers what happened to it; aborts on failure. */
struct bus_reader {
	struct bus_consumer *consumer;
	int64_t start_offset; /* what assigned() answers */
	int assigned, revoked;
	int messages;
	int64_t next[FIXTURE_PARTITIONS]; /* by partition; checked to rise without gaps */
	char last_value[64];
};
/* `group` NULL: manual mode. */
void bus_reader_open(struct bus_reader *reader, struct bus *bus, enum bus_topic topic,
                     const char *group, int32_t partition, int64_t start_offset);
void bus_reader_close(struct bus_reader *reader);
/* One poll; errors are ignored. Returns how many messages came. */
int bus_reader_poll(struct bus_reader *reader, int64_t timeout_ms);
/* Polls until `messages` in all have come, or aborts after FIXTURE_TIMEOUT_MS. */
void bus_reader_expect(struct bus_reader *reader, int messages);
/* Polls for a while and expects nothing. */
void bus_reader_expect_silence(struct bus_reader *reader, int64_t ms);

#endif
