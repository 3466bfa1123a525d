// SPDX-License-Identifier: Apache-2.0
/*
 * What a run of a package costs whose baseline has 1,000,000 values, and a run of another package
 * beside it: each run shows 300 values, all but a few of them known, and is judged and merged.
 *
 *     FANGS_TEST_DB_URL=postgresql://... baseline_size [values]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "differ_fixture.h"
#include "log/log.h"

enum { RUNS = 30, VALUES = 300, VALUES_DEFAULT = 1000 * 1000, PATH_SIZE = 64 };

static void fill(struct differ_fixture *f, const char *package, long count)
{
	AUTO(free)
	char *sql = xasprintf(
	        "INSERT INTO baselines (package_name, seeded_by) VALUES ('%s', 'x');"
	        "INSERT INTO baseline_fingerprints (package_name, category, value,"
	        " first_seen_run_id, last_seen_run_id, occurrence_count, merged_run_id)"
	        " SELECT '%s', 'fs_new_path_write', '/opt/' || n, 'x', 'x', 1, 'x'"
	        " FROM generate_series(0, %ld) n;"
	        "INSERT INTO baseline_actors SELECT '%s', 'fs_new_path_write', '/opt/' || n,"
	        " 'package', 'x' FROM generate_series(0, %ld) n;",
	        package, package, count - 1, package, count - 1);
	(void)db_fixture_number(f->db, sql);
}

/* Milliseconds until it is judged. `step`: which values of the baseline it shows. */
static double run(struct differ_fixture *f, const char *package, int step)
{
	struct run_id run_id = differ_fixture_run(f, package, "1.0.0");
	struct run_result ok = differ_fixture_ok(1);
	static struct event events[VALUES];
	static char paths[VALUES][PATH_SIZE];
	for (int i = 0; i < VALUES; i++) {
		(void)snprintf(paths[i], PATH_SIZE, "/opt/%d", i * step);
		events[i] = differ_fixture_open(paths[i], O_WRONLY, ACTOR_PACKAGE);
	}
	differ_fixture_batch(f, &run_id, 1, 1, events, VALUES);
	differ_fixture_result(f, &run_id, 1, &ok);
	int64_t began_ns = clock_monotonic_ns();
	differ_fixture_drain(f);
	return (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_MS;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void measure(struct differ_fixture *f, const char *what, const char *package, int step)
{
	double spent[RUNS];
	for (int i = 0; i < RUNS; i++)
		spent[i] = run(f, package, step);
	qsort(spent, RUNS, sizeof(*spent), compare);
	printf("%-42s median %6.1f ms, slowest %6.1f ms\n", what, spent[RUNS / 2], spent[RUNS - 1]);
}

int main(int argc, char **argv)
{
	long values = argc > 1 ? strtol(argv[1], NULL, 10) : VALUES_DEFAULT;
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	struct differ_fixture *f = differ_fixture_create();
	differ_fixture_start(f);
	fill(f, "small", VALUES);
	measure(f, "small package, nothing else", "small", 1);
	fill(f, "large", values);
	measure(f, "small package, beside the large one", "small", 1);
	measure(f, "large package", "large", (int)(values / VALUES));
	(void)db_fixture_number(f->db, "ANALYZE");
	measure(f, "small package, after ANALYZE", "small", 1);
	measure(f, "large package, after ANALYZE", "large", (int)(values / VALUES));
	struct error err = {0};
	f->config.baseline_max_runs = 1000;
	int64_t began_ns = clock_monotonic_ns();
	int steps = 0;
	do {
		if (differ_age(f->differ, &err) < 0)
			break;
		steps++;
	} while (f->differ->age.package);
	printf("%-42s %d steps of %.1f ms\n", "looking for old values", steps,
	       (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_MS / steps);
	differ_fixture_destroy(f);
	return 0;
}
