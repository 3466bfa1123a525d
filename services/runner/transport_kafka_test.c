// SPDX-License-Identifier: Apache-2.0
/* The Kafka transport on a bus of a few arrays: the functions of bus.h are this file's own. */
#include "transport_kafka.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/event_codec.h"
#include "slots.h"

enum { PARTITIONS = 3, LOG_MAX = 16, MESSAGE_MAX = 4096 };

/* What the fake bus holds and saw. */
static struct {
	const char *log[PARTITIONS][LOG_MAX];
	int64_t ends[PARTITIONS];
	int32_t partition; /* that the gateway gave */
	int32_t open;      /* partition of the open consumer, -1: none */
	int64_t position;
	bool away;
	char key[64];
	char value[MESSAGE_MAX];
	size_t value_size;
} fake;

int32_t bus_partition_count(struct bus *bus, enum bus_topic topic, struct error *err)
{
	(void)bus;
	assert_int_equal(topic, BUS_JOBS);
	return fake.away ? error_set(err, EAGAIN, "away") : PARTITIONS;
}

int64_t bus_end_offset(struct bus *bus, enum bus_topic topic, int32_t partition, struct error *err)
{
	(void)bus, (void)topic, (void)err;
	return fake.ends[partition];
}

struct bus_consumer *bus_consumer_open(struct bus *bus, const struct bus_consumer_options *options,
                                       struct error *err)
{
	(void)bus, (void)err;
	assert_null(options->group);
	assert_int_equal(fake.open, -1);
	fake.open = options->partition;
	fake.position = options->start_offset;
	return (struct bus_consumer *)&fake;
}

void bus_consumer_close(struct bus_consumer *consumer)
{
	if (consumer)
		fake.open = -1;
}

int bus_consumer_poll(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
                      int64_t timeout_ms, struct error *err)
{
	(void)consumer, (void)max, (void)timeout_ms, (void)err;
	if (fake.position >= fake.ends[fake.open])
		return 0;
	messages[0] = (struct bus_message){
	        .topic = BUS_JOBS,
	        .partition = fake.open,
	        .offset = fake.position,
	        .value = view_of_string(fake.log[fake.open][fake.position]),
	};
	fake.position++;
	return 1;
}

void bus_message_release(struct bus_message *message)
{
	(void)message;
}

int bus_produce_sync(struct bus *bus, const struct bus_record *record, int64_t timeout_ms,
                     struct error *err)
{
	(void)bus, (void)timeout_ms;
	if (fake.away)
		return error_set(err, ETIMEDOUT, "away");
	assert_int_equal(record->topic, BUS_EVENTS);
	assert_int_equal(record->partition, BUS_PARTITION_BY_KEY);
	(void)snprintf(fake.key, sizeof(fake.key), "%.*s", VIEW_ARG(record->key));
	assert_in_range(record->value.size, 1, MESSAGE_MAX);
	memcpy(fake.value, record->value.data, record->value.size);
	fake.value_size = record->value.size;
	return 0;
}

int32_t control_jobs_partition(struct control *control)
{
	(void)control;
	return fake.partition;
}

struct fixture {
	struct runner_config config;
	struct transport *transport;
	struct arena arena;
	struct job job;
	struct error err;
};

static int setup(void **state)
{
	static struct fixture f;
	static char runner_id[] = "r1";
	f = (struct fixture){.config = {.runner_id = runner_id}};
	memset(&fake, 0, sizeof(fake));
	fake.open = -1;
	fake.partition = 1;
	arena_init(&f.arena);
	const struct transport_kafka_options options = {.config = &f.config};
	f.transport = transport_kafka_create(&options);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->transport->ops->destroy(f->transport);
	arena_release(&f->arena);
	assert_int_equal(fake.open, -1);
	return 0;
}

static void append(int32_t partition, const char *text)
{
	fake.log[partition][fake.ends[partition]++] = text;
}

static int prepare(struct fixture *f)
{
	return f->transport->ops->prepare(f->transport, &f->err);
}

static int next_job(struct fixture *f)
{
	f->err = (struct error){0};
	return f->transport->ops->next_job(f->transport, &f->arena, &f->job, &f->err);
}

#define JOB(last, fangs)                                                                           \
	"{\"run_id\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0," last "],\"kind\":\"sandbox_scan\","          \
	"\"watched_paths\":[{\"prefix\":\"/etc/\"}],\"duration\":1,\"sandbox\":{\"image\":"        \
	"\"x\"},\"fangs\":{\"run_id\":\"ab000000000000000000000000000000\",\"attempt\":2" fangs    \
	"}}"

static void jobs_placed_before_the_registration_are_not_read(void **state)
{
	struct fixture *f = *state;
	append(1, JOB("1", ""));
	assert_int_equal(prepare(f), 0);
	assert_int_equal(next_job(f), 0);
	append(1, JOB("2", ""));
	assert_int_equal(next_job(f), 1);
	assert_int_equal(f->job.run_id.bytes[15], 2);
	assert_int_equal(f->job.attempt, 2);
	assert_int_equal(f->job.canonical_run_id.bytes[0], 0xab);
	assert_int_equal(next_job(f), 0);
}

static void what_is_not_for_now_or_for_others_is_skipped(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(prepare(f), 0);
	append(1, JOB("1", ",\"lease_expires_at\":\"2001-01-01T00:00:00Z\""));
	append(1, JOB("2", ",\"runner_id\":\"other\""));
	append(1, JOB("3", ",\"runner_id\":\"r1\",\"lease_expires_at\":\"2200-01-01T00:00:00Z\""));
	assert_int_equal(next_job(f), 0);
	assert_int_equal(next_job(f), 0);
	assert_int_equal(next_job(f), 1);
	assert_int_equal(f->job.run_id.bytes[15], 3);
}

static void a_malformed_job_does_not_stop_the_log(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(prepare(f), 0);
	append(1, "nonsense");
	append(1, JOB("2", ""));
	assert_true(next_job(f) < 0);
	assert_int_equal(f->err.class, ERROR_DROP);
	assert_int_equal(next_job(f), 1);
}

static void a_new_partition_is_followed_and_the_old_one_resumed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(prepare(f), 0);
	append(1, JOB("1", ""));
	append(2, JOB("2", ""));
	assert_int_equal(next_job(f), 1);
	fake.partition = 2;
	assert_int_equal(next_job(f), 1);
	assert_int_equal(f->job.run_id.bytes[15], 2);
	fake.partition = 1;
	assert_int_equal(next_job(f), 0); /* its one job was read before */
	append(1, JOB("3", ""));
	assert_int_equal(next_job(f), 1);
	assert_int_equal(f->job.run_id.bytes[15], 3);
}

static void without_a_partition_or_a_broker_it_waits(void **state)
{
	struct fixture *f = *state;
	fake.away = true;
	assert_true(prepare(f) < 0);
	assert_int_equal(f->err.class, ERROR_RETRY);
	fake.away = false;
	assert_int_equal(prepare(f), 0);
	fake.partition = -1;
	assert_true(next_job(f) < 0);
	assert_int_equal(f->err.class, ERROR_RETRY);
}

static void results_carry_the_runs_own_id_and_the_attempt(void **state)
{
	struct fixture *f = *state;
	const struct transport_ops *ops = f->transport->ops;
	struct attempt *attempt = slots_new_attempt();
	attempt->job.run_id = (struct run_id){{1}};
	attempt->job.canonical_run_id = (struct run_id){{0xab}};
	attempt->job.attempt = 3;
	struct transport_channel *channel = ops->open(f->transport, attempt, &f->err);
	const struct run_result result = {
	        .status = RUN_STATUS_TIMEOUT, .last_seq = 17, .native = true};
	assert_int_equal(ops->send_result(channel, &result, &f->err), 0);
	assert_string_equal(fake.key, "ab000000000000000000000000000000");

	struct events_header header;
	struct events_reader reader;
	struct run_result read;
	assert_int_equal(
	        events_read_header(view_of(fake.value, fake.value_size), &header, &reader, &f->err),
	        0);
	assert_int_equal(header.kind, EVENTS_RESULT);
	assert_int_equal(header.attempt, 3);
	assert_int_equal(header.seq, 17);
	assert_true(run_id_equal(&header.run_id, &attempt->job.canonical_run_id));
	assert_int_equal(events_read_result(&reader, &read, &f->err), 0);
	assert_int_equal(read.status, RUN_STATUS_TIMEOUT);

	fake.away = true;
	assert_true(ops->send_result(channel, &result, &f->err) < 0);
	assert_int_equal(f->err.class, ERROR_RETRY);
	ops->close(channel);
	slots_discard(attempt);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(jobs_placed_before_the_registration_are_not_read),
	        TEST(what_is_not_for_now_or_for_others_is_skipped),
	        TEST(a_malformed_job_does_not_stop_the_log),
	        TEST(a_new_partition_is_followed_and_the_old_one_resumed),
	        TEST(without_a_partition_or_a_broker_it_waits),
	        TEST(results_carry_the_runs_own_id_and_the_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
