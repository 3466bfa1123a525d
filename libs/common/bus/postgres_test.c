// SPDX-License-Identifier: Apache-2.0
/* The postgres driver. Needs PostgreSQL: FANGS_TEST_DB_URL. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "bus/bus_fixture.h"
#include "bus/offsets.h"
#include "bus/outbox.h"
#include "bus/postgres.h"
#include "db/db_fixture.h"

static struct db_fixture *fixture;

static int setup(void **state)
{
	(void)state;
	fixture = db_fixture_create(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_fixture_destroy(fixture);
	return 0;
}

/* Each test has topics of its own. */
static struct bus *open_bus(const char *prefix)
{
	struct error err = {0};
	struct bus *bus = bus_fixture_open(NULL, prefix, fixture->db);
	assert_int_equal(bus_create_topics(bus, &err), 0);
	assert_int_equal(bus_create_topics(bus, &err), 0);
	return bus;
}

static void produced_is_consumed_by_key(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("plain.");
	struct bus_reader reader;
	bus_reader_open(&reader, bus, BUS_EVENTS, "group", 0, 0);
	bus_fixture_produce(bus, BUS_EVENTS, "v", 600);
	assert_int_equal(bus_partition_count(bus, BUS_EVENTS, &err), FIXTURE_PARTITIONS);
	bus_reader_expect(&reader, 600);
	for (int32_t partition = 0; partition < FIXTURE_PARTITIONS; partition++)
		assert_int_equal(bus_end_offset(bus, BUS_EVENTS, partition, &err),
		                 reader.next[partition]);
	assert_int_equal(reader.assigned, FIXTURE_PARTITIONS);
	bus_reader_close(&reader);
	assert_int_equal(reader.revoked, FIXTURE_PARTITIONS);
	bus_close(bus);
}

static void produce_to(struct bus *bus, int32_t partition, int count)
{
	struct error err = {0};
	for (int i = 0; i < count; i++) {
		const struct bus_record record = {
		        .topic = BUS_JOBS, .partition = partition, .value = VIEW_LITERAL("job")};
		assert_int_equal(bus_produce_sync(bus, &record, FIXTURE_TIMEOUT_MS, &err), 0);
	}
}

static void manual_mode_reads_one_partition(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("manual.");
	struct bus_reader reader;
	struct bus_reader end;
	produce_to(bus, 2, 10);
	produce_to(bus, 3, 1);
	bus_reader_open(&end, bus, BUS_JOBS, NULL, 2, BUS_OFFSET_END);
	bus_reader_expect_silence(&end, 100);
	bus_reader_open(&reader, bus, BUS_JOBS, NULL, 2, 7);
	bus_reader_expect(&reader, 3);
	assert_int_equal(bus_consumer_seek(reader.consumer, 2, 4, &err), 0);
	reader.next[2] = 4;
	bus_reader_expect(&reader, 9);
	assert_int_equal(bus_consumer_pause(reader.consumer, 2, &err), 0);
	produce_to(bus, 2, 1);
	bus_reader_expect_silence(&reader, 200);
	assert_int_equal(bus_consumer_resume(reader.consumer, 2, &err), 0);
	bus_reader_expect(&reader, 10);
	bus_reader_expect(&end, 1);
	bus_reader_close(&reader);
	bus_reader_close(&end);
	bus_close(bus);
}

static void offsets_outside_of_the_log_resume_at_its_beginning(void **state)
{
	(void)state;
	struct bus *bus = open_bus("outside.");
	struct bus_reader reader;
	produce_to(bus, 1, 5);
	bus_reader_open(&reader, bus, BUS_JOBS, NULL, 1, 1000);
	reader.next[1] = 0;
	bus_reader_expect(&reader, 5);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void refused_records_fail_alone(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("refused.");
	const struct bus_record wrong = {.topic = BUS_JOBS, .partition = FIXTURE_PARTITIONS};
	assert_int_equal(bus_produce_sync(bus, &wrong, FIXTURE_TIMEOUT_MS, &err), -EINVAL);
	assert_int_equal(err.class, ERROR_DROP);
	assert_string_equal(err.text, "partition 6 of jobs does not exist");
	assert_int_equal(bus_produce(bus, &wrong, NULL, NULL, &err), 0);
	produce_to(bus, 0, 3);
	assert_int_equal(bus_end_offset(bus, BUS_JOBS, 0, &err), 3);
	bus_close(bus);
}

static void jobs_may_grow_and_the_others_not(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("grow.");
	struct bus_config config = {.driver = (char[]){"postgres"},
	                            .topic_prefix = (char[]){"grow."},
	                            .partitions = 20,
	                            .jobs_partitions = 20};
	struct bus *larger = bus_open(&config, fixture->db, "test", &err);
	assert_int_equal(bus_create_topics(larger, &err), 0);
	assert_int_equal(bus_partition_count(bus, BUS_JOBS, &err), 20);
	assert_int_equal(bus_partition_count(bus, BUS_EVENTS, &err), FIXTURE_PARTITIONS);
	bus_close(larger);
	bus_close(bus);
}

static void topics_may_come_later(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = bus_fixture_open(NULL, "late.", fixture->db);
	const struct bus_record record = {.topic = BUS_EVENTS, .partition = BUS_PARTITION_BY_KEY};
	assert_int_equal(bus_partition_count(bus, BUS_EVENTS, &err), -ENXIO);
	assert_int_equal(bus_produce(bus, &record, NULL, NULL, &err), 0);
	assert_int_equal(bus_flush(bus, 50, &err), -ETIMEDOUT);
	assert_int_equal(bus_create_topics(bus, &err), 0);
	assert_int_equal(bus_flush(bus, FIXTURE_TIMEOUT_MS, &err), 0);
	bus_close(bus);
}

enum { PRODUCERS = 8, RECORDS_EACH = 400 };

static void *produce_many(void *arg)
{
	AUTO(free) char *name = xasprintf("%p", (void *)pthread_self());
	bus_fixture_produce(arg, BUS_EVENTS, name, RECORDS_EACH);
	return NULL;
}

/* The reader aborts at a gap or a step back. */
static void concurrent_producers_leave_no_gaps(void **state)
{
	(void)state;
	struct bus *buses[PRODUCERS];
	pthread_t threads[PRODUCERS];
	struct bus_reader reader;
	for (int i = 0; i < PRODUCERS; i++)
		buses[i] = open_bus("concurrent.");
	bus_reader_open(&reader, buses[0], BUS_EVENTS, "group", 0, 0);
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce_many, buses[i]), 0);
	bus_reader_expect(&reader, PRODUCERS * RECORDS_EACH);
	for (int i = 0; i < PRODUCERS; i++)
		(void)pthread_join(threads[i], NULL);
	bus_reader_close(&reader);
	for (int i = 0; i < PRODUCERS; i++)
		bus_close(buses[i]);
}

static size_t owned_by(struct bus_reader *reader)
{
	return (size_t)(reader->assigned - reader->revoked);
}

static void poll_until_shared(struct bus_reader *readers, size_t count)
{
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	bool fair = false;
	while (!fair && cond_now_ms() < deadline) {
		fair = true;
		for (size_t i = 0; i < count; i++) {
			(void)bus_reader_poll(&readers[i], 50);
			fair &= owned_by(&readers[i]) == FIXTURE_PARTITIONS / count;
		}
	}
	assert_true(fair);
}

static void members_share_and_take_over(void **state)
{
	(void)state;
	struct bus *bus = open_bus("share.");
	struct bus_reader readers[3];
	bus_reader_open(&readers[0], bus, BUS_EVENTS, "group", 0, 0);
	poll_until_shared(readers, 1);
	bus_reader_open(&readers[1], bus, BUS_EVENTS, "group", 0, 0);
	poll_until_shared(readers, 2);
	bus_reader_open(&readers[2], bus, BUS_EVENTS, "group", 0, 0);
	int64_t begin = cond_now_ms();
	poll_until_shared(readers, 3);
	assert_in_range(cond_now_ms() - begin, 0, 3000);
	bus_reader_close(&readers[2]);
	bus_reader_close(&readers[1]);
	begin = cond_now_ms();
	poll_until_shared(readers, 1);
	assert_in_range(cond_now_ms() - begin, 0, 2500);
	bus_reader_close(&readers[0]);
	bus_close(bus);
}

/* The sessions of consumers are those that listen. */
static const char kill_sessions[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                    "WHERE datname = current_database() AND pid <> "
                                    "pg_backend_pid()";

static void lost_connections_are_survived(void **state)
{
	(void)state;
	struct bus *bus = open_bus("lost.");
	struct bus_reader reader;
	bus_reader_open(&reader, bus, BUS_EVENTS, "group", 0, 0);
	bus_fixture_produce(bus, BUS_EVENTS, "before", 30);
	bus_reader_expect(&reader, 30);
	reader.start_offset = BUS_OFFSET_END; /* do not check: it begins again */
	assert_true(db_fixture_number(fixture, kill_sessions) > 0);
	while (reader.revoked < FIXTURE_PARTITIONS)
		(void)bus_reader_poll(&reader, 50);
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while (reader.assigned < 2 * FIXTURE_PARTITIONS && cond_now_ms() < deadline)
		(void)bus_reader_poll(&reader, 50);
	bus_fixture_produce(bus, BUS_EVENTS, "after", 30);
	bus_reader_expect(&reader, 60);
	bus_reader_close(&reader);
	bus_close(bus);
}

static void old_messages_expire_unless_they_are_needed(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("old.");
	struct postgres_bus *postgres = (struct postgres_bus *)bus;
	produce_to(bus, 0, 10);
	produce_to(bus, 1, 10);
	assert_int_equal(postgres_expire(postgres, &err), 0);
	(void)db_fixture_number(fixture,
	                        "UPDATE bus_messages SET created_at = now() - interval '2 hours' "
	                        "WHERE topic = 'old.jobs' AND log_offset < 8");
	(void)db_fixture_number(fixture, "INSERT INTO consumer_offsets VALUES"
	                                 " ('a', 'jobs', 0, 9), ('a', 'jobs', 1, 9),"
	                                 " ('b', 'jobs', 0, 3)");
	assert_int_equal(postgres_expire(postgres, &err), 3);
	assert_int_equal(db_fixture_number(fixture, "SELECT first_offset FROM bus_partitions WHERE "
	                                            "topic = 'old.jobs' AND partition = 0"),
	                 3);
	(void)db_fixture_number(fixture, "UPDATE consumer_offsets SET next_offset = 10");
	(void)db_fixture_number(fixture,
	                        "INSERT INTO consumer_offsets VALUES ('b', 'jobs', 1, 10)");
	assert_int_equal(postgres_expire(postgres, &err), 5 + 8);
	struct bus_reader reader;
	bus_reader_open(&reader, bus, BUS_JOBS, NULL, 0, 0);
	reader.next[0] = 8;
	bus_reader_expect(&reader, 2);
	bus_reader_close(&reader);
	(void)db_fixture_number(fixture, "DELETE FROM consumer_offsets");
	bus_close(bus);
}

static int advance(struct db_conn *conn, int64_t expected, int64_t next, struct error *err)
{
	return offsets_advance(conn, "group", BUS_EVENTS, 4, expected, next, err);
}

static void offsets_advance_by_compare_and_set(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_int_equal(offsets_load(fixture->db, "group", BUS_EVENTS, 4, &err), 0);
	assert_int_equal(advance(conn, 5, 6, &err), -ESTALE);
	assert_int_equal(advance(conn, 0, 10, &err), 0);
	assert_int_equal(advance(conn, 0, 11, &err), -ESTALE);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_int_equal(advance(conn, 10, 3, &err), 0);
	assert_int_equal(offsets_load(fixture->db, "group", BUS_EVENTS, 4, &err), 3);
	assert_int_equal(offsets_load(fixture->db, "other", BUS_EVENTS, 4, &err), 0);
}

static void outbox_goes_out_in_order(void **state)
{
	(void)state;
	struct error err = {0};
	struct bus *bus = open_bus("outbox.");
	struct bus_reader reader;
	bus_reader_open(&reader, bus, BUS_DEVIATIONS, "group", 0, 0);
	struct outbox_relay *relay = outbox_relay_start(fixture->db, bus, "test", &err);
	struct outbox_relay *second = outbox_relay_start(fixture->db, bus, "test", &err);
	struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_int_equal(db_begin(conn, &err), 0);
	for (int i = 0; i < 700; i++) {
		AUTO(free) char *value = xasprintf("%d", i);
		const struct bus_record record = {.topic = BUS_DEVIATIONS,
		                                  .partition = BUS_PARTITION_BY_KEY,
		                                  .key = VIEW_LITERAL("one package"),
		                                  .value = view_of_string(value)};
		assert_int_equal(outbox_add(conn, &record, &err), 0);
	}
	const struct bus_record poison = {.topic = BUS_JOBS, .partition = 77};
	assert_int_equal(outbox_add(conn, &poison, &err), 0);
	bus_reader_expect_silence(&reader, 300);
	assert_int_equal(db_commit(conn, &err), 0);
	db_release(conn);
	bus_reader_expect(&reader, 700);
	assert_string_equal(reader.last_value, "699");
	int64_t deadline = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	while (db_fixture_number(fixture, "SELECT count(*) FROM outbox") &&
	       cond_now_ms() < deadline)
		(void)bus_reader_poll(&reader, 50);
	assert_int_equal(db_fixture_number(fixture, "SELECT count(*) FROM outbox"), 0);
	assert_int_equal(db_fixture_number(fixture, "SELECT count(*) FROM dead_letters WHERE topic "
	                                            "= 'jobs' AND partition = -1"),
	                 1);
	outbox_relay_stop(relay);
	outbox_relay_stop(second);
	bus_reader_close(&reader);
	bus_close(bus);
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(produced_is_consumed_by_key),
	        cmocka_unit_test(manual_mode_reads_one_partition),
	        cmocka_unit_test(offsets_outside_of_the_log_resume_at_its_beginning),
	        cmocka_unit_test(refused_records_fail_alone),
	        cmocka_unit_test(jobs_may_grow_and_the_others_not),
	        cmocka_unit_test(topics_may_come_later),
	        cmocka_unit_test(concurrent_producers_leave_no_gaps),
	        cmocka_unit_test(members_share_and_take_over),
	        cmocka_unit_test(lost_connections_are_survived),
	        cmocka_unit_test(old_messages_expire_unless_they_are_needed),
	        cmocka_unit_test(offsets_advance_by_compare_and_set),
	        cmocka_unit_test(outbox_goes_out_in_order),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
