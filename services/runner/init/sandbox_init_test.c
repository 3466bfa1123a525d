// SPDX-License-Identifier: Apache-2.0
/* The program itself, run as a child; it collects orphans here as it does in a container. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct ending {
	int code;
	int64_t ms;
};

static struct ending run_init(const char *grace, const char *script)
{
	int64_t started_ms = clock_monotonic_ms();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(SANDBOX_INIT_FILE, "init", grace, "--", "sh", "-c", script,
		            (char *)NULL);
		_exit(EXIT_FAILURE);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (struct ending){WEXITSTATUS(status), clock_monotonic_ms() - started_ms};
}

static void the_status_is_passed_on(void **state)
{
	(void)state;
	assert_int_equal(run_init("--grace-ms=0", "exit 7").code, 7);
	assert_int_equal(run_init("--grace-ms=0", "kill -9 $$").code, 137);
	assert_int_equal(run_init("--grace-ms=0", "exec /nonexistent/x").code, 127);
}

static void survivors_get_the_grace_period(void **state)
{
	(void)state;
	struct ending ending = run_init("--grace-ms=300", "sleep 5 & exit 3");
	assert_int_equal(ending.code, 3);
	assert_in_range(ending.ms, 300, 3000);
}

static void it_leaves_with_the_last_survivor(void **state)
{
	(void)state;
	struct ending ending = run_init("--grace-ms=20000", "(sleep 0.2; exit 9) & exit 4");
	assert_int_equal(ending.code, 4);
	assert_in_range(ending.ms, 200, 10000);
	assert_true(run_init("--grace-ms=20000", "true").ms < 10000);
}

static void a_stop_reaches_the_command_and_ends_the_grace_period(void **state)
{
	(void)state;
	/* The command stops its own init, as the engine would. */
	struct ending ending = run_init("--grace-ms=20000",
	                                "trap 'exit 6' TERM; kill $PPID; sleep 0.1; sleep 0.1; "
	                                "sleep 20 & wait");
	assert_int_equal(ending.code, 6);
	assert_true(ending.ms < 10000);
}

static void the_gate_opens_by_a_signal(void **state)
{
	static const int ends[][2] = {{SIGUSR1, 7}, {SIGTERM, 128 + SIGTERM}};
	sigset_t blocked;
	(void)state;
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigaddset(&blocked, SIGTERM);
	for (size_t i = 0; i < 2; i++) {
		int status = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			/* As the runner does: not before init would hear it. */
			(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
			(void)execl(SANDBOX_INIT_FILE, "init", "--grace-ms=0", "--gate", "--", "sh",
			            "-c", "exit 7", (char *)NULL);
			_exit(EXIT_FAILURE);
		}
		(void)usleep(50000);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* it waits */
		assert_int_equal(kill(pid, ends[i][0]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ends[i][1]);
	}
}

static void bad_arguments_are_refused(void **state)
{
	(void)state;
	enum { EXIT_USAGE = 125 };
	assert_int_equal(run_init("--grace-ms=x", "true").code, EXIT_USAGE);
	assert_int_equal(run_init("--grace-ms=-1", "true").code, EXIT_USAGE);
	assert_int_equal(run_init("2000", "true").code, EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_status_is_passed_on),
	        cmocka_unit_test(survivors_get_the_grace_period),
	        cmocka_unit_test(it_leaves_with_the_last_survivor),
	        cmocka_unit_test(a_stop_reaches_the_command_and_ends_the_grace_period),
	        cmocka_unit_test(the_gate_opens_by_a_signal),
	        cmocka_unit_test(bad_arguments_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
