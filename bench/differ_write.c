// SPDX-License-Identifier: Apache-2.0
/*
 * How fast the differ turns messages into rows: recorded runs (1,742 events each) on the postgres
 * bus, from the first message to the commit of the last, on a database of its own.
 *
 *   FANGS_TEST_DB_URL=... differ_write [RUNS [REPEATS]]
 *
 * Each run has the recording REPEATS times (1: a whole recorded run, judged and promoted), and is
 * of a package of its own whose baseline another run of it seeded before. Beside it, on the same
 * server: the same rows in a table as the existing schema has it, once by INSERT and once by COPY;
 * and the bytes per run of either form.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "differ_fixture.h"

enum { RUNS = 40, RECORDED_EVENTS = 1742, PACKAGE_MAX = 32 };

static double seconds_since(int64_t start_ns)
{
	return (double)(clock_monotonic_ns() - start_ns) / (double)NS_PER_S;
}

static double own_cpu(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Of the sessions that we have open, when the server is on this machine. */
static double server_cpu(struct differ_fixture *f)
{
	static const char sql[] = "SELECT coalesce(sum(split_part(split_part(pg_read_file('/proc/' "
	                          "|| pid || '/stat'),"
	                          " ') ', 2), ' ', 12)::bigint + "
	                          "split_part(split_part(pg_read_file('/proc/' || pid ||"
	                          " '/stat'), ') ', 2), ' ', 13)::bigint), 0) FROM pg_stat_activity"
	                          " WHERE datname = current_database() AND pid <> pg_backend_pid()";
	return (double)db_fixture_number(f->db, sql) / (double)sysconf(_SC_CLK_TCK);
}

static void fill(struct differ_fixture *f, int64_t runs, int64_t repeats)
{
	for (int64_t i = 0; i < runs; i++) {
		char package[PACKAGE_MAX];
		(void)snprintf(package, sizeof(package), "bench%" PRId64, i);
		struct run_id run_id = differ_fixture_run(f, package, "1.0.1");
		differ_fixture_recorded(f, &run_id, "1.0.1", (unsigned)repeats);
	}
}

static void print_rate(const char *what, int64_t events, double seconds)
{
	printf("%-28s %10.0f events/s  %8.2f us/event\n", what, (double)events / seconds,
	       seconds * 1e6 / (double)events);
}

static void replay(struct differ_fixture *f, int64_t events)
{
	double own = own_cpu(), server = server_cpu(f);
	int64_t start_ns = clock_monotonic_ns();
	differ_fixture_drain(f);
	double seconds = seconds_since(start_ns);
	print_rate("differ and PostgreSQL", events, seconds);
	print_rate("  CPU of the differ", events, own_cpu() - own);
	double sessions = server_cpu(f) - server;
	if (sessions > 0)
		print_rate("  CPU of its sessions", events, sessions);
}

static void compare(struct differ_fixture *f, int64_t events)
{
	static const char old_table[] =
	        "CREATE TABLE old_events (id BIGSERIAL PRIMARY KEY, run_id TEXT NOT NULL"
	        " REFERENCES runs (id) ON DELETE CASCADE, ts_ns BIGINT NOT NULL, type TEXT NOT "
	        "NULL,"
	        " data JSONB NOT NULL); CREATE INDEX ON old_events (run_id, ts_ns)";
	(void)db_fixture_number(f->db, old_table);
	(void)db_fixture_number(f->db, "CREATE UNLOGGED TABLE bench_rows AS SELECT * FROM events");
	int64_t start_ns = clock_monotonic_ns();
	(void)db_fixture_number(f->db, "INSERT INTO old_events SELECT * FROM bench_rows");
	print_rate("INSERT ... SELECT, one by one", events, seconds_since(start_ns));
	(void)db_fixture_number(f->db, "COPY bench_rows TO '/tmp/fangs_bench_rows'");
	(void)db_fixture_number(f->db, "TRUNCATE old_events");
	start_ns = clock_monotonic_ns();
	(void)db_fixture_number(f->db, "COPY old_events FROM '/tmp/fangs_bench_rows'");
	print_rate("COPY of the same rows", events, seconds_since(start_ns));
	(void)db_fixture_number(f->db, "COPY (SELECT 1) TO PROGRAM 'rm -f /tmp/fangs_bench_rows'");
}

static void print_bytes(struct differ_fixture *f, const char *what, const char *sql, int64_t runs)
{
	printf("%-28s %10.0f bytes of columns per recording\n", what,
	       (double)db_fixture_number(f->db, sql) / (double)runs);
}

static void measure_bytes(struct differ_fixture *f, int64_t runs)
{
#define COLUMNS(list, table) "SELECT sum(" list ") FROM " table
#define SIZE(column) "pg_column_size(" column ")"
	print_bytes(f, "old table",
	            COLUMNS(SIZE("id") "+" SIZE("run_id") "+" SIZE("ts_ns") "+" SIZE(
	                            "type") "+" SIZE("data"),
	                    "old_events"),
	            runs);
	print_bytes(f, "chunks and their ids",
	            "SELECT (" COLUMNS(SIZE("first_id") "+" SIZE("run_id") "+" SIZE(
	                                       "ts_ns") "+" SIZE("types") "+" SIZE("data"),
	                               "event_chunks") ") + (" COLUMNS(SIZE("id"), "event_ids") ")",
	            runs);
	printf("%-28s %10.0f bytes on disk, %.0f of the old table\n", "",
	       (double)db_fixture_number(f->db, "SELECT pg_total_relation_size('event_chunks')"
	                                        " + pg_total_relation_size('event_ids')") /
	               (double)runs,
	       (double)db_fixture_number(f->db, "SELECT pg_total_relation_size('old_events')") /
	               (double)runs);
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	int64_t runs = argc > 1 ? strtoll(argv[1], NULL, 10) : RUNS;
	int64_t repeats = argc > 2 ? strtoll(argv[2], NULL, 10) : 1;
	if (!db_fixture_available() || runs < 1 || repeats < 1) {
		(void)fputs("usage: FANGS_TEST_DB_URL=... differ_write [RUNS [REPEATS]]\n", stderr);
		return 2;
	}
	struct differ_fixture *f = differ_fixture_create();
	f->config.batch_messages = 256; /* as the program has it */
	f->config.batch_bytes = 4 << 20;
	differ_fixture_start(f);
	fill(f, runs, 1);
	differ_fixture_drain(f);
	(void)db_fixture_number(f->db, "VACUUM ANALYZE"); /* as the server does it by itself */
	fill(f, runs, repeats);
	int64_t events = runs * repeats * RECORDED_EVENTS;
	replay(f, events);
	compare(f, events + runs * RECORDED_EVENTS);
	measure_bytes(f, runs * (repeats + 1));
	differ_fixture_destroy(f);
	return 0;
}
