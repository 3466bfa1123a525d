// SPDX-License-Identifier: Apache-2.0
/*
 * The kafka driver's consumer. All positions live in our table: pausing, seeking and late start
 * offsets are one thing, assigning to librdkafka what should be fetched now and from where.
 *
 * Groups use the eager protocol: librdkafka 2.0's cooperative one can crash at close and loop for
 * ever with more members than partitions. To keep what the application holds in memory, a
 * partition that comes back with the next assignment is not revoked in between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/kafka.h"

enum {
	LOCATE_WAIT_MS = 1000,
	BATCH_MAX_BYTES = 8 << 20,
	/* Between two commits of offsets to the broker. It answers a connection's requests one by
	 * one: heartbeats behind a queue of commits would come too late, and the group be lost. */
	COMMIT_INTERVAL_MS = 1000,
};

struct kafka_consumer {
	struct bus_consumer consumer;
	struct kafka_opaque opaque;
	rd_kafka_t *client;
	bool dirty;     /* the table has changes that librdkafka does not know */
	bool suspended; /* revoked, and the next assignment is not there yet */
	bool closing;
	rd_kafka_topic_partition_list_t *noted; /* to be committed */
	int64_t next_commit_ms;
	int failure; /* what the last poll met instead of messages */
	struct error err;
};

static struct kafka_consumer *kafka_of(struct bus_consumer *consumer)
{
	return (struct kafka_consumer *)consumer;
}

static const char *topic_of(const struct kafka_consumer *kafka)
{
	return kafka->consumer.bus->names[kafka->consumer.options.topic];
}

static int fail(struct kafka_consumer *kafka, rd_kafka_resp_err_t code, const char *reason)
{
	kafka->failure = kafka_error_set(&kafka->err, code, reason, topic_of(kafka));
	return kafka->failure;
}

/* Has librdkafka fetch what is known and not paused, from where the table says. */
static void apply_assignment(struct kafka_consumer *kafka)
{
	const struct assignment *assignment = &kafka->consumer.assignment;
	rd_kafka_topic_partition_list_t *list =
	        rd_kafka_topic_partition_list_new((int)assignment->count);
	for (size_t i = 0; i < assignment->count; i++) {
		const struct assigned_partition *item = &assignment->items[i];
		if (item->known && !item->paused)
			rd_kafka_topic_partition_list_add(list, topic_of(kafka), item->partition)
			        ->offset = item->next;
	}
	rd_kafka_resp_err_t code = rd_kafka_assign(kafka->client, list);
	kafka->dirty = code != RD_KAFKA_RESP_ERR_NO_ERROR;
	if (code)
		(void)fail(kafka, code, NULL);
	rd_kafka_topic_partition_list_destroy(list);
}

static void settle(struct kafka_consumer *kafka)
{
	if (kafka->suspended)
		return;
	if (assignment_locate(&kafka->consumer.assignment, &kafka->consumer.options))
		kafka->dirty = true;
	if (kafka->dirty)
		apply_assignment(kafka);
}

static void adopt(struct kafka_consumer *kafka, rd_kafka_topic_partition_list_t *partitions)
{
	struct assignment *assignment = &kafka->consumer.assignment;
	for (size_t i = assignment->count; i > 0; i--) {
		int32_t partition = assignment->items[i - 1].partition;
		if (!rd_kafka_topic_partition_list_find(partitions, topic_of(kafka), partition))
			assignment_revoke(assignment, &kafka->consumer.options, partition);
	}
	for (int i = 0; i < partitions->cnt; i++)
		if (!assignment_find(assignment, partitions->elems[i].partition))
			(void)assignment_add(assignment, partitions->elems[i].partition);
	kafka->suspended = false;
	kafka->dirty = true;
	settle(kafka);
}

/* Called by rd_kafka_consumer_poll() and rd_kafka_consumer_close(), so by the consumer's thread. */
static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
	struct kafka_consumer *kafka = ((struct kafka_opaque *)opaque)->consumer;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		adopt(kafka, partitions);
		return;
	}
	if (kafka->closing || rd_kafka_assignment_lost(client))
		assignment_revoke_all(&kafka->consumer.assignment, &kafka->consumer.options);
	kafka->suspended = true;
	(void)rd_kafka_assign(client, NULL);
}

static void release_message(void *owner)
{
	rd_kafka_message_destroy(owner);
}

/* Events without a message: most need no answer, because librdkafka goes on by itself. */
static void note_event(struct kafka_consumer *kafka, const rd_kafka_message_t *event)
{
	switch (event->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		return;
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		if (!kafka->consumer.options.group)
			return; /* manual mode needs no group */
		break;
	default:
		break;
	}
	(void)fail(kafka, event->err, rd_kafka_message_errstr(event));
}

/* True when the message is one to hand out; the table moves on. */
static bool take(struct kafka_consumer *kafka, const rd_kafka_message_t *message)
{
	struct assigned_partition *item =
	        assignment_find(&kafka->consumer.assignment, message->partition);
	if (!item || !item->known || item->paused ||
	    (item->next >= 0 && message->offset < item->next))
		return false;
	item->next = message->offset + 1;
	return true;
}

static struct bus_message wrap(const struct kafka_consumer *kafka, rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	return (struct bus_message){.topic = kafka->consumer.options.topic,
	                            .partition = message->partition,
	                            .offset = message->offset,
	                            .timestamp_ms = rd_kafka_message_timestamp(message, &type),
	                            .key = view_of(message->key, message->key_len),
	                            .value = view_of(message->payload, message->len),
	                            .owner = message,
	                            .release = release_message};
}

/* A rebalance in the middle of the batch may have taken partitions away. */
static size_t drop_revoked(struct kafka_consumer *kafka, struct bus_message *messages, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (assignment_find(&kafka->consumer.assignment, messages[i].partition))
			messages[kept++] = messages[i];
		else
			bus_message_release(&messages[i]);
	}
	return kept;
}

static size_t collect(struct kafka_consumer *kafka, struct bus_message *messages, size_t max,
                      int64_t timeout_ms)
{
	size_t count = 0;
	size_t bytes = 0;
	while (count < max && bytes < BATCH_MAX_BYTES) {
		rd_kafka_message_t *message =
		        rd_kafka_consumer_poll(kafka->client, count ? 0 : (int)timeout_ms);
		if (!message)
			break;
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && take(kafka, message)) {
			messages[count++] = wrap(kafka, message);
			bytes += message->len;
			continue;
		}
		if (message->err)
			note_event(kafka, message);
		rd_kafka_message_destroy(message);
		timeout_ms = 0;
	}
	return drop_revoked(kafka, messages, count);
}

static bool waits_for_offsets(const struct assignment *assignment)
{
	for (size_t i = 0; i < assignment->count; i++)
		if (!assignment->items[i].known)
			return true;
	return false;
}

/* For tools that show lag, so failing is no harm: the next ones are newer. */
static void commit_noted(struct kafka_consumer *kafka)
{
	if (kafka->noted->cnt == 0)
		return;
	(void)rd_kafka_commit(kafka->client, kafka->noted, 1);
	rd_kafka_topic_partition_list_destroy(kafka->noted);
	kafka->noted = rd_kafka_topic_partition_list_new(1);
	kafka->next_commit_ms = clock_monotonic_ms() + COMMIT_INTERVAL_MS;
}

static int poll_messages(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
                         int64_t timeout_ms, struct error *err)
{
	struct kafka_consumer *kafka = kafka_of(consumer);
	kafka->failure = 0;
	if (clock_monotonic_ms() >= kafka->next_commit_ms)
		commit_noted(kafka);
	settle(kafka);
	if (waits_for_offsets(&consumer->assignment) && timeout_ms > LOCATE_WAIT_MS)
		timeout_ms = LOCATE_WAIT_MS;
	size_t count = collect(kafka, messages, max, timeout_ms);
	if (count) {
		bus_health_ok(&consumer->bus->health);
		return (int)count;
	}
	if (kafka->failure) {
		if (err)
			*err = kafka->err;
		return kafka->failure;
	}
	kafka_probe(consumer->bus, kafka->client);
	return bus_health_check(&consumer->bus->health, err);
}

static void repositioned(struct bus_consumer *consumer)
{
	kafka_of(consumer)->dirty = true;
}

static int note_offset(struct bus_consumer *consumer, int32_t partition, int64_t next_offset,
                       struct error *err)
{
	struct kafka_consumer *kafka = kafka_of(consumer);
	(void)err;
	if (!consumer->options.group)
		return 0;
	rd_kafka_topic_partition_t *noted =
	        rd_kafka_topic_partition_list_find(kafka->noted, topic_of(kafka), partition);
	if (!noted)
		noted = rd_kafka_topic_partition_list_add(kafka->noted, topic_of(kafka), partition);
	noted->offset = next_offset;
	return 0;
}

static void close_consumer(struct bus_consumer *consumer)
{
	struct kafka_consumer *kafka = kafka_of(consumer);
	kafka->closing = true;
	commit_noted(kafka);
	(void)rd_kafka_consumer_close(kafka->client);
	rd_kafka_destroy(kafka->client);
	rd_kafka_topic_partition_list_destroy(kafka->noted);
	bus_consumer_release(consumer);
	free(kafka);
}

static const struct bus_consumer_ops consumer_ops = {
        .close = close_consumer,
        .poll = poll_messages,
        .repositioned = repositioned,
        .note_offset = note_offset,
};

static rd_kafka_conf_t *consumer_conf(struct kafka_consumer *kafka, struct error *err)
{
	const char *group = kafka->consumer.options.group;
	AUTO(free) char *manual_group = xasprintf("%s-manual", kafka->consumer.bus->client_name);
	rd_kafka_conf_t *conf = kafka_conf_create(&kafka->opaque, err);
	int rc = 0;
	if (!conf)
		return NULL;
	/* librdkafka wants a name also where there is no group to join. */
	kafka_conf_set(conf, "group.id", group ? group : manual_group, &rc, err);
	kafka_conf_set(conf, "enable.auto.commit", "false", &rc, err);
	kafka_conf_set(conf, "enable.auto.offset.store", "false", &rc, err);
	kafka_conf_set(conf, "auto.offset.reset", "earliest", &rc, err);
	kafka_conf_set(conf, "partition.assignment.strategy", "range", &rc, err);
	/* A killed member is replaced after this: the least that brokers allow by default. */
	kafka_conf_set(conf, "session.timeout.ms", "6000", &rc, err);
	kafka_conf_set(conf, "heartbeat.interval.ms", "1500", &rc, err);
	const char *instance_id = kafka->consumer.bus->config.instance_id;
	if (group && instance_id && *instance_id)
		kafka_conf_set(conf, "group.instance.id", instance_id, &rc, err);
	kafka_conf_set(conf, "queued.max.messages.kbytes", "16384", &rc, err);
	if (rc) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	return conf;
}

static int subscribe(struct kafka_consumer *kafka, struct error *err)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, topic_of(kafka), RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t code = rd_kafka_subscribe(kafka->client, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	return code ? kafka_error_set(err, code, NULL, topic_of(kafka)) : 0;
}

static int start(struct kafka_consumer *kafka, struct error *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = consumer_conf(kafka, err);
	if (!conf)
		return -EINVAL;
	kafka->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
	if (!kafka->client) {
		rd_kafka_conf_destroy(conf);
		return error_set(err, EINVAL, "kafka: cannot create a consumer: %s", reason);
	}
	(void)rd_kafka_poll_set_consumer(kafka->client);
	kafka->dirty = !kafka->consumer.options.group;
	kafka->suspended = !kafka->dirty;
	int rc = kafka->consumer.options.group ? subscribe(kafka, err) : 0;
	if (rc)
		rd_kafka_destroy(kafka->client);
	return rc;
}

struct bus_consumer *
kafka_consumer_open(struct bus *bus, const struct bus_consumer_options *options, struct error *err)
{
	struct kafka_consumer *kafka = xcalloc(1, sizeof(*kafka));
	bus_consumer_init(&kafka->consumer, &consumer_ops, bus, options);
	kafka->opaque = (struct kafka_opaque){.bus = bus, .consumer = kafka};
	kafka->noted = rd_kafka_topic_partition_list_new(1);
	if (start(kafka, err)) {
		rd_kafka_topic_partition_list_destroy(kafka->noted);
		bus_consumer_release(&kafka->consumer);
		free(kafka);
		return NULL;
	}
	return &kafka->consumer;
}
