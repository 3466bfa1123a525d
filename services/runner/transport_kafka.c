// SPDX-License-Identifier: Apache-2.0
#include "transport_kafka.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "job_intake.h"
#include "log/log.h"
#include "model/event_codec.h"

enum {
	POLL_MS = 1000,
	PRODUCE_TIMEOUT_MS = 30000,
	RESULT_MAX_BYTES = 64 * 1024,
	NO_PARTITION = -1,
	PARTITIONS_MAX = 1 << 16,
};

struct transport_kafka {
	struct transport base;
	struct transport_kafka_options options;
	/* The intake thread's. */
	struct bus_consumer *consumer;
	int32_t partition;     /* that the consumer reads */
	int64_t *next_offsets; /* by partition of the jobs topic */
	int32_t partition_count;
};

struct transport_channel {
	struct bus *bus;
	const struct attempt *attempt;
	const char *runner_id;
	char key[RUN_ID_TEXT_SIZE];
};

static struct transport_kafka *of(struct transport *transport)
{
	return (struct transport_kafka *)transport;
}

/* Jobs. -------------------------------------------------------------------------------------- */

static int kafka_prepare(struct transport *base, struct error *err)
{
	struct transport_kafka *transport = of(base);
	struct bus *bus = transport->options.bus;
	int32_t count = bus_partition_count(bus, BUS_JOBS, err);
	if (count < 0)
		return count;
	free(transport->next_offsets);
	transport->next_offsets = xcalloc((size_t)count, sizeof(*transport->next_offsets));
	transport->partition_count = count;
	for (int32_t i = 0; i < count; i++) {
		int64_t end = bus_end_offset(bus, BUS_JOBS, i, err);
		if (end < 0)
			return (int)end;
		transport->next_offsets[i] = end;
	}
	return 0;
}

/* The topic may have been given more partitions since this process started. */
static int64_t *next_offset(struct transport_kafka *transport, int32_t partition)
{
	if (partition >= transport->partition_count) {
		size_t old_count = (size_t)transport->partition_count;
		size_t count = (size_t)partition + 1;
		transport->next_offsets =
		        xrealloc(transport->next_offsets, count, sizeof(*transport->next_offsets));
		memset(transport->next_offsets + old_count, 0,
		       (count - old_count) * sizeof(*transport->next_offsets));
		transport->partition_count = partition + 1;
	}
	return &transport->next_offsets[partition];
}

/* Reads the partition that the gateway told last. */
static int follow_partition(struct transport_kafka *transport, struct error *err)
{
	int32_t partition = control_jobs_partition(transport->options.control);
	if (transport->consumer && partition == transport->partition)
		return 0;
	bus_consumer_close(transport->consumer);
	transport->consumer = NULL;
	if (partition < 0 || partition >= PARTITIONS_MAX)
		return error_set_class(err, ERROR_RETRY, EPROTO,
		                       "the gateway gave no jobs partition; does it use the Kafka "
		                       "bus (bus.driver: kafka)?");
	const struct bus_consumer_options options = {
	        .topic = BUS_JOBS,
	        .partition = partition,
	        .start_offset = *next_offset(transport, partition),
	};
	transport->consumer = bus_consumer_open(transport->options.bus, &options, err);
	if (!transport->consumer)
		return -EAGAIN;
	transport->partition = partition;
	return 0;
}

static void log_skipped(const struct job *job, const char *why)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&job->canonical_run_id, id);
	LOG_INFO("job skipped", LOG_STR("run_id", id), LOG_INT("attempt", job->attempt),
	         LOG_STR("reason", why));
}

/* 1: a job for this runner, now. */
static int take_job(struct transport_kafka *transport, const struct bus_message *message,
                    struct arena *arena, struct job *ret, struct error *err)
{
	int r = job_intake_read(message->value, arena, ret, err);
	if (r < 0)
		return r;
	if (ret->runner_id && ret->runner_id[0] != '\0' &&
	    strcmp(ret->runner_id, transport->options.config->runner_id) != 0) {
		log_skipped(ret, "it is for another runner");
		return 0;
	}
	if (ret->lease_expires_at_ns > 0 && ret->lease_expires_at_ns <= clock_wall_ns()) {
		log_skipped(ret, "its lease has expired");
		return 0;
	}
	return 1;
}

static int kafka_next_job(struct transport *base, struct arena *arena, struct job *ret,
                          struct error *err)
{
	struct transport_kafka *transport = of(base);
	int r = follow_partition(transport, err);
	if (r < 0)
		return r;
	struct bus_message message;
	r = bus_consumer_poll(transport->consumer, &message, 1, POLL_MS, err);
	if (r <= 0)
		return r;
	*next_offset(transport, message.partition) = message.offset + 1;
	r = take_job(transport, &message, arena, ret, err);
	bus_message_release(&message);
	return r;
}

/* Events and result. ------------------------------------------------------------------------- */

static struct transport_channel *kafka_open(struct transport *base, struct attempt *attempt,
                                            struct error *err)
{
	(void)err;
	struct transport_channel *channel = xcalloc(1, sizeof(*channel));
	channel->bus = of(base)->options.bus;
	channel->runner_id = of(base)->options.config->runner_id;
	channel->attempt = attempt;
	run_id_format(&attempt->job.canonical_run_id, channel->key);
	return channel;
}

static int produce(struct transport_channel *channel, struct view message, struct error *err)
{
	const struct bus_record record = {
	        .topic = BUS_EVENTS,
	        .partition = BUS_PARTITION_BY_KEY,
	        .key = view_of_string(channel->key),
	        .value = message,
	};
	return bus_produce_sync(channel->bus, &record, PRODUCE_TIMEOUT_MS, err);
}

static int kafka_send_batch(struct transport_channel *channel, const struct spool_batch *batch,
                            struct error *err)
{
	return produce(channel, buf_view(&batch->message), err);
}

static int kafka_send_result(struct transport_channel *channel, const struct run_result *result,
                             struct error *err)
{
	const struct events_header header = {
	        .kind = EVENTS_RESULT,
	        .run_id = channel->attempt->job.canonical_run_id,
	        .attempt = channel->attempt->job.attempt,
	        .runner_id = view_of_string(channel->runner_id),
	        .seq = result->last_seq,
	        .sent_at_ns = clock_wall_ns(),
	};
	AUTO(buf) struct buf message;
	buf_init(&message, RESULT_MAX_BYTES);
	events_write_result(&message, &header, result);
	if (message.overflowed)
		return error_set(err, E2BIG, "the result is too large for a message");
	return produce(channel, buf_view(&message), err);
}

static void kafka_close(struct transport_channel *channel)
{
	free(channel);
}

static void kafka_destroy(struct transport *base)
{
	struct transport_kafka *transport = of(base);
	bus_consumer_close(transport->consumer);
	free(transport->next_offsets);
	free(transport);
}

static const struct transport_ops kafka_ops = {
        .name = "kafka",
        .destroy = kafka_destroy,
        .prepare = kafka_prepare,
        .next_job = kafka_next_job,
        .open = kafka_open,
        .send_batch = kafka_send_batch,
        .send_result = kafka_send_result,
        .close = kafka_close,
};

struct transport *transport_kafka_create(const struct transport_kafka_options *options)
{
	struct transport_kafka *transport = xcalloc(1, sizeof(*transport));
	transport->base.ops = &kafka_ops;
	transport->options = *options;
	transport->partition = NO_PARTITION;
	return &transport->base;
}
