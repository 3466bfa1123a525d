// SPDX-License-Identifier: Apache-2.0
/*
 * How fast one differ, which is one thread, gets through a full topic of recorded runs (1,742
 * events each, of packages that have a baseline):
 *
 *   FANGS_TEST_DB_URL=... [FANGS_KAFKA_BROKERS=...] differ_speed [RUNS]
 *
 *   bare consumer    the same messages read from the bus, and nothing else
 *   analysis         read, checked, made into rows and fingerprints in memory; nothing is written
 *   committed rows   all of it
 *
 * On the postgres bus, or on Kafka when its brokers are given. Each figure is once of the clock,
 * and once of the differ's own processor time: the database is another process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_fixture.h"

enum { RUNS = 100, RECORDED_EVENTS = 1742, NAME_MAX_BYTES = 48, POLL_MS = 100, SILENT_POLLS = 20 };
enum { POLL_MESSAGES = 256, APPLY_MESSAGES = 64, PARTITIONS = 3, DEADLINE_MS = 600000 };

static int64_t own_cpu_ns(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	int64_t us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S + us * 1000;
}

struct stopwatch {
	int64_t wall_ns, cpu_ns;
};

static struct stopwatch stopwatch_start(void)
{
	return (struct stopwatch){clock_monotonic_ns(), own_cpu_ns()};
}

static void stopwatch_print(const struct stopwatch *begin, const char *what, int64_t events)
{
	double wall = (double)(clock_monotonic_ns() - begin->wall_ns) / (double)NS_PER_S;
	double cpu = (double)(own_cpu_ns() - begin->cpu_ns) / (double)NS_PER_S;
	printf("%-16s %10.0f events/s  %10.0f events per second of processor time\n", what,
	       (double)events / wall, (double)events / cpu);
}

__attribute__((noreturn)) static void give_up(const char *what, const struct error *err)
{
	(void)fprintf(stderr, "differ_speed: %s: %s\n", what, err->text);
	exit(1);
}

static void use_kafka(struct differ_fixture *f, const char *brokers)
{
	char driver[] = "kafka", none[] = "", prefix[NAME_MAX_BYTES];
	struct error err = {0};
	(void)snprintf(prefix, sizeof(prefix), "speed%" PRId64 ".", clock_wall_ns());
	AUTO(free) char *list = xstrdup(brokers);
	const struct bus_config config = {.driver = driver,
	                                  .brokers = list,
	                                  .topic_prefix = prefix,
	                                  .partitions = PARTITIONS,
	                                  .jobs_partitions = 1,
	                                  .security_protocol = none,
	                                  .ssl_ca_file = none,
	                                  .ssl_cert_file = none,
	                                  .ssl_key_file = none,
	                                  .sasl_mechanism = none,
	                                  .sasl_username = none,
	                                  .sasl_password = none,
	                                  .compression = "zstd",
	                                  .linger_ms = 1,
	                                  .retention_ms = INT64_C(3600) * MS_PER_S};
	bus_close(f->bus);
	f->bus = bus_open(&config, NULL, "fangs-differ-speed", &err);
	if (!f->bus)
		give_up("bus", &err);
	while (bus_create_topics(f->bus, &err) < 0)
		if (err.class != ERROR_RETRY)
			give_up("topics", &err);
}

static void fill(struct differ_fixture *f, int64_t runs, const char *version)
{
	for (int64_t i = 0; i < runs; i++) {
		char package[NAME_MAX_BYTES];
		(void)snprintf(package, sizeof(package), "speed%" PRId64, i);
		struct run_id run_id = differ_fixture_run(f, package, version);
		differ_fixture_recorded(f, &run_id, version, 1);
	}
}

/* Turns until every run is judged. */
static void drain(struct differ_fixture *f)
{
	static const char left[] = "SELECT count(*) FROM runs WHERE phase <> 'judged'";
	struct error err = {0};
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
	do {
		int rc;
		do
			rc = differ_turn(f->differ, POLL_MS, &err);
		while (rc > 0);
		if (rc < 0 || clock_monotonic_ms() > deadline_ms)
			give_up("turn", &err);
	} while (db_fixture_number(f->db, left) > 0);
}

static int64_t end_of(struct differ_fixture *f, int32_t partition)
{
	struct error err = {0};
	int64_t end = bus_end_offset(f->bus, BUS_EVENTS, partition, &err);
	if (end < 0)
		give_up("end of the topic", &err);
	return end;
}

/* The messages of one partition from an offset on, up to the end. `take` gets each poll's. */
static void consume(struct differ_fixture *f, int32_t partition, int64_t from,
                    void (*take)(void *ctx, struct bus_message *messages, size_t count), void *ctx)
{
	struct error err = {0};
	struct bus_message messages[POLL_MESSAGES];
	int64_t end = end_of(f, partition);
	if (end <= from)
		return;
	const struct bus_consumer_options options = {
	        .topic = BUS_EVENTS, .partition = partition, .start_offset = from};
	struct bus_consumer *consumer = bus_consumer_open(f->bus, &options, &err);
	if (!consumer)
		give_up("consumer", &err);
	for (int silent = 0; from < end && silent < SILENT_POLLS;) {
		int count = bus_consumer_poll(consumer, messages, POLL_MESSAGES, POLL_MS, &err);
		silent = count > 0 ? 0 : silent + 1;
		if (count <= 0)
			continue;
		from = messages[count - 1].offset + 1;
		take(ctx, messages, (size_t)count);
	}
	if (from < end)
		give_up("the bus gave less than it has", &err);
	bus_consumer_close(consumer);
}

static void let_go(void *ctx, struct bus_message *messages, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		bus_message_release(&messages[i]);
}

struct kept {
	struct bus_message *list;
	size_t count, capacity;
};

static void keep(void *ctx, struct bus_message *messages, size_t count)
{
	struct kept *kept = ctx;
	if (kept->count + count > kept->capacity) {
		kept->capacity = 2 * (kept->count + count);
		kept->list = xrealloc(kept->list, kept->capacity, sizeof(*kept->list));
	}
	memcpy(kept->list + kept->count, messages, count * sizeof(*messages));
	kept->count += count;
}

/* What one transaction does before it writes; a few messages, so that nothing is written early. */
static void apply(struct differ *differ, struct db_conn *conn, const struct bus_message *messages,
                  size_t count)
{
	struct error err = {0};
	struct run_ref refs[APPLY_MESSAGES];
	for (size_t i = 0; i < count; i++) {
		struct events_header header;
		struct events_reader reader;
		if (events_read_header(messages[i].value, &header, &reader, &err) < 0)
			give_up("header", &err);
		refs[i] = (struct run_ref){header.run_id, messages[i].partition};
	}
	if (differ_load_runs(differ, conn, refs, count, &err) < 0)
		give_up("runs", &err);
	for (size_t i = 0; i < count; i++) {
		struct admitted admitted;
		if (differ_admit(differ, &messages[i], &admitted, &err) < 0 ||
		    differ_apply(differ, conn, &messages[i], &admitted, &err) < 0)
			give_up("message", &err);
	}
	batch_reset(&differ->batch);
}

static void analyse(struct differ_fixture *f, const struct kept *kept, int64_t events)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db->db, &err);
	if (!conn || db_begin(conn, &err) < 0)
		give_up("database", &err);
	f->differ->transactions++;
	struct stopwatch begin = stopwatch_start();
	for (size_t i = 0; i < kept->count; i += APPLY_MESSAGES) {
		size_t left = kept->count - i;
		apply(f->differ, conn, kept->list + i,
		      left < APPLY_MESSAGES ? left : APPLY_MESSAGES);
	}
	stopwatch_print(&begin, "analysis", events);
}

static void measure(struct differ_fixture *f, int64_t runs)
{
	int64_t events = runs * RECORDED_EVENTS, from[PARTITIONS];
	struct kept kept = {0};
	for (int32_t i = 0; i < PARTITIONS; i++)
		from[i] = end_of(f, i);
	fill(f, runs, "1.0.1");
	struct stopwatch begin = stopwatch_start();
	for (int32_t i = 0; i < PARTITIONS; i++)
		consume(f, i, from[i], let_go, NULL);
	stopwatch_print(&begin, "bare consumer", events);
	for (int32_t i = 0; i < PARTITIONS; i++)
		consume(f, i, from[i], keep, &kept);
	analyse(f, &kept, events);
	let_go(NULL, kept.list, kept.count);
	free(kept.list);

	differ_fixture_stop(f); /* what it has in memory now was never stored */
	differ_fixture_start(f);
	begin = stopwatch_start();
	drain(f);
	stopwatch_print(&begin, "committed rows", events);
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	int64_t runs = argc > 1 ? strtoll(argv[1], NULL, 10) : RUNS;
	const char *brokers = getenv("FANGS_KAFKA_BROKERS");
	if (!db_fixture_available() || runs < 1) {
		(void)fputs("usage: FANGS_TEST_DB_URL=... differ_speed [RUNS]\n", stderr);
		return 2;
	}
	struct differ_fixture *f = differ_fixture_create();
	if (brokers)
		use_kafka(f, brokers);
	f->config.batch_messages = 256; /* as the program has it */
	f->config.batch_bytes = 4 << 20;
	f->config.cached_runs = runs;
	differ_fixture_start(f);
	fill(f, runs, "1.0.0");
	drain(f);
	(void)db_fixture_number(f->db, "VACUUM ANALYZE"); /* as the server does it by itself */
	measure(f, runs);
	differ_fixture_destroy(f);
	return 0;
}
