// SPDX-License-Identifier: Apache-2.0
/* What is the same for both drivers: names, checks, deliveries, a consumer's positions. */
#include "bus/bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"
#include "bus/bus_driver.h"
#include "metrics/metrics.h"

static const char *const base_names[BUS_TOPIC_COUNT] = {
        [BUS_RELEASES] = "releases",
        [BUS_JOBS] = "jobs",
        [BUS_EVENTS] = "events",
        [BUS_DEVIATIONS] = "deviations",
};

const char *bus_topic_base_name(enum bus_topic topic)
{
	return base_names[topic];
}

int64_t bus_configured_partitions(const struct bus *bus, enum bus_topic topic)
{
	return topic == BUS_JOBS ? bus->config.jobs_partitions : bus->config.partitions;
}

/* What Kafka allows in a topic's name. */
static int check_prefix(const char *prefix, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	enum { PREFIX_MAX = 200 };
	size_t size = strlen(prefix);
	if (strspn(prefix, allowed) == size && size <= PREFIX_MAX)
		return 0;
	return error_set(err, EINVAL,
	                 "bus.topic_prefix '%s' may hold only letters, digits, '.', '_' and '-'",
	                 prefix);
}

static void create_metrics(struct bus_metrics *metrics)
{
	struct metric_family *delivered =
	        metric_family(METRIC_COUNTER, "fangs_bus_delivered_total",
	                      "Records that became durable on the bus.", "topic");
	struct metric_family *failed =
	        metric_family(METRIC_COUNTER, "fangs_bus_delivery_failures_total",
	                      "Records that the bus refused.", "topic");
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++) {
		metrics->delivered[topic] = metric_series(delivered, base_names[topic]);
		metrics->failed[topic] = metric_series(failed, base_names[topic]);
	}
	metrics->seconds = metric_plain(METRIC_HISTOGRAM, "fangs_bus_delivery_seconds",
	                                "Time from producing a record until it is durable.");
}

void bus_init(struct bus *bus, const struct bus_ops *ops, const struct bus_config *config,
              const char *client_name)
{
	bus->ops = ops;
	bus->config = *config;
	bus->client_name = xstrdup(client_name);
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++)
		bus->names[topic] =
		        xasprintf("%s%s", config->topic_prefix ? config->topic_prefix : "",
		                  base_names[topic]);
	bus_health_init(&bus->health);
	create_metrics(&bus->metrics);
}

void bus_release(struct bus *bus)
{
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++)
		free(bus->names[topic]);
	free(bus->client_name);
	bus_health_release(&bus->health);
}

struct bus *bus_open(const struct bus_config *config, struct db *db, const char *client_name,
                     struct error *err)
{
	if (check_prefix(config->topic_prefix ? config->topic_prefix : "", err))
		return NULL;
	if (strcmp(config->driver, "kafka") == 0)
		return bus_kafka_open(config, client_name, err);
	return bus_postgres_open(config, db, client_name, err);
}

void bus_close(struct bus *bus)
{
	if (bus)
		bus->ops->close(bus);
}

bool bus_reachable(struct bus *bus)
{
	return bus_health_check(&bus->health, NULL) == 0;
}

int bus_create_topics(struct bus *bus, struct error *err)
{
	return bus->ops->create_topics(bus, err);
}

int32_t bus_partition_count(struct bus *bus, enum bus_topic topic, struct error *err)
{
	return bus->ops->partition_count(bus, topic, err);
}

int64_t bus_end_offset(struct bus *bus, enum bus_topic topic, int32_t partition, struct error *err)
{
	return bus->ops->end_offset(bus, topic, partition, err);
}

/* Produce. */

struct bus_delivery {
	struct bus *bus;
	bus_delivered_fn delivered;
	void *ctx;
	enum bus_topic topic;
	int64_t since_ns;
};

static void count_delivery(const struct bus_delivery *delivery, const struct error *err)
{
	const struct bus_metrics *metrics = &delivery->bus->metrics;
	if (err) {
		metric_add(metrics->failed[delivery->topic], 1);
		return;
	}
	metric_add(metrics->delivered[delivery->topic], 1);
	metric_observe_seconds(metrics->seconds,
	                       (double)(clock_monotonic_ns() - delivery->since_ns) /
	                               (double)NS_PER_S);
}

void bus_delivery_done(struct bus_delivery *delivery, const struct error *err)
{
	count_delivery(delivery, err);
	if (delivery->delivered)
		delivery->delivered(delivery->ctx, err);
	free(delivery);
}

int bus_produce(struct bus *bus, const struct bus_record *record, bus_delivered_fn delivered,
                void *ctx, struct error *err)
{
	if (record->key.size > BUS_RECORD_MAX_BYTES ||
	    record->value.size > BUS_RECORD_MAX_BYTES - record->key.size)
		return error_set(err, E2BIG, "a record of %zu bytes for %s is over the limit of %d",
		                 record->key.size + record->value.size, base_names[record->topic],
		                 BUS_RECORD_MAX_BYTES);
	struct bus_delivery *delivery = xmalloc(sizeof(*delivery));
	*delivery = (struct bus_delivery){.bus = bus,
	                                  .delivered = delivered,
	                                  .ctx = ctx,
	                                  .topic = record->topic,
	                                  .since_ns = clock_monotonic_ns()};
	int rc = bus->ops->produce(bus, record, delivery, err);
	if (rc)
		free(delivery);
	return rc;
}

/* Shared by the waiting caller and the callback; the last one frees it. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished, abandoned;
	struct error err;
};

static struct waiter *waiter_create(void)
{
	struct waiter *waiter = xcalloc(1, sizeof(*waiter));
	(void)pthread_mutex_init(&waiter->lock, NULL);
	cond_init(&waiter->done);
	return waiter;
}

static void waiter_destroy(struct waiter *waiter)
{
	(void)pthread_cond_destroy(&waiter->done);
	(void)pthread_mutex_destroy(&waiter->lock);
	free(waiter);
}

static void finish_waiter(void *ctx, const struct error *err)
{
	struct waiter *waiter = ctx;
	(void)pthread_mutex_lock(&waiter->lock);
	waiter->finished = true;
	if (err)
		waiter->err = *err;
	bool abandoned = waiter->abandoned;
	(void)pthread_cond_signal(&waiter->done);
	(void)pthread_mutex_unlock(&waiter->lock);
	if (abandoned)
		waiter_destroy(waiter);
}

static int await_waiter(struct waiter *waiter, int64_t timeout_ms, struct error *err)
{
	int64_t deadline = cond_now_ms() + timeout_ms;
	(void)pthread_mutex_lock(&waiter->lock);
	while (!waiter->finished && cond_wait_until(&waiter->done, &waiter->lock, deadline))
		;
	bool finished = waiter->finished;
	waiter->abandoned = !finished;
	struct error failure = waiter->err;
	(void)pthread_mutex_unlock(&waiter->lock);
	if (!finished)
		return error_set_class(err, ERROR_RETRY, ETIMEDOUT,
		                       "the bus did not confirm a record within %lld ms",
		                       (long long)timeout_ms);
	waiter_destroy(waiter);
	if (failure.code && err)
		*err = failure;
	return -failure.code;
}

int bus_produce_sync(struct bus *bus, const struct bus_record *record, int64_t timeout_ms,
                     struct error *err)
{
	struct waiter *waiter = waiter_create();
	int rc = bus_produce(bus, record, finish_waiter, waiter, err);
	if (rc) {
		waiter_destroy(waiter);
		return rc;
	}
	return await_waiter(waiter, timeout_ms, err);
}

int bus_flush(struct bus *bus, int64_t timeout_ms, struct error *err)
{
	return bus->ops->flush(bus, timeout_ms, err);
}

/* Consume. */

void bus_consumer_init(struct bus_consumer *consumer, const struct bus_consumer_ops *ops,
                       struct bus *bus, const struct bus_consumer_options *options)
{
	consumer->ops = ops;
	consumer->bus = bus;
	consumer->options = *options;
	if (options->group) {
		consumer->options.group = xstrdup(options->group);
		return;
	}
	struct assigned_partition *item = assignment_add(&consumer->assignment, options->partition);
	item->next = options->start_offset;
	item->known = true;
}

void bus_consumer_release(struct bus_consumer *consumer)
{
	if (consumer->options.group)
		assignment_revoke_all(&consumer->assignment, &consumer->options);
	assignment_release(&consumer->assignment);
	free((char *)(uintptr_t)consumer->options.group);
}

struct bus_consumer *bus_consumer_open(struct bus *bus, const struct bus_consumer_options *options,
                                       struct error *err)
{
	return bus->ops->consumer_open(bus, options, err);
}

void bus_consumer_close(struct bus_consumer *consumer)
{
	if (consumer)
		consumer->ops->close(consumer);
}

int bus_consumer_poll(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
                      int64_t timeout_ms, struct error *err)
{
	return consumer->ops->poll(consumer, messages, max, timeout_ms, err);
}

void bus_message_release(struct bus_message *message)
{
	if (message->release)
		message->release(message->owner);
	*message = (struct bus_message){0};
}

static struct assigned_partition *find_assigned(struct bus_consumer *consumer, int32_t partition,
                                                struct error *err)
{
	struct assigned_partition *item = assignment_find(&consumer->assignment, partition);
	if (!item)
		error_set_class(err, ERROR_RETRY, ESTALE, "partition %d of %s is not assigned",
		                partition, base_names[consumer->options.topic]);
	return item;
}

static int set_paused(struct bus_consumer *consumer, int32_t partition, bool paused,
                      struct error *err)
{
	struct assigned_partition *item = find_assigned(consumer, partition, err);
	if (!item)
		return -ESTALE;
	if (item->paused != paused) {
		item->paused = paused;
		consumer->ops->repositioned(consumer);
	}
	return 0;
}

int bus_consumer_pause(struct bus_consumer *consumer, int32_t partition, struct error *err)
{
	return set_paused(consumer, partition, true, err);
}

int bus_consumer_resume(struct bus_consumer *consumer, int32_t partition, struct error *err)
{
	return set_paused(consumer, partition, false, err);
}

int bus_consumer_seek(struct bus_consumer *consumer, int32_t partition, int64_t offset,
                      struct error *err)
{
	struct assigned_partition *item = find_assigned(consumer, partition, err);
	if (!item)
		return -ESTALE;
	item->next = offset;
	item->known = offset != BUS_OFFSET_FAILED;
	item->ask_at_ms = 0;
	item->settled = false;
	consumer->ops->repositioned(consumer);
	return 0;
}

int bus_consumer_note_offset(struct bus_consumer *consumer, int32_t partition, int64_t next_offset,
                             struct error *err)
{
	return consumer->ops->note_offset(consumer, partition, next_offset, err);
}
