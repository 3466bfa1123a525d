// SPDX-License-Identifier: Apache-2.0
#include "bus/bus_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"

#define REQUIRE(condition, ...)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, __VA_ARGS__);                                        \
			(void)fputc('\n', stderr);                                                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct bus *bus_fixture_open(const char *brokers, const char *prefix, struct db *db)
{
	struct error err = {0};
	const struct bus_config config = {
	        .driver = brokers ? "kafka" : "postgres",
	        .brokers = (char *)(uintptr_t)brokers,
	        .topic_prefix = (char *)(uintptr_t)prefix,
	        .partitions = FIXTURE_PARTITIONS,
	        .jobs_partitions = FIXTURE_PARTITIONS,
	        .compression = "lz4",
	        .linger_ms = 5,
	        .retention_ms = INT64_C(3600) * MS_PER_S,
	};
	struct bus *bus = bus_open(&config, db, "fangs-test", &err);
	REQUIRE(bus, "open: %s", err.text);
	return bus;
}

static void count_delivered(void *ctx, const struct error *err)
{
	REQUIRE(!err, "delivery: %s", err->text);
	atomic_fetch_add((atomic_int *)ctx, 1);
}

void bus_fixture_produce(struct bus *bus, enum bus_topic topic, const char *name, int count)
{
	atomic_int delivered = 0;
	struct error err = {0};
	for (int i = 0; i < count; i++) {
		AUTO(free) char *key = xasprintf("key-%d", i);
		AUTO(free) char *value = xasprintf("%s-%d", name, i);
		const struct bus_record record = {.topic = topic,
		                                  .partition = BUS_PARTITION_BY_KEY,
		                                  .key = view_of_string(key),
		                                  .value = view_of_string(value)};
		int rc = bus_produce(bus, &record, count_delivered, &delivered, &err);
		REQUIRE(rc == 0, "produce: %s", err.text);
	}
	REQUIRE(bus_flush(bus, FIXTURE_TIMEOUT_MS, &err) == 0, "flush: %s", err.text);
	REQUIRE(atomic_load(&delivered) == count, "%d of %d delivered", atomic_load(&delivered),
	        count);
}

static int64_t on_assigned(void *ctx, int32_t partition)
{
	struct bus_reader *reader = ctx;
	reader->assigned++;
	if (reader->start_offset >= 0)
		reader->next[partition] = reader->start_offset;
	return reader->start_offset;
}

static void on_revoked(void *ctx, int32_t partition)
{
	struct bus_reader *reader = ctx;
	(void)partition;
	reader->revoked++;
}

void bus_reader_open(struct bus_reader *reader, struct bus *bus, enum bus_topic topic,
                     const char *group, int32_t partition, int64_t start_offset)
{
	struct error err = {0};
	*reader = (struct bus_reader){.start_offset = start_offset};
	for (int i = 0; i < FIXTURE_PARTITIONS; i++)
		reader->next[i] = start_offset >= 0 ? start_offset : 0;
	const struct bus_consumer_options options = {.topic = topic,
	                                             .group = group,
	                                             .partition = partition,
	                                             .start_offset = start_offset,
	                                             .assigned = on_assigned,
	                                             .revoked = on_revoked,
	                                             .ctx = reader};
	reader->consumer = bus_consumer_open(bus, &options, &err);
	REQUIRE(reader->consumer, "consumer: %s", err.text);
}

void bus_reader_close(struct bus_reader *reader)
{
	bus_consumer_close(reader->consumer);
	reader->consumer = NULL;
}

static void note(struct bus_reader *reader, const struct bus_message *message)
{
	int64_t *next = &reader->next[message->partition];
	REQUIRE(reader->start_offset == BUS_OFFSET_END || message->offset == *next,
	        "partition %d: offset %lld, expected %lld", message->partition,
	        (long long)message->offset, (long long)*next);
	*next = message->offset + 1;
	reader->messages++;
	(void)snprintf(reader->last_value, sizeof(reader->last_value), "%.*s",
	               VIEW_ARG(message->value));
}

int bus_reader_poll(struct bus_reader *reader, int64_t timeout_ms)
{
	struct bus_message messages[16];
	struct error err = {0};
	int count = bus_consumer_poll(reader->consumer, messages, 16, timeout_ms, &err);
	for (int i = 0; i < count; i++) {
		note(reader, &messages[i]);
		bus_message_release(&messages[i]);
	}
	return count > 0 ? count : 0;
}

void bus_reader_expect(struct bus_reader *reader, int messages)
{
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while (reader->messages < messages && cond_now_ms() < deadline)
		(void)bus_reader_poll(reader, 100);
	REQUIRE(reader->messages == messages, "%d messages came, expected %d", reader->messages,
	        messages);
}

void bus_reader_expect_silence(struct bus_reader *reader, int64_t ms)
{
	int before = reader->messages;
	int64_t deadline = cond_now_ms() + ms;
	while (cond_now_ms() < deadline)
		(void)bus_reader_poll(reader, 50);
	REQUIRE(reader->messages == before, "unexpected message '%s'", reader->last_value);
}
