// SPDX-License-Identifier: Apache-2.0
#include "process_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void forget(struct process_attempt *attempt)
{
	(void)attempt;
}

struct fixture {
	struct process_tree tree;
};

static int setup(void **state)
{
	static struct fixture fixture;

	process_tree_init(&fixture.tree, ACTOR_MANAGER, forget);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	process_tree_release(&((struct fixture *)*state)->tree);
	return 0;
}

static struct record_header header_of(uint32_t pid, uint32_t ppid)
{
	struct record_header header = {.pid = pid, .ppid = ppid, .start_ns = pid};

	(void)snprintf(header.comm, sizeof(header.comm), "p%u", pid);
	return header;
}

static void forks(struct fixture *fixture, uint32_t parent, uint32_t child)
{
	struct record_fork record = {.header = header_of(child, parent), .parent_start_ns = parent};

	process_tree_fork(&fixture->tree, &record);
}

static struct process *get(struct fixture *fixture, uint32_t pid)
{
	struct record_header header = header_of(pid, 0);

	return process_tree_get(&fixture->tree, &header);
}

/* Command line as one text; the first word is also the path's last component. */
static enum actor executes(struct fixture *fixture, uint32_t pid, const char *path,
                           const char *arguments)
{
	struct view rest = view_of_string(arguments), argv[8];
	struct process_exec exec = {.path = view_of_string(path), .argv = argv};
	struct record_header header = header_of(pid, 0);
	struct process *process = get(fixture, pid);

	while (rest.size && exec.argc < 8)
		argv[exec.argc++] = view_split(&rest, '|');
	process_tree_exec(&fixture->tree, process, &header, &exec);
	return process->actor;
}

static void exits(struct fixture *fixture, uint32_t pid, uint32_t code)
{
	process_tree_exit(&fixture->tree, get(fixture, pid), code);
}

/* sh(10) -> npm(11) */
static void start_npm(struct fixture *fixture)
{
	assert_int_equal(executes(fixture, 10, "/usr/bin/sh", "sh|-c|npm install x"),
	                 ACTOR_MANAGER);
	forks(fixture, 10, 11);
	assert_int_equal(executes(fixture, 11, "/usr/bin/env", "/usr/bin/env|node|/bin/npm|i"),
	                 ACTOR_MANAGER);
	assert_int_equal(executes(fixture, 11, "/usr/bin/node", "node|/usr/bin/npm|i"),
	                 ACTOR_MANAGER);
}

static void test_lifecycle_script_is_package_code(void **state)
{
	struct fixture *fixture = *state;

	start_npm(fixture);
	forks(fixture, 11, 12);
	assert_int_equal(get(fixture, 12)->actor, ACTOR_MANAGER); /* not executed yet */
	assert_int_equal(executes(fixture, 12, "/usr/bin/sh", "sh|-c|node x.js"), ACTOR_PACKAGE);
	forks(fixture, 12, 13);
	assert_int_equal(get(fixture, 13)->actor, ACTOR_PACKAGE);
	/* Whatever it calls itself. */
	assert_int_equal(executes(fixture, 13, "/usr/bin/node", "node|/usr/bin/npm|i"),
	                 ACTOR_PACKAGE);
	exits(fixture, 12, 0); /* and wherever it is moved */
	forks(fixture, 13, 14);
	assert_int_equal(executes(fixture, 14, "/usr/bin/git", "git|clone"), ACTOR_PACKAGE);
	assert_int_equal(fixture->tree.npm_started, 1);
	assert_int_equal(fixture->tree.package_alive, 2);
}

static void test_npm_helpers(void **state)
{
	struct fixture *fixture = *state;

	start_npm(fixture);
	forks(fixture, 11, 12);
	assert_int_equal(executes(fixture, 12, "/usr/bin/git", "git|clone|x"), ACTOR_MANAGER);
	forks(fixture, 12, 13);
	assert_int_equal(executes(fixture, 13, "/usr/lib/git-core/git-remote-http", "git"),
	                 ACTOR_MANAGER);
	forks(fixture, 12, 14); /* a hook of the repository */
	assert_int_equal(executes(fixture, 14, "/usr/bin/sh", "sh|.git/hooks/x"), ACTOR_PACKAGE);
	forks(fixture, 11, 15); /* a git of the package's own */
	assert_int_equal(executes(fixture, 15, "/tmp/x/git", "git"), ACTOR_PACKAGE);
	forks(fixture, 11, 16); /* npm again, to prepare a git dependency */
	assert_int_equal(executes(fixture, 16, "/usr/bin/node", "node|/usr/bin/npm|install"),
	                 ACTOR_MANAGER);
	forks(fixture, 16, 17);
	assert_int_equal(executes(fixture, 17, "/usr/bin/sh", "sh|-c|prepare"), ACTOR_PACKAGE);
	assert_int_equal(fixture->tree.npm_started, 1); /* nested ones are not the run's result */
}

static void test_code_of_a_package_beside_npm(void **state)
{
	struct fixture *fixture = *state;

	start_npm(fixture);
	exits(fixture, 11, 0);
	forks(fixture, 10, 12);
	assert_int_equal(executes(fixture, 12, "/usr/bin/node", "node|-e|require('x')"),
	                 ACTOR_PACKAGE);
	forks(fixture, 10, 13);
	assert_int_equal(executes(fixture, 13, "/tmp/test/node_modules/.bin/x", "x"),
	                 ACTOR_PACKAGE);
	forks(fixture, 10, 14);
	assert_int_equal(executes(fixture, 14, "/usr/bin/sh", "sh|node_modules/x/run.sh"),
	                 ACTOR_PACKAGE);
	forks(fixture, 10, 15);
	assert_int_equal(executes(fixture, 15, "/usr/bin/sh", "sh|-c|ls node_modules/"),
	                 ACTOR_MANAGER);
	forks(fixture, 10, 16);
	assert_int_equal(executes(fixture, 16, "/usr/bin/tail", "tail|-3"), ACTOR_MANAGER);
}

static void test_npm_status(void **state)
{
	static const struct {
		uint32_t codes[2];
		int32_t result;
	} rows[] = {
	        {{0, 0}, 0},
	        {{0, 1 << 8}, 1},
	        {{3 << 8, 0}, 3},
	        {{9, 1 << 8}, 128 + 9},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture *fixture = *state;

		(void)teardown(state);
		(void)setup(state);
		assert_int_equal(fixture->tree.npm_exit_code, INT32_MIN);
		for (uint32_t n = 0; n < 2; n++) {
			forks(fixture, 10, 11 + n);
			(void)executes(fixture, 11 + n, "/usr/bin/node", "node|/usr/bin/npm");
			exits(fixture, 11 + n, rows[i].codes[n]);
			exits(fixture, 11 + n, 77 << 8); /* reported twice: no matter */
		}
		assert_int_equal(fixture->tree.npm_exit_code, rows[i].result);
		assert_int_equal(fixture->tree.npm_ended, 2);
	}
}

static void test_a_stranger_is_nobodys(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(get(fixture, 10)->actor, ACTOR_MANAGER);
	start_npm(fixture);
	assert_int_equal(get(fixture, 99)->actor, ACTOR_UNKNOWN);
}

static void test_pids_are_used_again(void **state)
{
	struct fixture *fixture = *state;
	struct record_header again = header_of(12, 10);

	start_npm(fixture);
	forks(fixture, 11, 12);
	(void)executes(fixture, 12, "/usr/bin/sh", "sh|-c|x");
	exits(fixture, 12, 0);
	again.start_ns = 5000;
	assert_int_equal(process_tree_get(&fixture->tree, &again)->actor, ACTOR_MANAGER);
	assert_int_equal(process_tree_find(&fixture->tree, 12, 12)->actor, ACTOR_PACKAGE);
	assert_int_equal(process_tree_find(&fixture->tree, 12, 0)->start_ns, 5000);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture *fixture = *state;

	start_npm(fixture);
	for (uint32_t pid = 100; pid < 100 + 2 * PROCESSES_MAX; pid++) {
		forks(fixture, 11, pid);
		exits(fixture, pid, 0);
	}
	assert_true(fixture->tree.count <= PROCESSES_MAX + 1);
	assert_non_null(process_tree_find(&fixture->tree, 11, 0));
	assert_int_equal(fixture->tree.alive, 2);
}

static void test_runtime(void **state)
{
	struct fixture *fixture = *state;
	struct process *process;

	process_tree_await(&fixture->tree, VIEW_LITERAL("docker-init"));
	process = get(fixture, 19);
	forks(fixture, 19, 20);
	/* A runtime executes itself out of a copy of itself before it becomes the command. */
	(void)executes(fixture, 20, "/", "runc|init");
	assert_true(process_is_runtime(get(fixture, 20)));
	assert_int_equal(fixture->tree.started, 0);
	(void)executes(fixture, 20, "/usr/sbin/docker-init", "/sbin/docker-init|--|sh");
	assert_false(process_is_runtime(get(fixture, 20)));
	assert_true(process_is_runtime(process)); /* and what is left of it does not count */
	exits(fixture, 19, 0);
	forks(fixture, 20, 21);
	(void)snprintf(get(fixture, 21)->comm, RECORD_COMM_SIZE, "runc:[2:INIT]"); /* a disguise */
	assert_false(process_is_runtime(get(fixture, 21)));
	assert_false(process_is_runtime(get(fixture, 40))); /* a stranger, after the beginning */
	assert_int_equal(fixture->tree.started, 3);
	assert_int_equal(fixture->tree.alive, 3);
	assert_ptr_equal(fixture->tree.main, get(fixture, 20));
}

/* The process that waited at the gate has a child: the sandbox's command begins. */
static void test_a_lost_exec_of_init_hides_nothing(void **state)
{
	struct fixture *fixture = *state;

	process_tree_await(&fixture->tree, VIEW_LITERAL("docker-init"));
	process_tree_expect(&fixture->tree, 20);
	forks(fixture, 19, 20);
	assert_true(process_is_runtime(get(fixture, 20)));
	forks(fixture, 20, 21);
	assert_false(process_is_runtime(get(fixture, 20)));
	assert_false(process_is_runtime(get(fixture, 21)));
	assert_int_equal(fixture->tree.alive, 2);
	exits(fixture, 20, 0);
	assert_int_equal(fixture->tree.alive, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_lifecycle_script_is_package_code, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_npm_helpers, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_code_of_a_package_beside_npm, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_npm_status, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_stranger_is_nobodys, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_pids_are_used_again, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_memory_is_bounded, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_runtime, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_lost_exec_of_init_hides_nothing, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
