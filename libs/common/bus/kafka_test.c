// SPDX-License-Identifier: Apache-2.0
/* The kafka driver against librdkafka's mock cluster: no broker is needed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/cond.h"
#include "bus/bus_driver.h"
#include "bus/bus_fixture.h"

static rd_kafka_t *host; /* the client that the mock cluster lives in */
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers;

static int setup(void **state)
{
	char reason[256];
	(void)state;
	host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
	assert_non_null(host);
	cluster = rd_kafka_mock_cluster_new(host, 3);
	brokers = rd_kafka_mock_cluster_bootstraps(cluster);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

/* Each test has topics of its own. */
static struct bus *open_bus(const char *prefix)
{
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "%s%s", prefix,
		               bus_topic_base_name((enum bus_topic)topic));
		assert_int_equal(rd_kafka_mock_topic_create(cluster, name, FIXTURE_PARTITIONS, 3),
		                 0);
	}
	return bus_fixture_open(brokers, prefix, NULL);
}

static void produced_is_consumed_by_key(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("plain.");
	struct bus_reader reader;
	bus_fixture_produce(bus, BUS_EVENTS, "v", 60);
	assert_int_equal(bus_partition_count(bus, BUS_EVENTS, &err), FIXTURE_PARTITIONS);
	int64_t sum = 0;
	for (int32_t partition = 0; partition < FIXTURE_PARTITIONS; partition++)
		sum += bus_end_offset(bus, BUS_EVENTS, partition, &err);
	assert_int_equal(sum, 60);
	bus_reader_open(&reader, bus, BUS_EVENTS, "plain", 0, 0);
	bus_reader_expect(&reader, 60);
	assert_int_equal(reader.assigned, FIXTURE_PARTITIONS);
	bus_reader_close(&reader);
	assert_int_equal(reader.revoked, FIXTURE_PARTITIONS);
	bus_close(bus);
}

static void start_offset_is_the_application_s(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("start.");
	struct bus_reader reader;
	for (int i = 0; i < 10; i++) {
		const struct bus_record record = {
		        .topic = BUS_JOBS, .partition = 2, .value = VIEW_LITERAL("job")};
		assert_int_equal(bus_produce_sync(bus, &record, FIXTURE_TIMEOUT_MS, &err), 0);
	}
	bus_reader_open(&reader, bus, BUS_JOBS, NULL, 2, 7);
	bus_reader_expect(&reader, 3);
	assert_int_equal(bus_consumer_seek(reader.consumer, 2, 4, &err), 0);
	reader.next[2] = 4;
	bus_reader_expect(&reader, 9);
	bus_reader_expect_silence(&reader, 200);
	assert_int_equal(bus_consumer_seek(reader.consumer, 1, 4, &err), -ESTALE);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void paused_partitions_go_on_where_they_stopped(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("pause.");
	struct bus_reader reader;
	bus_fixture_produce(bus, BUS_RELEASES, "first", 30);
	bus_reader_open(&reader, bus, BUS_RELEASES, "pause", 0, 0);
	bus_reader_expect(&reader, 30);
	for (int32_t partition = 0; partition < FIXTURE_PARTITIONS; partition++)
		assert_int_equal(bus_consumer_pause(reader.consumer, partition, &err), 0);
	bus_fixture_produce(bus, BUS_RELEASES, "second", 30);
	bus_reader_expect_silence(&reader, 500);
	for (int32_t partition = 0; partition < FIXTURE_PARTITIONS; partition++)
		assert_int_equal(bus_consumer_resume(reader.consumer, partition, &err), 0);
	bus_reader_expect(&reader, 60);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void unknown_start_offsets_are_asked_for_again(void **state)
{
	(void)state;
	struct bus *bus = open_bus("later.");
	struct bus_reader reader;
	bus_fixture_produce(bus, BUS_EVENTS, "v", 12);
	bus_reader_open(&reader, bus, BUS_EVENTS, "later", 0, BUS_OFFSET_FAILED);
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while (reader.assigned < 2 * FIXTURE_PARTITIONS && cond_now_ms() < deadline)
		(void)bus_reader_poll(&reader, 100);
	assert_int_equal(reader.messages, 0);
	reader.start_offset = 0;
	bus_reader_expect(&reader, 12);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void broker_errors_are_retried(void **state)
{
	(void)state;
	enum { PRODUCE_REQUEST = 0 };
	struct bus *bus = open_bus("retry.");
	struct bus_reader reader;
	rd_kafka_mock_push_request_errors(
	        cluster, PRODUCE_REQUEST, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
	bus_fixture_produce(bus, BUS_EVENTS, "v", 50);
	bus_reader_open(&reader, bus, BUS_EVENTS, "retry", 0, 0);
	bus_reader_expect(&reader, 50);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void set_brokers(rd_kafka_resp_err_t (*set)(rd_kafka_mock_cluster_t *, int32_t))
{
	for (int32_t broker = 1; broker <= 3; broker++)
		assert_int_equal(set(cluster, broker), 0);
}

static void outages_are_reported_and_survived(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("outage.");
	struct bus_reader reader;
	bus_fixture_produce(bus, BUS_EVENTS, "before", 10);
	bus_reader_open(&reader, bus, BUS_EVENTS, "outage", 0, 0);
	bus_reader_expect(&reader, 10);
	set_brokers(rd_kafka_mock_broker_set_down);
	bool reachable = true;
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while ((reachable = bus_reachable(bus)) && cond_now_ms() < deadline)
		(void)bus_reader_poll(&reader, 100);
	assert_false(reachable);
	const struct bus_record record = {
	        .topic = BUS_EVENTS, .partition = BUS_PARTITION_BY_KEY, .key = VIEW_LITERAL("k")};
	assert_int_equal(bus_produce_sync(bus, &record, 100, &err), -ETIMEDOUT);
	assert_int_equal(err.class, ERROR_RETRY);
	set_brokers(rd_kafka_mock_broker_set_up);
	bus_reader_expect(&reader, 11);
	/* A late error of another connection may report the outage once more. */
	deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while (!(reachable = bus_reachable(bus)) && cond_now_ms() < deadline)
		(void)bus_reader_poll(&reader, 100);
	assert_true(reachable);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void refusals_say_why(void **state)
{
	(void)state;
	enum { PRODUCE_REQUEST = 0 };
	struct error err = {0};
	struct bus *bus = open_bus("refused.");
	const struct bus_record record = {
	        .topic = BUS_EVENTS, .partition = 0, .value = VIEW_LITERAL("the value")};
	rd_kafka_mock_push_request_errors(cluster, PRODUCE_REQUEST, 1,
	                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	assert_true(bus_produce_sync(bus, &record, FIXTURE_TIMEOUT_MS, &err) < 0);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_non_null(strstr(err.text, "authorization failed"));
	assert_null(strstr(err.text, "the value"));
	bus_close(bus);
}

static void note_failure(void *ctx, const struct error *err)
{
	*(struct error *)ctx = err ? *err : (struct error){0};
}

static void closing_answers_what_is_queued(void **state)
{
	(void)state;
	struct error err = {0};
	struct error answer = {.code = -1};
	struct bus *bus = bus_fixture_open("127.0.0.1:1", "", NULL);
	const struct bus_record record = {.topic = BUS_EVENTS, .partition = 0};
	assert_int_equal(bus_produce(bus, &record, note_failure, &answer, &err), 0);
	assert_int_equal(bus_flush(bus, 50, &err), -ETIMEDOUT);
	bus_close(bus);
	assert_true(answer.code > 0);
}

enum { BROKERS = 3, OFFSET_COMMIT = 8 /* of Kafka's protocol */, COMMITS_MAX = 10 };

static void count_commits(void)
{
	for (int32_t broker = 1; broker <= BROKERS; broker++)
		for (int i = 0; i < COMMITS_MAX; i++)
			assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
			                         cluster, broker, OFFSET_COMMIT, 1,
			                         RD_KAFKA_RESP_ERR_NO_ERROR, 0),
			                 0);
}

static size_t commits_seen(void)
{
	size_t left = 0;
	for (int32_t broker = 1; broker <= BROKERS; broker++) {
		size_t count = 0;
		assert_int_equal(rd_kafka_mock_broker_error_stack_cnt(cluster, broker,
		                                                      OFFSET_COMMIT, &count),
		                 0);
		left += count;
	}
	return (size_t)BROKERS * COMMITS_MAX - left;
}

/* A broker answers a connection's requests one by one: with a commit for each note, the group's
 * heartbeats would wait behind them all and its member be given up. */
static void notes_of_offsets_do_not_queue_up(void **state)
{
	(void)state;
	enum { NOTES = 1000, QUIET_MS = 300 };
	struct error err = {0};
	struct bus *bus = open_bus("notes.");
	struct bus_reader reader;
	bus_reader_open(&reader, bus, BUS_EVENTS, "notes", 0, 0);
	while (reader.assigned < FIXTURE_PARTITIONS)
		(void)bus_reader_poll(&reader, QUIET_MS);
	count_commits();
	for (int i = 0; i < NOTES; i++)
		assert_int_equal(bus_consumer_note_offset(reader.consumer, i % FIXTURE_PARTITIONS,
		                                          i / FIXTURE_PARTITIONS, &err),
		                 0);
	bus_reader_expect_silence(&reader, QUIET_MS);
	bus_reader_close(&reader);
	assert_in_range(commits_seen(), 1, COMMITS_MAX - 1);
	bus_close(bus);
}

static void large_records_are_refused(void **state)
{
	(void)state;
	static char value[BUS_RECORD_MAX_BYTES + 1];
	struct error err = {0};
	struct bus *bus = open_bus("large.");
	struct bus_record record = {
	        .topic = BUS_EVENTS, .partition = 0, .value = view_of(value, sizeof(value))};
	assert_int_equal(bus_produce(bus, &record, NULL, NULL, &err), -E2BIG);
	assert_int_equal(err.class, ERROR_DROP);
	record.value.size--;
	assert_int_equal(bus_produce_sync(bus, &record, FIXTURE_TIMEOUT_MS, &err), 0);
	bus_close(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(produced_is_consumed_by_key),
	        cmocka_unit_test(start_offset_is_the_application_s),
	        cmocka_unit_test(paused_partitions_go_on_where_they_stopped),
	        cmocka_unit_test(unknown_start_offsets_are_asked_for_again),
	        cmocka_unit_test(broker_errors_are_retried),
	        cmocka_unit_test(outages_are_reported_and_survived),
	        cmocka_unit_test(closing_answers_what_is_queued),
	        cmocka_unit_test(notes_of_offsets_do_not_queue_up),
	        cmocka_unit_test(large_records_are_refused),
	        cmocka_unit_test(refusals_say_why),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
