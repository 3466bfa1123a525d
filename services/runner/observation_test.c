// SPDX-License-Identifier: Apache-2.0
#include "observation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct event exec_of(const char *path)
{
	return (struct event){.type = EVENT_EXEC, .exec = {.path = view_of_string(path)}};
}

static void the_engines_own_doing_is_left_out(void **state)
{
	(void)state;
	const struct event file = {.type = EVENT_FILE,
	                           .file = {.path = VIEW_LITERAL("/etc/passwd")}};
	const struct event init = exec_of("/usr/sbin/docker-init"), sh = exec_of("/usr/bin/sh");
	struct observation observation = {.init_path = "/sbin/docker-init"};
	assert_false(observation_admits(&observation, &file));
	assert_false(observation_admits(&observation, &init));
	assert_true(observation_admits(&observation, &file));
	assert_true(observation_admits(&observation, &sh));
	/* A package that runs something of that name is seen. */
	assert_true(observation_admits(&observation, &init));
}

static void a_lost_exec_of_init_hides_nothing(void **state)
{
	(void)state;
	const struct event sh = exec_of("/usr/bin/sh");
	struct observation observation = {.init_path = "/sbin/docker-init"};
	assert_true(observation_admits(&observation, &sh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_engines_own_doing_is_left_out),
	        cmocka_unit_test(a_lost_exec_of_init_hides_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
