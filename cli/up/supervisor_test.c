// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "log/log.h"
#include "up/supervisor.h"

enum { DEADLINE_MS = 10000 };

static struct child *add_shell(struct supervisor *supervisor, const char *script)
{
	struct child *child = supervisor_add(supervisor, "shell", "/bin/sh");
	const char *const args[] = {"-c", script};
	child_add_args(child, args, 2);
	return child;
}

/* Turns the supervisor until the child is in that state. */
static void wait_for_state(struct supervisor *supervisor, const struct child *child,
                           enum child_state state)
{
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
	while (child->state != state) {
		assert_true(clock_monotonic_ms() < deadline_ms);
		(void)supervisor_reap(supervisor);
	}
}

static void test_a_child_that_ends_is_restarted_after_a_while(void **state)
{
	(void)state;
	struct supervisor supervisor = {0};
	struct child *child = add_shell(&supervisor, "exit 3");
	supervisor_turn(&supervisor);
	assert_int_equal(child->state, CHILD_RUNNING);
	wait_for_state(&supervisor, child, CHILD_BACKING_OFF);
	assert_int_equal(child->restarts, 1);
	supervisor_turn(&supervisor);
	assert_int_equal(child->state, CHILD_BACKING_OFF); /* not due yet */
	child->restart_at_ms = clock_monotonic_ms();
	supervisor_turn(&supervisor);
	assert_int_equal(child->state, CHILD_RUNNING);
	supervisor_stop(&supervisor, child, DEADLINE_MS);
}

static void test_stop_signals_and_waits(void **state)
{
	(void)state;
	struct supervisor supervisor = {0};
	struct child *child = add_shell(&supervisor, "exec sleep 1000");
	supervisor_turn(&supervisor);
	supervisor_stop(&supervisor, child, DEADLINE_MS);
	assert_int_equal(child->state, CHILD_STOPPED);
	assert_true(child->pid < 0);
	supervisor_turn(&supervisor); /* stopping: nothing is started any more */
	assert_int_equal(child->state, CHILD_STOPPED);
}

static void test_a_child_that_ignores_the_signal_is_killed(void **state)
{
	(void)state;
	struct supervisor supervisor = {0};
	struct child *child = add_shell(&supervisor, "trap '' TERM; while :; do sleep 1; done");
	supervisor_turn(&supervisor);
	supervisor_stop(&supervisor, child, 300);
	assert_int_equal(child->state, CHILD_STOPPED);
}

static void test_hidden_environment_does_not_reach_the_child(void **state)
{
	(void)state;
	static const char *const hidden[] = {"FANGS_DB_URL", NULL};
	struct supervisor supervisor = {0};
	struct child *child =
	        add_shell(&supervisor, "test -z \"$FANGS_DB_URL\" && exec sleep 1000");
	child->hidden_env = hidden;
	assert_int_equal(setenv("FANGS_DB_URL", "secret", 1), 0);
	supervisor_turn(&supervisor);
	/* A child that saw the variable ends by itself. */
	int64_t until_ms = clock_monotonic_ms() + 300;
	while (clock_monotonic_ms() < until_ms)
		(void)supervisor_reap(&supervisor);
	assert_int_equal(child->state, CHILD_RUNNING);
	supervisor_stop(&supervisor, child, DEADLINE_MS);
}

static void test_names(void **state)
{
	(void)state;
	struct supervisor supervisor = {0};
	const struct child *child = supervisor_add(&supervisor, "differ", "/bin/false");
	assert_ptr_equal(supervisor_find(&supervisor, "differ"), child);
	assert_null(supervisor_find(&supervisor, "watcher"));
	assert_string_equal(child_state_name(CHILD_BACKING_OFF), "restarting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_child_that_ends_is_restarted_after_a_while),
	        cmocka_unit_test(test_stop_signals_and_waits),
	        cmocka_unit_test(test_a_child_that_ignores_the_signal_is_killed),
	        cmocka_unit_test(test_hidden_environment_does_not_reach_the_child),
	        cmocka_unit_test(test_names),
	};
	log_setup("supervisor_test", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
