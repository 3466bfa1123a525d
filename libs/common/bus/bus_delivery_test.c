// SPDX-License-Identifier: Apache-2.0
/*
 * The promise of the bus, kept by processes that are killed: several producers, a group of consumer
 * processes whose rows are written in the transaction of their offsets, kill -9 in between. Every
 * message must have its rows exactly once, each partition in order.
 *
 * Needs PostgreSQL (FANGS_TEST_DB_URL); runs on Kafka too when FANGS_TEST_KAFKA_BROKERS is set.
 * Called with arguments it is one of the consumer processes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "bus/bus_fixture.h"
#include "bus/consume.h"
#include "db/db_fixture.h"

enum { PRODUCERS = 4, RECORDS_EACH = 4000, TOTAL = PRODUCERS * RECORDS_EACH };
enum { DEADLINE_MS = 90 * 1000, POISON_EVERY = 1000, POLL_NS = 50000000 };

static const struct db_statement insert_seen = {
        "test_seen", "INSERT INTO seen (partition, log_offset, key, value)"
                     " VALUES ($1, $2, $3, $4)"};
static const struct db_statement fail_statement = {"test_fail", "SELECT 'x'::text::int"};

/* The consumer process. */

struct consumer_process {
	unsigned handled;
};

/* A row for each message. Poison fails after it, with the transaction in a state of error: the row
 * must leave no trace. Now and then a good one fails for the moment. */
static enum handled handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                           struct error *err)
{
	struct consumer_process *process = ctx;
	AUTO(free) char *key = view_dup(message->key);
	AUTO(free) char *value = view_dup(message->value);
	const struct db_param params[] = {DB_INT(message->partition), DB_INT(message->offset),
	                                  DB_TEXT(key), DB_TEXT(value)};
	if (db_exec(conn, &insert_seen, params, 4, err) < 0)
		return HANDLED_RETRY;
	if (view_starts_with(message->value, VIEW_LITERAL("poison"))) {
		(void)db_exec(conn, &fail_statement, NULL, 0, err);
		return HANDLED_DEAD_LETTER;
	}
	if (++process->handled % (POISON_EVERY - 1) == 0) {
		error_set_class(err, ERROR_RETRY, EBUSY, "not now");
		return HANDLED_RETRY;
	}
	return HANDLED_DONE;
}

static int run_consumer(const char *db_url, const char *brokers, const char *prefix)
{
	struct error err = {0};
	struct consumer_process process = {0};
	const struct service_config service_config = {.metrics_listen = (char[]){""},
	                                              .exit_with_parent = true};
	const struct db_config db_config = {.url = (char *)(uintptr_t)db_url, .pool_size = 4};
	struct service *service = service_start("fangs-test", &service_config, &err);
	struct db *db = db_open(&db_config, "consumer", &err);
	struct bus *bus = bus_fixture_open(*brokers ? brokers : NULL, prefix, db);
	const struct consume_options options = {.service = service,
	                                        .db = db,
	                                        .bus = bus,
	                                        .topic = BUS_EVENTS,
	                                        .group = "test",
	                                        .handle = handle,
	                                        .ctx = &process};
	int rc = consume(&options, &err);
	bus_close(bus);
	db_close(db);
	return service_finish(service, rc ? &err : NULL);
}

/* The test. */

struct scene {
	struct db_fixture *fixture;
	const char *brokers; /* "": the postgres driver */
	char *prefix;        /* of the topics: a Kafka keeps those of earlier runs */
	struct bus *bus;     /* for producing */
	atomic_int producers;
};

static pid_t spawn_consumer(const struct scene *scene)
{
	pid_t pid = 0;
	char *const args[] = {(char[]){"bus_delivery_test"}, scene->fixture->url,
	                      (char *)(uintptr_t)scene->brokers, scene->prefix, NULL};
	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ), 0);
	return pid;
}

static void end_consumer(pid_t pid, int signal)
{
	int status = 0;
	(void)kill(pid, signal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (signal == SIGTERM)
		assert_int_equal(status, 0);
}

static void *produce(void *arg)
{
	struct scene *scene = arg;
	int producer = atomic_fetch_add(&scene->producers, 1);
	for (int i = 0; i < RECORDS_EACH; i++) {
		char key[16];
		char value[40];
		struct error err = {0};
		(void)snprintf(key, sizeof(key), "%d", i % 37);
		(void)snprintf(value, sizeof(value), "%s-%d-%06d",
		               i % POISON_EVERY == 7 ? "poison" : "good", producer, i);
		const struct bus_record record = {.topic = BUS_EVENTS,
		                                  .partition = BUS_PARTITION_BY_KEY,
		                                  .key = view_of_string(key),
		                                  .value = view_of_string(value)};
		assert_int_equal(bus_produce(scene->bus, &record, NULL, NULL, &err), 0);
		if (i % 200 == 0)
			(void)bus_flush(scene->bus, DEADLINE_MS, &err);
	}
	return NULL;
}

static int64_t seen(const struct scene *scene)
{
	return db_fixture_number(scene->fixture,
	                         "SELECT (SELECT count(*) FROM seen) + "
	                         "(SELECT count(*) FROM dead_letters WHERE topic = 'events')");
}

static void wait_for_seen(const struct scene *scene, int64_t count)
{
	int64_t deadline = cond_now_ms() + DEADLINE_MS;
	int64_t now = seen(scene);
	while (now < count && cond_now_ms() < deadline) {
		const struct timespec pause = {.tv_nsec = POLL_NS};
		(void)nanosleep(&pause, NULL);
		now = seen(scene);
	}
	if (now < count)
		fail_msg("%lld of %lld messages were handled", (long long)now, (long long)count);
}

static void check_exactly_once(const struct scene *scene)
{
	static const struct {
		const char *sql;
		int64_t expected;
	} checks[] = {
	        {"SELECT count(*) FROM seen WHERE value LIKE 'good%'",
	         TOTAL - TOTAL / POISON_EVERY},
	        {"SELECT count(*) FROM dead_letters WHERE convert_from(value, 'UTF8') LIKE "
	         "'poison%'",
	         TOTAL / POISON_EVERY},
	        {"SELECT count(DISTINCT value) FROM seen", TOTAL - TOTAL / POISON_EVERY},
	        /* In each partition the rows were written in the order of the log... */
	        {"SELECT count(*) FROM (SELECT log_offset, lag(log_offset) OVER"
	         " (PARTITION BY partition ORDER BY id) AS before FROM seen) x"
	         " WHERE log_offset <= before",
	         0},
	        /* ...which has no gaps... */
	        {"SELECT count(*) FROM (SELECT partition, max(log_offset) + 1 - count(*) AS gaps "
	         "FROM"
	         " (SELECT partition, log_offset FROM seen UNION ALL"
	         "  SELECT partition, log_offset FROM dead_letters) x GROUP BY 1) y WHERE gaps <> "
	         "0",
	         0},
	        /* ...and keeps the order of each producer. */
	        {"SELECT count(*) FROM (SELECT value, lag(value) OVER"
	         " (PARTITION BY key, split_part(value, '-', 2) ORDER BY log_offset) AS before"
	         " FROM seen) x WHERE value <= before",
	         0},
	        {"SELECT sum(next_offset) FROM consumer_offsets WHERE consumer_group = 'test'",
	         TOTAL},
	};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int64_t found = db_fixture_number(scene->fixture, checks[i].sql);
		if (found != checks[i].expected)
			fail_msg("%s: %lld, expected %lld", checks[i].sql, (long long)found,
			         (long long)checks[i].expected);
	}
}

static void prepare(struct scene *scene)
{
	struct error err = {0};
	scene->fixture = db_fixture_create(true);
	scene->prefix = xasprintf("%s.", scene->fixture->name);
	(void)db_fixture_number(scene->fixture,
	                        "CREATE TABLE seen (id bigserial, partition int, log_offset bigint,"
	                        " key text, value text)");
	scene->bus = bus_fixture_open(*scene->brokers ? scene->brokers : NULL, scene->prefix,
	                              scene->fixture->db);
	assert_int_equal(bus_create_topics(scene->bus, &err), 0);
}

static void nothing_is_lost_or_doubled(struct scene *scene)
{
	pthread_t producers[PRODUCERS];
	prepare(scene);
	pid_t first = spawn_consumer(scene);
	pid_t second = spawn_consumer(scene);
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers[i], NULL, produce, scene), 0);
	wait_for_seen(scene, TOTAL / 10);
	end_consumer(first, SIGKILL);
	wait_for_seen(scene, TOTAL / 5);
	first = spawn_consumer(scene);
	wait_for_seen(scene, TOTAL / 2);
	end_consumer(second, SIGKILL);
	second = spawn_consumer(scene);
	for (int i = 0; i < PRODUCERS; i++)
		(void)pthread_join(producers[i], NULL);
	wait_for_seen(scene, TOTAL);
	end_consumer(first, SIGTERM);
	end_consumer(second, SIGTERM);
	check_exactly_once(scene);
	bus_close(scene->bus);
	db_fixture_destroy(scene->fixture);
	free(scene->prefix);
}

static void on_postgres(void **state)
{
	(void)state;
	nothing_is_lost_or_doubled(&(struct scene){.brokers = ""});
}

static void on_kafka(void **state)
{
	(void)state;
	const char *brokers = getenv("FANGS_TEST_KAFKA_BROKERS");
	if (!brokers || !*brokers) {
		skip();
		return;
	}
	nothing_is_lost_or_doubled(&(struct scene){.brokers = brokers});
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return run_consumer(argv[1], argv[2], argv[3]);
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(on_postgres),
	        cmocka_unit_test(on_kafka),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
