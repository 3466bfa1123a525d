// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cond.h"
#include "base/worker.h"

enum { LONG_MS = 60000 };

struct counted {
	int rounds;
	bool running_at_end;
};

static void count(void *ctx, struct worker *worker)
{
	struct counted *counted = ctx;
	do
		counted->rounds++;
	while (worker_sleep_ms(worker, LONG_MS));
	counted->running_at_end = worker_running(worker);
}

static void stop_cuts_the_sleep_short(void **state)
{
	(void)state;
	struct error err = {0};
	struct counted counted = {.running_at_end = true};
	int64_t before = cond_now_ms();
	struct worker *worker = worker_start("test", count, &counted, &err);
	assert_non_null(worker);
	worker_stop(worker);
	assert_int_equal(counted.rounds, 1);
	assert_false(counted.running_at_end);
	assert_in_range(cond_now_ms() - before, 0, LONG_MS / 2);
	worker_stop(NULL);
}

static void deadlines_pass(void **state)
{
	(void)state;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	cond_init(&cond);
	(void)pthread_mutex_lock(&lock);
	int64_t deadline = cond_now_ms() + 20;
	while (cond_wait_until(&cond, &lock, deadline))
		;
	assert_true(cond_now_ms() >= deadline);
	(void)pthread_mutex_unlock(&lock);
	(void)pthread_cond_destroy(&cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(stop_cuts_the_sleep_short),
	        cmocka_unit_test(deadlines_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
