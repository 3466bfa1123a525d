// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "backbone/work_pool.h"
#include "base/clock.h"

enum { WORKERS = 4, PIECES = 1000, DEADLINE_MS = 20000 };

/* A queue that is a counter; claiming is taking the next number. */
struct queue {
	atomic_int next, size, claims;
	atomic_int failures_left; /* claims that fail before the first that works */
	int claimed[WORKERS];
	atomic_int done[PIECES];
	atomic_int done_count;
};

static int claim(void *ctx, size_t worker, struct error *err)
{
	struct queue *queue = ctx;

	atomic_fetch_add(&queue->claims, 1);
	if (atomic_fetch_sub(&queue->failures_left, 1) > 0)
		return error_set(err, EIO, "no queue today");
	int next = atomic_load(&queue->next);
	while (next < atomic_load(&queue->size))
		if (atomic_compare_exchange_weak(&queue->next, &next, next + 1)) {
			queue->claimed[worker] = next;
			return 1;
		}
	return 0;
}

static int process(void *ctx, size_t worker, struct error *err)
{
	struct queue *queue = ctx;

	(void)err;
	atomic_fetch_add(&queue->done[queue->claimed[worker]], 1);
	atomic_fetch_add(&queue->done_count, 1);
	return 0;
}

static void wait_until_done(struct queue *queue, int count)
{
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;

	while (atomic_load(&queue->done_count) < count) {
		assert_true(clock_monotonic_ms() < deadline_ms);
		sched_yield();
	}
}

static struct service *start_service(void)
{
	static char none[] = "";
	static const struct service_config config = {.metrics_listen = none,
	                                             .drain_timeout_ms = 1000};
	struct error err = {0};
	struct service *service = service_start("work-pool-test", &config, &err);

	assert_non_null(service);
	return service;
}

static struct work_pool *start_pool(struct service *service, struct queue *queue)
{
	const struct work_pool_options options = {
	        .service = service,
	        .what = "work off the test",
	        .workers = WORKERS,
	        .claim = claim,
	        .process = process,
	        .ctx = queue,
	};
	struct error err = {0};
	struct work_pool *pool = work_pool_start(&options, &err);

	assert_non_null(pool);
	return pool;
}

static void one_wake_works_off_the_queue(void **state)
{
	static struct queue queue;
	struct service *service = start_service();
	struct work_pool *pool = start_pool(service, &queue);

	(void)state;
	atomic_store(&queue.size, PIECES / 2);
	work_pool_wake(pool);
	wait_until_done(&queue, PIECES / 2);
	atomic_store(&queue.size, PIECES);
	work_pool_wake(pool);
	wait_until_done(&queue, PIECES);

	service_request_stop(service);
	work_pool_stop(pool);
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(atomic_load(&queue.done[i]), 1);
	assert_int_equal(service_finish(service, NULL), 0);
}

static void a_failing_claim_is_repeated(void **state)
{
	static struct queue queue;
	struct service *service = start_service();
	struct work_pool *pool = start_pool(service, &queue);

	(void)state;
	atomic_store(&queue.failures_left, 1);
	atomic_store(&queue.size, 1);
	work_pool_wake(pool);
	work_pool_wake(pool); /* as the service's next tick would */
	wait_until_done(&queue, 1);
	service_request_stop(service);
	work_pool_stop(pool);
	assert_int_equal(service_finish(service, NULL), 0);
}

static void a_stop_ends_an_idle_pool(void **state)
{
	static struct queue queue;
	struct service *service = start_service();
	struct work_pool *pool = start_pool(service, &queue);

	(void)state;
	service_request_stop(service);
	work_pool_stop(pool);
	work_pool_stop(NULL);
	assert_int_equal(service_finish(service, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_wake_works_off_the_queue),
	        cmocka_unit_test(a_failing_claim_is_repeated),
	        cmocka_unit_test(a_stop_ends_an_idle_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
