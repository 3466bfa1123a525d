// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: programs, the process tree and npm's exit status. Skipped (77)
 * without root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"

static char folder[] = "/tmp/fangs-sensor-exec-XXXXXX";

static void in_folder(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "%s/%s", folder, name);
}

static void write_script(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	in_folder(path, sizeof(path), name);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	(void)chmod(path, 0755);
}

static void copy_program(const char *from, const char *name)
{
	char to[256], block[65536];
	ssize_t got;
	int in = open(from, O_RDONLY | O_CLOEXEC), out;

	in_folder(to, sizeof(to), name);
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	while ((got = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)got), got);
	(void)close(in);
	(void)close(out);
}

static int group_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	/* A node that is a shell, an npm that is a shell script: the shapes are what counts. */
	copy_program("/bin/sh", "node");
	write_script("npm", "cat /etc/hostname >/dev/null\n"
	                    "npm_package_name=@scope/evil sh -c 'cat /etc/passwd >/dev/null; "
	                    "(sleep 0.2; cat /etc/group "
	                    ">/dev/null) & wait'\n"
	                    "exit 3\n");
	write_script("script.sh", "#!/bin/sh\nexit 0\n");
	return 0;
}

static int group_teardown(void **state)
{
	static const char *const names[] = {"node", "npm", "script.sh"};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		in_folder(path, sizeof(path), names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static int act_exec(void *ctx)
{
	(void)ctx;
	return execl("/bin/true", "true", "one", "", "two words", (char *)NULL);
}

static void test_exec(void **state)
{
	struct kernel_fixture *fixture = *state;
	char real[PATH_MAX];
	const struct event *event;
	struct sensor_processes processes;

	assert_non_null(realpath("/bin/true", real));
	assert_int_equal(kernel_fixture_run(fixture, act_exec, NULL), 0);
	event = kernel_fixture_expect(fixture, EVENT_EXEC, real);
	assert_int_equal(event->process.pid, fixture->last_pid);
	assert_int_equal(event->exec.argc, 4);
	assert_true(view_is(event->exec.argv[0], "true"));
	assert_true(view_is(event->exec.argv[1], "one"));
	assert_true(view_is(event->exec.argv[2], ""));
	assert_true(view_is(event->exec.argv[3], "two words"));
	assert_false(event->exec.argv_truncated);
	assert_int_equal(event->exec.result, 0);
	sensor_run_processes(fixture->run, &processes);
	assert_int_equal(processes.alive, 0);
	assert_int_equal(processes.npm_exit_code, INT32_MIN);
}

static int act_script(void *ctx)
{
	(void)ctx;
	return chdir(folder) < 0 ? 1 : execl("./script.sh", "x", (char *)NULL);
}

static void test_script_is_seen_beside_its_interpreter(void **state)
{
	struct kernel_fixture *fixture = *state;
	char script[256], shell[PATH_MAX];

	in_folder(script, sizeof(script), "script.sh");
	assert_non_null(realpath("/bin/sh", shell));
	assert_int_equal(kernel_fixture_run(fixture, act_script, NULL), 0);
	(void)kernel_fixture_expect(fixture, EVENT_EXEC, script);
	(void)kernel_fixture_expect(fixture, EVENT_EXEC, shell);
}

static int act_memfd(void *ctx)
{
	int in = open("/bin/true", O_RDONLY), out = memfd_create("hidden", MFD_CLOEXEC);
	char *argv[] = {"x", NULL}, *envp[] = {NULL};
	char block[65536];
	ssize_t got;

	(void)ctx;
	while ((got = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)got) != got)
			return 1;
	return fexecve(out, argv, envp);
}

static void test_exec_from_memory(void **state)
{
	struct kernel_fixture *fixture = *state;

	assert_int_equal(kernel_fixture_run(fixture, act_memfd, NULL), 0);
	(void)kernel_fixture_expect(fixture, EVENT_EXEC, "/memfd:hidden");
}

static int act_search(void *ctx)
{
	(void)ctx;
	(void)setenv("PATH", "/nowhere:/usr/nowhere:/bin", 1);
	(void)execlp("fangs-no-such-program", "x", (char *)NULL);
	(void)execl("/nowhere/at-all", "x", (char *)NULL);
	return execlp("true", "true", (char *)NULL);
}

static void test_failed_execs_are_attempts(void **state)
{
	struct kernel_fixture *fixture = *state;
	const struct event *event;
	struct sensor_stats stats;

	assert_int_equal(kernel_fixture_run(fixture, act_search, NULL), 0);
	event = kernel_fixture_expect(fixture, EVENT_EXEC, "fangs-no-such-program");
	assert_int_equal(event->exec.result, -ENOENT);
	event = kernel_fixture_expect(fixture, EVENT_EXEC, "/nowhere/at-all");
	assert_int_equal(event->exec.result, -ENOENT);
	kernel_fixture_expect_none(fixture, EVENT_EXEC, "/nowhere/true");
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.exec_failed, 6);
	assert_int_equal(stats.events[EVENT_EXEC], 3);
}

static int act_npm(void *ctx)
{
	char node[256], npm[256];
	pid_t pid;

	(void)ctx;
	in_folder(node, sizeof(node), "node");
	in_folder(npm, sizeof(npm), "npm");
	pid = fork();
	if (pid == 0)
		_exit(execl(node, "node", npm, "install", "left-pad", (char *)NULL));
	(void)waitpid(pid, NULL, 0);
	return 0; /* as the scan's own command, whose status hides npm's */
}

static void test_actors_and_npm_status(void **state)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_processes processes;
	const struct event *event;
	char node[256];

	assert_int_equal(kernel_fixture_run(fixture, act_npm, NULL), 0);
	in_folder(node, sizeof(node), "node");
	event = kernel_fixture_expect(fixture, EVENT_EXEC, node);
	assert_int_equal(event->process.actor, ACTOR_MANAGER);
	assert_int_equal(event->process.package.size, 0);
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/etc/passwd");
	assert_int_equal(event->process.actor, ACTOR_PACKAGE);
	assert_true(view_is(event->process.package, "@scope/evil"));
	event = kernel_fixture_expect(fixture, EVENT_FILE, "/etc/group");
	assert_int_equal(event->process.actor, ACTOR_PACKAGE);
	assert_true(view_is(event->process.package, "@scope/evil"));
	sensor_run_processes(fixture->run, &processes);
	assert_int_equal(processes.npm_started, 1);
	assert_int_equal(processes.npm_ended, 1);
	assert_int_equal(processes.npm_exit_code, 3);
	assert_int_equal(processes.alive, 0);
	assert_int_equal(processes.package_alive, 0);
}

static int act_daemon(void *ctx)
{
	(void)ctx;
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			(void)usleep(300000);
			(void)open("/etc/issue", O_RDONLY);
			_exit(0);
		}
		_exit(0);
	}
	return 0;
}

static bool ended(struct kernel_fixture *fixture)
{
	struct sensor_processes processes;
	struct error err;

	(void)sensor_drain(fixture->run, 1000, &err);
	sensor_run_processes(fixture->run, &processes);
	return processes.alive == 0;
}

static void test_daemon_survives_and_is_seen(void **state)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_processes processes;

	assert_int_equal(kernel_fixture_run(fixture, act_daemon, NULL), 0);
	sensor_run_processes(fixture->run, &processes);
	assert_true(processes.alive >= 1);
	for (int tries = 0; tries < 500 && !ended(fixture); tries++)
		(void)usleep(10000);
	sensor_run_processes(fixture->run, &processes);
	assert_int_equal(processes.started, 3);
	(void)kernel_fixture_expect(fixture, EVENT_FILE, "/etc/issue");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        KERNEL_FIXTURE_TEST(test_exec),
	        KERNEL_FIXTURE_TEST(test_script_is_seen_beside_its_interpreter),
	        KERNEL_FIXTURE_TEST(test_exec_from_memory),
	        KERNEL_FIXTURE_TEST(test_failed_execs_are_attempts),
	        KERNEL_FIXTURE_TEST(test_actors_and_npm_status),
	        KERNEL_FIXTURE_TEST(test_daemon_survives_and_is_seen),
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
