// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with the real kernel: a sensor, a cgroup of its own with one below it in the place of a
 * container, and what the processes that were started there did.
 *
 * kernel_fixture_supported() first: without root or a cgroup v2 tree the tests are skipped.
 */
#ifndef FANGS_SENSOR_KERNEL_FIXTURE_H
#define FANGS_SENSOR_KERNEL_FIXTURE_H

#include <pthread.h>

#include "base/arena.h"
#include "sensor.h"

enum { KERNEL_FIXTURE_SKIP = 77, KERNEL_FIXTURE_EVENTS_MAX = 20000 };

struct kernel_fixture {
	struct sensor *sensor; /* borrowed: the tests of a program share it */
	struct sensor_run *run;
	char cgroup[SENSOR_CGROUP_PATH_MAX];    /* of the run */
	char container[SENSOR_CGROUP_PATH_MAX]; /* below it */
	pthread_mutex_t lock;
	struct arena arena;
	struct event *events; /* deep copies, in order; complete after a drain */
	size_t event_count;
	pid_t last_pid; /* of the last process run */
	/* Instead of keeping the events, where there are too many. On the sensor's thread. */
	void (*on_event)(struct kernel_fixture *fixture, const struct event *event);
	uint64_t counts[4]; /* for its use */
};

bool kernel_fixture_supported(void);

void kernel_fixture_open(struct kernel_fixture *fixture, const struct sensor_options *options);
void kernel_fixture_close(struct kernel_fixture *fixture);

/* As what surrounds a test of cmocka: a fixture with the sensor's defaults is its state. */
int kernel_fixture_setup(void **state);
int kernel_fixture_teardown(void **state);
#define KERNEL_FIXTURE_TEST(name)                                                                  \
	cmocka_unit_test_setup_teardown(name, kernel_fixture_setup, kernel_fixture_teardown)

/* Runs `act` in a child inside the "container", waits for it, drains, and returns its wait(2)
 * status. `act` returns the exit status. */
int kernel_fixture_run(struct kernel_fixture *fixture, int (*act)(void *ctx), void *ctx);

/* The first event of the type with this path, address ("1.2.3.4:80"), interface or name; NULL when
 * there is none. `from` is where to start looking; it is set behind what was found. */
const struct event *kernel_fixture_find(struct kernel_fixture *fixture, enum event_type type,
                                        const char *value, size_t *from);

/* Does this kernel tell of changes itself? Else their names are those that the process gave. */
bool kernel_fixture_traces_changes(const struct kernel_fixture *fixture);

/* All that was seen, for people. */
void kernel_fixture_print(const struct kernel_fixture *fixture);

/* Fails the test when there is none. */
const struct event *kernel_fixture_expect(struct kernel_fixture *fixture, enum event_type type,
                                          const char *value);
void kernel_fixture_expect_none(struct kernel_fixture *fixture, enum event_type type,
                                const char *value);

/* What a change of a file must have told: its path, whether it was read or written, and how. */
struct file_expectation {
	const char *path;
	int flags;
	enum file_operation operation;
};

void kernel_fixture_expect_files(struct kernel_fixture *fixture,
                                 const struct file_expectation *expected, size_t count);

#endif
