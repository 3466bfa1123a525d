// SPDX-License-Identifier: Apache-2.0
/* Topics: creating them, counting their partitions, asking for their ends. */
#include <errno.h>
#include <stdio.h>

#include "bus/kafka.h"

enum { REQUEST_TIMEOUT_MS = 10000, QUERY_TIMEOUT_MS = 3000 };
enum { REPLICAS_WANTED = 3, MIN_IN_SYNC_REPLICAS = 2 };

static void destroy_metadata(const struct rd_kafka_metadata *metadata)
{
	rd_kafka_metadata_destroy(metadata);
}
DEFINE_AUTO(kafka_metadata, const struct rd_kafka_metadata *, destroy_metadata)
DEFINE_AUTO(kafka_queue, rd_kafka_queue_t *, rd_kafka_queue_destroy)
DEFINE_AUTO(kafka_event, rd_kafka_event_t *, rd_kafka_event_destroy)
DEFINE_AUTO(kafka_admin_options, rd_kafka_AdminOptions_t *, rd_kafka_AdminOptions_destroy)
DEFINE_AUTO(kafka_topic, rd_kafka_topic_t *, rd_kafka_topic_destroy)
DEFINE_AUTO(kafka_new_topic, rd_kafka_NewTopic_t *, rd_kafka_NewTopic_destroy)
DEFINE_AUTO(kafka_new_partitions, rd_kafka_NewPartitions_t *, rd_kafka_NewPartitions_destroy)

static rd_kafka_t *client_of(struct bus *bus)
{
	return ((struct kafka_bus *)bus)->producer;
}

static int broker_count(struct bus *bus, struct error *err)
{
	AUTO(kafka_metadata) const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code =
	        rd_kafka_metadata(client_of(bus), 0, NULL, &metadata, QUERY_TIMEOUT_MS);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return metadata->broker_cnt;
	/* What the connections met says more than that nothing came in time. */
	int rc = bus_health_check(&bus->health, err);
	return rc ? rc : kafka_error_set(err, code, NULL, bus->config.brokers);
}

int32_t kafka_partition_count(struct bus *bus, enum bus_topic topic, struct error *err)
{
	AUTO(kafka_metadata) const struct rd_kafka_metadata *metadata = NULL;
	AUTO(kafka_topic)
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client_of(bus), bus->names[topic], NULL);
	if (!handle)
		return kafka_error_set(err, rd_kafka_last_error(), NULL, bus->names[topic]);
	rd_kafka_resp_err_t code =
	        rd_kafka_metadata(client_of(bus), 0, handle, &metadata, QUERY_TIMEOUT_MS);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1)
		code = metadata->topics[0].err;
	if (code)
		return kafka_error_set(err, code, NULL, bus->names[topic]);
	return metadata->topics[0].partition_cnt;
}

int64_t kafka_end_offset(struct bus *bus, enum bus_topic topic, int32_t partition,
                         struct error *err)
{
	int64_t low = 0;
	int64_t high = 0;
	rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
	        client_of(bus), bus->names[topic], partition, &low, &high, QUERY_TIMEOUT_MS);
	return code ? kafka_error_set(err, code, NULL, bus->names[topic]) : high;
}

static rd_kafka_AdminOptions_t *admin_options(struct bus *bus, rd_kafka_admin_op_t operation)
{
	char reason[128];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client_of(bus), operation);
	(void)rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_TIMEOUT_MS, reason,
	                                                sizeof(reason));
	(void)rd_kafka_AdminOptions_set_operation_timeout(options, REQUEST_TIMEOUT_MS, reason,
	                                                  sizeof(reason));
	return options;
}

/* The outcome of a request about one topic; `tolerated` is no failure. */
static int outcome(rd_kafka_event_t *event, const rd_kafka_topic_result_t **results, size_t count,
                   rd_kafka_resp_err_t tolerated, const char *topic, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	if (code)
		return kafka_error_set(err, code, rd_kafka_event_error_string(event), topic);
	for (size_t i = 0; i < count; i++) {
		code = rd_kafka_topic_result_error(results[i]);
		if (code && code != tolerated)
			return kafka_error_set(
			        err, code, rd_kafka_topic_result_error_string(results[i]), topic);
	}
	return 0;
}

static void configure_topic(rd_kafka_NewTopic_t *topic, const struct bus *bus, int replicas)
{
	char number[24];
	(void)snprintf(number, sizeof(number), "%lld", (long long)bus->config.retention_ms);
	(void)rd_kafka_NewTopic_set_config(topic, "retention.ms", number);
	/* Batches hold several records and some overhead. */
	(void)snprintf(number, sizeof(number), "%d", 2 * BUS_RECORD_MAX_BYTES);
	(void)rd_kafka_NewTopic_set_config(topic, "max.message.bytes", number);
	if (replicas < REPLICAS_WANTED)
		return;
	(void)snprintf(number, sizeof(number), "%d", MIN_IN_SYNC_REPLICAS);
	(void)rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", number);
}

static int create_topic(struct bus *bus, enum bus_topic which, int replicas, struct error *err)
{
	char reason[256];
	/* Asked first: who may only use the topics may not even try to create one. */
	if (kafka_partition_count(bus, which, NULL) > 0)
		return 0;
	AUTO(kafka_new_topic)
	rd_kafka_NewTopic_t *topic =
	        rd_kafka_NewTopic_new(bus->names[which], (int)bus_configured_partitions(bus, which),
	                              replicas, reason, sizeof(reason));
	if (!topic)
		return error_set(err, EINVAL, "kafka: %s: %s", bus->names[which], reason);
	configure_topic(topic, bus, replicas);
	AUTO(kafka_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(client_of(bus));
	AUTO(kafka_admin_options)
	rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_CreateTopics(client_of(bus), &topic, 1, options, queue);
	AUTO(kafka_event) rd_kafka_event_t *event = rd_kafka_queue_poll(queue, -1);
	size_t count = 0;
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
	        rd_kafka_event_CreateTopics_result(event), &count);
	return outcome(event, results, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS,
	               bus->names[which], err);
}

/* Each runner owns a partition of jobs, so more of them disturb nobody. The other topics keep
 * theirs: a key would change its partition. */
static int grow_jobs(struct bus *bus, struct error *err)
{
	char reason[256];
	int32_t count = kafka_partition_count(bus, BUS_JOBS, err);
	if (count < 0 || count >= bus->config.jobs_partitions)
		return count < 0 ? count : 0;
	AUTO(kafka_new_partitions)
	rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(
	        bus->names[BUS_JOBS], (size_t)bus->config.jobs_partitions, reason, sizeof(reason));
	if (!more)
		return error_set(err, EINVAL, "kafka: %s: %s", bus->names[BUS_JOBS], reason);
	AUTO(kafka_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(client_of(bus));
	AUTO(kafka_admin_options)
	rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
	rd_kafka_CreatePartitions(client_of(bus), &more, 1, options, queue);
	AUTO(kafka_event) rd_kafka_event_t *event = rd_kafka_queue_poll(queue, -1);
	size_t result_count = 0;
	const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
	        rd_kafka_event_CreatePartitions_result(event), &result_count);
	/* "Invalid partitions": another service was faster. */
	return outcome(event, results, result_count, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS,
	               bus->names[BUS_JOBS], err);
}

static int replicas_for(const struct bus *bus, int brokers)
{
	if (bus->config.replication_factor > 0)
		return (int)bus->config.replication_factor;
	return brokers < REPLICAS_WANTED ? brokers : REPLICAS_WANTED;
}

int kafka_create_topics(struct bus *bus, struct error *err)
{
	int brokers = broker_count(bus, err);
	if (brokers < 0)
		return brokers;
	int rc = 0;
	for (int topic = 0; rc == 0 && topic < BUS_TOPIC_COUNT; topic++)
		rc = create_topic(bus, (enum bus_topic)topic, replicas_for(bus, brokers), err);
	return rc ? rc : grow_jobs(bus, err);
}
