// SPDX-License-Identifier: Apache-2.0
/* What needs no server: partitions of keys, the assignment table, shares of a group, refusals. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/random.h"
#include "bus/bus_driver.h"
#include "bus/postgres_group.h"

/* From the tests of Kafka's Java client: the hash as it prints it. */
static void keys_have_the_partitions_of_the_java_client(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		int32_t murmur2;
	} cases[] = {
	        {"21", -973932308},
	        {"foobar", -790332482},
	        {"a-little-bit-long-string", -985981536},
	        {"a-little-bit-longer-string", -1486304829},
	        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
	        {"abc", 479470107},
	};
	static const int32_t partitions[] = {1, 3, 12, 64, INT32_MAX};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < sizeof(partitions) / sizeof(partitions[0]); j++)
			assert_int_equal(
			        bus_partition_of_key(view_of_string(cases[i].key), partitions[j]),
			        (cases[i].murmur2 & INT32_MAX) % partitions[j]);
}

static void keys_have_the_partitions_of_librdkafka(void **state)
{
	(void)state;
	char key[67];
	for (size_t size = 0; size < sizeof(key); size++) {
		random_bytes(key, size);
		for (int32_t partitions = 1; partitions < 20; partitions++)
			assert_int_equal(bus_partition_of_key(view_of(key, size), partitions),
			                 rd_kafka_msg_partitioner_murmur2(NULL, key, size,
			                                                  partitions, NULL, NULL));
	}
	assert_int_equal(bus_partition_of_key(view_of(NULL, 0), 12),
	                 bus_partition_of_key(view_of("", 0), 12));
}

static void shares_are_fair_and_complete(void **state)
{
	(void)state;
	for (size_t partitions = 0; partitions < 70; partitions++) {
		for (size_t members = 1; members < 20; members++) {
			size_t sum = 0;
			for (size_t rank = 0; rank < members; rank++) {
				size_t share = postgres_group_share(partitions, members, rank);
				assert_in_range(share, partitions / members,
				                partitions / members + 1);
				sum += share;
			}
			assert_int_equal(sum, partitions);
		}
	}
}

struct asked {
	int64_t answer;
	int assigned, revoked;
};

static int64_t on_assigned(void *ctx, int32_t partition)
{
	struct asked *asked = ctx;
	(void)partition;
	asked->assigned++;
	return asked->answer;
}

static void on_revoked(void *ctx, int32_t partition)
{
	struct asked *asked = ctx;
	(void)partition;
	asked->revoked++;
}

static int64_t fake_ns;

static int64_t fake_clock(bool wall)
{
	(void)wall;
	return fake_ns;
}

static void unknown_offsets_are_asked_for_once_a_second(void **state)
{
	(void)state;
	struct asked asked = {.answer = BUS_OFFSET_FAILED};
	const struct bus_consumer_options options = {
	        .assigned = on_assigned, .revoked = on_revoked, .ctx = &asked};
	struct assignment assignment = {0};
	fake_ns = NS_PER_S;
	clock_set_source(fake_clock);
	(void)assignment_add(&assignment, 7);
	assert_false(assignment_locate(&assignment, &options));
	assert_false(assignment_locate(&assignment, &options));
	assert_int_equal(asked.assigned, 1);
	fake_ns += NS_PER_S;
	asked.answer = 42;
	assert_true(assignment_locate(&assignment, &options));
	assert_false(assignment_locate(&assignment, &options));
	assert_int_equal(asked.assigned, 2);
	assert_int_equal(assignment_find(&assignment, 7)->next, 42);
	clock_set_source(NULL);
	assignment_release(&assignment);
}

static void partitions_come_and_go(void **state)
{
	(void)state;
	struct asked asked = {0};
	const struct bus_consumer_options options = {
	        .assigned = on_assigned, .revoked = on_revoked, .ctx = &asked};
	struct assignment assignment = {0};
	for (int32_t partition = 0; partition < 40; partition++)
		(void)assignment_add(&assignment, partition);
	assignment_revoke(&assignment, &options, 3);
	assignment_remove(&assignment, 99);
	assert_null(assignment_find(&assignment, 3));
	assert_int_equal(assignment.items[3].partition, 4);
	assert_int_equal(assignment.count, 39);
	assignment_revoke_all(&assignment, &options);
	assert_int_equal(assignment.count, 0);
	assert_int_equal(asked.revoked, 40);
	assignment_release(&assignment);
}

static void bad_configurations_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct bus_config config;
		const char *part;
	} cases[] = {
	        {{.driver = "kafka"}, "kafka.brokers"},
	        {{.driver = "kafka", .brokers = "h:1", .topic_prefix = "a b"}, "'a b'"},
	        {{.driver = "kafka", .brokers = "h:1", .compression = "tar"}, "compression.codec"},
	        {{.driver = "kafka",
	          .brokers = "h:1",
	          .security_protocol = "ssl",
	          .ssl_ca_file = "/does/not/exist"},
	         "/does/not/exist"},
	        {{.driver = "postgres"}, "no database"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_null(bus_open(&cases[i].config, NULL, "test", &err));
		assert_int_equal(err.class, ERROR_DROP);
		if (!strstr(err.text, cases[i].part))
			fail_msg("%s", err.text);
	}
}

static void success_ends_what_was_suspected_before_it(void **state)
{
	struct bus_health health;
	const struct error err = {.code = ETIMEDOUT};
	(void)state;
	bus_health_init(&health);
	bus_health_suspect(&health, &err);
	bus_health_ok(&health);
	bus_health_confirm(&health); /* by another thread, which had asked before */
	assert_int_equal(bus_health_check(&health, NULL), 0);
	bus_health_failed(&health, &err);
	assert_int_equal(bus_health_check(&health, NULL), -ETIMEDOUT);
	bus_health_ok(&health);
	assert_int_equal(bus_health_check(&health, NULL), 0);
	bus_health_release(&health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(keys_have_the_partitions_of_the_java_client),
	        cmocka_unit_test(keys_have_the_partitions_of_librdkafka),
	        cmocka_unit_test(shares_are_fair_and_complete),
	        cmocka_unit_test(unknown_offsets_are_asked_for_once_a_second),
	        cmocka_unit_test(partitions_come_and_go),
	        cmocka_unit_test(bad_configurations_are_refused),
	        cmocka_unit_test(success_ends_what_was_suspected_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
