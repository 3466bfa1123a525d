// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: names that another task changes while the kernel reads them.
 * Skipped (77) without root. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "act_fixture.h"
#include "base/clock.h"
#include "kernel_fixture.h"

/* At most; see ACT_RACE_MS. */
enum { RACES = 100000, RACES_SHORT = 20000 };

/* The fixture watches /mnt/in/. */
#define IN "/mnt/in/"
#define SECRET IN "secret"
#define DECOY "/mnt/decoyfile" /* as long as the other */
#define LOOT IN "loot"

/* Shows now this name, now that one, in memory that others read. */
static void flip_main(void *ctx)
{
	char *shown = ctx;

	_Static_assert(sizeof(SECRET) == sizeof(DECOY), "one length");
	for (unsigned i = 0;; i++) {
		memcpy(shown, i & 1 ? SECRET : DECOY, sizeof(SECRET) - 1);
		atomic_signal_fence(memory_order_seq_cst); /* each one is to be seen */
	}
}

/* What the process tells the test, in shared memory. */
struct score {
	int calls;
	uint64_t hits; /* how often it was the secret */
	uint64_t done; /* and how often the call succeeded */
};

struct race {
	enum act_place place;
	enum file_operation operation;
	int times;
	struct score *score;
};

static void race_rename(struct score *score, const char *shown)
{
	if (rename(shown, LOOT) < 0)
		return; /* half of each name */
	score->done++;
	if (access(SECRET, F_OK) < 0) {
		score->hits++;
		act_need(rename(LOOT, SECRET));
	} else {
		act_need(rename(LOOT, DECOY));
	}
}

static void race_link(struct score *score, const char *shown)
{
	struct stat secret, loot;

	if (link(shown, LOOT) < 0)
		return;
	score->done++;
	act_need(stat(SECRET, &secret));
	act_need(stat(LOOT, &loot));
	if (secret.st_ino == loot.st_ino)
		score->hits++;
	act_need(unlink(LOOT));
}

static void race_unlink(struct score *score, const char *shown)
{
	if (unlink(shown) < 0)
		return;
	score->done++;
	if (access(SECRET, F_OK) < 0)
		score->hits++;
	act_make(SECRET);
	act_make(DECOY);
}

static void race_once(const struct race *race, const char *shown)
{
	race->score->calls++;
	if (race->operation == FILE_RENAME)
		race_rename(race->score, shown);
	else if (race->operation == FILE_LINK)
		race_link(race->score, shown);
	else
		race_unlink(race->score, shown);
}

static int act_race(void *ctx)
{
	const struct race *race = ctx;
	char *shown = act_share(sizeof(SECRET));
	int64_t deadline_ms;
	pid_t racer;

	act_enter_place(race->place);
	act_make(SECRET);
	act_make(DECOY);
	memcpy(shown, SECRET, sizeof(SECRET));
	racer = act_start_racer(flip_main, shown);
	deadline_ms = clock_monotonic_ms() + ACT_RACE_MS;
	for (int i = 0; i < race->times && clock_monotonic_ms() < deadline_ms; i++)
		race_once(race, shown);
	act_stop_racer(racer);
	(void)unlink(SECRET);
	(void)unlink(DECOY);
	return 0;
}

enum { COUNT_SECRET, COUNT_LOOT, COUNT_WRONG };

/* Counts what took the secret away, and everything with a name that no call can have had. */
static void count_race(struct kernel_fixture *fixture, const struct event *event)
{
	const struct event_file *file = &event->file;
	bool secret, loot;

	if (event->type != EVENT_FILE || file->result < 0 || file->operation == FILE_OPEN ||
	    file->operation == FILE_MKDIR)
		return;
	secret = view_is(file->path, SECRET);
	loot = view_is(file->path, LOOT);
	if (secret && file->flags == (file->operation == FILE_UNLINK ? O_WRONLY : O_RDONLY))
		fixture->counts[COUNT_SECRET]++;
	if (loot && file->flags == (O_WRONLY | O_CREAT))
		fixture->counts[COUNT_LOOT]++;
	if (!secret && !loot)
		fixture->counts[COUNT_WRONG]++;
}

static void test_race(struct kernel_fixture *fixture, enum act_place place,
                      enum file_operation operation, int times)
{
	struct score *score = act_share(sizeof(*score));
	struct race race = {place, operation, times, score};
	struct sensor_stats stats;

	if (!kernel_fixture_traces_changes(fixture))
		skip();
	fixture->on_event = count_race;
	memset(fixture->counts, 0, sizeof(fixture->counts));
	assert_int_equal(kernel_fixture_run(fixture, act_race, &race), 0);
	sensor_run_stats(fixture->run, &stats);
	print_message("  %s: %d calls, %llu succeeded, %llu hit the secret, %llu told so\n",
	              file_operation_name(operation), score->calls, (unsigned long long)score->done,
	              (unsigned long long)score->hits,
	              (unsigned long long)fixture->counts[COUNT_SECRET]);
	assert_int_equal(stats.lost_total, 0);
	assert_int_equal(fixture->counts[COUNT_WRONG], 0);
	/* The last one is the removal at the end. */
	assert_int_equal(fixture->counts[COUNT_SECRET], score->hits + 1);
	if (operation != FILE_UNLINK)
		assert_int_equal(fixture->counts[COUNT_LOOT], score->done);
	(void)munmap(score, sizeof(*score));
}

static void test_race_rename(void **state)
{
	test_race(*state, ACT_PLACE_TMPFS, FILE_RENAME, RACES);
}

static void test_race_rename_overlay(void **state)
{
	test_race(*state, ACT_PLACE_OVERLAY, FILE_RENAME, RACES_SHORT);
}

static void test_race_link(void **state)
{
	test_race(*state, ACT_PLACE_TMPFS, FILE_LINK, RACES_SHORT);
}

static void test_race_link_overlay(void **state)
{
	test_race(*state, ACT_PLACE_OVERLAY, FILE_LINK, RACES_SHORT);
}

static void test_race_unlink(void **state)
{
	test_race(*state, ACT_PLACE_TMPFS, FILE_UNLINK, RACES_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_race_rename),
	        KERNEL_FIXTURE_TEST(test_race_rename_overlay),
	        KERNEL_FIXTURE_TEST(test_race_link),
	        KERNEL_FIXTURE_TEST(test_race_link_overlay),
	        KERNEL_FIXTURE_TEST(test_race_unlink),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
