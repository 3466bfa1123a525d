// SPDX-License-Identifier: Apache-2.0
/*
 * The Docker driver against a real daemon, with an image that is already there. Skipped where there
 * is no daemon, no image or no cgroup v2 tree to write to.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "init/init_program.h"
#include "sandbox_docker/docker.h"

static const char SOCKET[] = "/var/run/docker.sock";
static const char IMAGE[] = "node:20-slim";

enum { LONG_MS = 30000, COMMAND_MAX = 512 };
static const int64_t MIB = 1 << 20;

struct fixture {
	struct sandbox_driver *driver;
	struct sandbox_facts facts;
	struct cgroup_tree *tree;
	char runner_id[16];

	atomic_bool interrupt;
	struct run_id run_id;
	const char *command[3];
	struct sandbox_spec spec;
	struct sandbox_request request;
	struct run_cgroup cgroup;
	struct sandbox *sandbox;
};

static int setup(void **state)
{
	static struct fixture f;
	struct error err = {0};
	const struct docker_options options = {
	        .socket_path = SOCKET, .pull_timeout_ms = LONG_MS, .init = init_program()};
	f = (struct fixture){0};
	*state = &f;
	if (geteuid() != 0 || access(SOCKET, R_OK | W_OK) < 0)
		return 0;
	f.driver = docker_driver_create(&options);
	f.tree = cgroup_tree_read(&err);
	random_hex(f.runner_id, 7);
	f.run_id = run_id_new();
	f.spec = (struct sandbox_spec){
	        .image = IMAGE, .user = "0:0", .network_mode = "none", .pull_policy = "never"};
	f.request = (struct sandbox_request){.run_id = &f.run_id,
	                                     .spec = &f.spec,
	                                     .runner_id = f.runner_id,
	                                     .npm_registry = "",
	                                     .workdir_bytes = 64 * MIB,
	                                     .interrupt = &f.interrupt};
	f.sandbox = f.driver->ops->open(f.driver, &f.request, &err);
	if (!f.tree || f.driver->ops->check(f.driver, &f.facts, &err) < 0 ||
	    f.driver->ops->prepare(f.sandbox, &err) < 0) {
		f.driver->ops->close(f.sandbox);
		f.sandbox = NULL;
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	if (f->sandbox) {
		assert_int_equal(f->driver->ops->remove(f->sandbox, &err), 0);
		f->driver->ops->close(f->sandbox);
	}
	if (f->cgroup.directory[0] != '\0')
		assert_int_equal(run_cgroup_remove(f->tree, &f->cgroup, LONG_MS, &err), 0);
	if (f->driver)
		f->driver->ops->destroy(f->driver);
	cgroup_tree_destroy(f->tree);
	return 0;
}

/* Runs a shell command to its end, or until the timeout. */
static int run_shell(struct fixture *f, const char *script, int64_t timeout_ms,
                     struct sandbox_end *end)
{
	struct error err = {0};
	const struct sandbox_driver_ops *ops = f->driver->ops;
	f->command[0] = "sh";
	f->command[1] = "-c";
	f->command[2] = script;
	f->spec.command = f->command;
	f->spec.command_count = 3;
	run_cgroup_name(f->tree, f->facts.cgroup_naming, &f->run_id, &f->cgroup);
	assert_int_equal(run_cgroup_create(&f->cgroup, f->runner_id, &err), 0);
	if (ops->create(f->sandbox, f->cgroup.parent, &err) < 0 ||
	    ops->start(f->sandbox, &err) < 0 || ops->let_go(f->sandbox, &err) < 0)
		fail_msg("%s", err.text);
	return ops->wait(f->sandbox, timeout_ms, end, &err);
}

#define NEED_DOCKER(f)                                                                             \
	do {                                                                                       \
		if (!(f)->sandbox)                                                                 \
			skip();                                                                    \
	} while (0)

static void the_exit_status_is_the_commands(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	assert_int_equal(run_shell(f, "exit 7", LONG_MS, &end), 1);
	assert_int_equal(end.exit_code, 7);
	assert_false(end.out_of_memory);
}

static void limits_hold_inside(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	static const char script[] =
	        "set -e\n"
	        "grep -q ' /tmp tmpfs .*noexec.*size=262144k' /proc/mounts || exit 11\n"
	        "grep ' /tmp/test tmpfs ' /proc/mounts | grep -q size=65536k || exit 12\n"
	        "grep ' /tmp/test tmpfs ' /proc/mounts | grep -q noexec && exit 13\n"
	        "grep -q ' /run tmpfs .*size=16384k' /proc/mounts || exit 14\n"
	        "test $(ulimit -Sn) = 1024 || exit 15\n"
	        "test $(ulimit -Hn) = 2048 || exit 16\n"
	        "grep -q '^CapBnd:\t0000000000000000$' /proc/self/status || exit 17\n"
	        "grep -q '^NoNewPrivs:\t1$' /proc/self/status || exit 18\n"
	        "cp /usr/bin/true /tmp/test/ && /tmp/test/true || exit 19\n"
	        "cp /usr/bin/true /tmp/ && /tmp/true 2>/dev/null && exit 20\n"
	        "test \"$npm_config_audit\" = false || exit 21\n"
	        "exit 0\n";
	assert_int_equal(run_shell(f, script, LONG_MS, &end), 1);
	assert_int_equal(end.exit_code, 0);
}

static void background_processes_live_through_the_grace_period(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	f->spec.grace_period_ns = 1500 * INT64_C(1000000);
	int64_t started_ms = clock_monotonic_ms();
	assert_int_equal(run_shell(f, "sleep 60 & exit 5", LONG_MS, &end), 1);
	assert_true(clock_monotonic_ms() - started_ms >= 1500);
	assert_int_equal(end.exit_code, 5);
}

static void nothing_left_needs_no_grace_period(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	f->spec.grace_period_ns = LONG_MS * INT64_C(1000000);
	int64_t started_ms = clock_monotonic_ms();
	assert_int_equal(run_shell(f, "true", LONG_MS, &end), 1);
	assert_true(clock_monotonic_ms() - started_ms < LONG_MS / 2);
}

static void memory_kills_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	f->spec.memory_bytes = 48 * MIB;
	/* The command itself survives and even succeeds. */
	assert_int_equal(run_shell(f, "tail /dev/zero; exit 0", LONG_MS, &end), 1);
	assert_int_equal(end.exit_code, 0);
	assert_true(end.out_of_memory);
}

static void the_container_lives_below_the_given_cgroup(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	assert_int_equal(run_shell(f, "sleep 60", 1000, &end), 0);
	/* Its processes are in a child of the directory that was made before. */
	char command[PATH_MAX + COMMAND_MAX];
	(void)snprintf(command, sizeof(command), "test $(cat %s/*/cgroup.procs | wc -l) -ge 2",
	               f->cgroup.directory);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): own path */
}

static void an_interrupt_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	NEED_DOCKER(f);
	assert_int_equal(run_shell(f, "sleep 60", 500, &end), 0);
	struct error err = {0};
	atomic_store(&f->interrupt, true);
	assert_int_equal(f->driver->ops->wait(f->sandbox, LONG_MS, &end, &err), -ECANCELED);
}

static void image_facts_are_known_after_create(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	struct sandbox_image image;
	NEED_DOCKER(f);
	(void)run_shell(f, "true", LONG_MS, &end);
	f->driver->ops->image(f->sandbox, &image);
	assert_non_null(strstr(image.digest, "sha256:"));
	assert_true(image.node_version[0] != '\0');
	assert_true(image.npm_version[0] != '\0');
}

static void a_sweep_removes_this_runners_sandboxes_only(void **state)
{
	struct fixture *f = *state;
	struct sandbox_end end;
	struct error err = {0};
	NEED_DOCKER(f);
	assert_int_equal(run_shell(f, "sleep 60", 200, &end), 0);
	assert_int_equal(f->driver->ops->sweep(f->driver, "somebody-else", &err), 0);
	assert_int_equal(f->driver->ops->sweep(f->driver, f->runner_id, &err), 1);
	assert_int_equal(f->driver->ops->sweep(f->driver, f->runner_id, &err), 0);
	assert_int_equal(cgroup_sweep(f->tree, f->facts.cgroup_naming, "somebody-else"), 0);
	int64_t deadline_ms = clock_monotonic_ms() + LONG_MS;
	while (cgroup_sweep(f->tree, f->facts.cgroup_naming, f->runner_id) == 0 &&
	       clock_monotonic_ms() < deadline_ms)
		continue;
	assert_int_equal(access(f->cgroup.directory, F_OK), -1);
}

static void a_missing_image_is_named(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	NEED_DOCKER(f);
	f->spec.image = "fangs-no-such-image:1";
	assert_int_equal(f->driver->ops->prepare(f->sandbox, &err), -ENOENT);
	assert_string_equal(err.text, "image 'fangs-no-such-image:1' is not on this host and "
	                              "pull_policy is never");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(the_exit_status_is_the_commands),
	        TEST(limits_hold_inside),
	        TEST(background_processes_live_through_the_grace_period),
	        TEST(nothing_left_needs_no_grace_period),
	        TEST(memory_kills_are_told_apart),
	        TEST(the_container_lives_below_the_given_cgroup),
	        TEST(an_interrupt_ends_the_wait),
	        TEST(image_facts_are_known_after_create),
	        TEST(a_sweep_removes_this_runners_sandboxes_only),
	        TEST(a_missing_image_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
