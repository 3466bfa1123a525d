// SPDX-License-Identifier: Apache-2.0
#include "outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY .memory_bytes = SANDBOX_MEMORY_BYTES

static void status_and_reason_follow_from_the_facts(void **state)
{
	static const struct {
		struct job_facts facts;
		enum run_status status;
		const char *reason;
	} cases[] = {
	        {{.has_end = true, .npm_exit_code = INT32_MIN}, RUN_STATUS_OK, ""},
	        {{.has_end = true, .expects_npm = true, .npm_started = true}, RUN_STATUS_OK, ""},
	        /* Started and not ended: whoever killed it is told by other facts. */
	        {{.has_end = true,
	          .expects_npm = true,
	          .npm_started = true,
	          .npm_exit_code = INT32_MIN},
	         RUN_STATUS_OK,
	         ""},
	        {{.has_end = true, .expects_npm = true, .npm_started = true, .npm_exit_code = 1},
	         RUN_STATUS_FAILED,
	         "npm install failed: exit code 1"},
	        {{.has_end = true, .expects_npm = true, .npm_exit_code = INT32_MIN},
	         RUN_STATUS_FAILED,
	         "npm install failed: npm did not start"},
	        {{.has_end = true, .end.exit_code = 3, .npm_exit_code = INT32_MIN},
	         RUN_STATUS_FAILED,
	         "container exit_code=3"},
	        {{.has_end = true, .end.exit_code = 127},
	         RUN_STATUS_FAILED,
	         "container exit_code=127 (the command was not found in the image)"},
	        {{.has_end = true, .end = {.exit_code = 1, .message = "mount failed"}},
	         RUN_STATUS_FAILED,
	         "container exit_code=1: mount failed"},
	        /* Memory first: npm's exit code is only its consequence. */
	        {{.has_end = true,
	          .end = {.exit_code = 137, .out_of_memory = true},
	          .expects_npm = true,
	          .npm_started = true,
	          .npm_exit_code = 137,
	          MEMORY},
	         RUN_STATUS_FAILED,
	         "out of memory: the sandbox hit its limit of 512 MiB"},
	        {{.timed_out = true, .expects_npm = true},
	         RUN_STATUS_TIMEOUT,
	         "job duration exceeded before container exit"},
	        {{.failure = {.code = 2, .text = "image 'x' is not there"}},
	         RUN_STATUS_FAILED,
	         "image 'x' is not there"},
	        {{.stopped = true, .timed_out = true}, RUN_STATUS_FAILED, "runner stopped"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char reason[OUTCOME_REASON_MAX];
		assert_int_equal(job_outcome(&cases[i].facts, reason), cases[i].status);
		assert_string_equal(reason, cases[i].reason);
	}
}

static void npm_is_expected_by_the_command(void **state)
{
	(void)state;
	const char *install[] = {"sh", "-c", "cd /tmp && npm install axios@1.7.9 2>&1 | tail -3"};
	const char *other[] = {"node", "-e", "1"};
	struct job job = {.has_sandbox = true,
	                  .package_name = "axios",
	                  .sandbox = {.command = install, .command_count = 3}};
	assert_true(job_expects_npm(&job));
	job.package_name = "";
	assert_false(job_expects_npm(&job));
	job.package_name = "axios";
	job.sandbox.command = other;
	assert_false(job_expects_npm(&job));
	job.sandbox.command_count = 0;
	assert_false(job_expects_npm(&job));
	job.has_sandbox = false;
	assert_false(job_expects_npm(&job));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(status_and_reason_follow_from_the_facts),
	        cmocka_unit_test(npm_is_expected_by_the_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
