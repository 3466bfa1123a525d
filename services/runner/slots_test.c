// SPDX-License-Identifier: Apache-2.0
#include "slots.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LONG_MS = 10000 };

/* Jobs of these tests wait until they are interrupted. */
struct gate {
	atomic_int running;
	atomic_int lost;
};

static void wait_for_interrupt(void *ctx, struct attempt *attempt)
{
	struct gate *gate = ctx;
	atomic_fetch_add(&gate->running, 1);
	while (!atomic_load(&attempt->interrupt))
		sched_yield();
	if (atomic_load(&attempt->lost))
		atomic_fetch_add(&gate->lost, 1);
}

static void start(struct slots *slots, struct gate *gate, uint8_t id)
{
	struct error err = {0};
	struct attempt *attempt = slots_new_attempt();
	attempt->job.run_id.bytes[0] = id;
	assert_int_equal(slots_start(slots, attempt, wait_for_interrupt, gate, &err), 0);
}

static void slots_fill_up_and_become_free(void **state)
{
	(void)state;
	struct gate gate = {0};
	struct slots *slots = slots_create(2, NULL);
	struct run_id ids[4];
	assert_true(slots_wait_free(slots, 0));
	start(slots, &gate, 1);
	assert_true(slots_wait_free(slots, 0));
	start(slots, &gate, 2);
	assert_false(slots_wait_free(slots, 0));
	assert_int_equal(slots_active(slots, ids, 4), 2);
	assert_int_equal(slots_active(slots, ids, 1), 1);

	struct error err = {0};
	assert_true(slots_start(slots, slots_new_attempt(), wait_for_interrupt, &gate, &err) < 0);

	slots_interrupt(slots, 1);
	assert_true(slots_wait_idle(slots, LONG_MS));
	assert_int_equal(slots_active(slots, ids, 4), 0);
	assert_int_equal(atomic_load(&gate.running), 2);
	assert_int_equal(atomic_load(&gate.lost), 0);
	slots_destroy(slots);
}

static void only_the_named_attempt_is_cancelled(void **state)
{
	(void)state;
	struct gate gate = {0};
	struct slots *slots = slots_create(2, NULL);
	struct run_id ids[2];
	const struct run_id second = {{2}}, unknown = {{9}};
	start(slots, &gate, 1);
	start(slots, &gate, 2);
	assert_false(slots_cancel(slots, &unknown));
	assert_true(slots_cancel(slots, &second));
	assert_true(slots_wait_free(slots, LONG_MS));
	assert_int_equal(slots_active(slots, ids, 2), 1);
	assert_int_equal(ids[0].bytes[0], 1);
	assert_int_equal(atomic_load(&gate.lost), 1);
	slots_interrupt(slots, 1);
	assert_true(slots_wait_idle(slots, LONG_MS));
	slots_destroy(slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(slots_fill_up_and_become_free),
	        cmocka_unit_test(only_the_named_attempt_is_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
