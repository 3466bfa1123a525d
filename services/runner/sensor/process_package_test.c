// SPDX-License-Identifier: Apache-2.0
#include "process_package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_package(const char *path, const char *expected)
{
	struct view name = package_of_path(view_of_string(path));

	if (!view_is(name, expected))
		fail_msg("'%s': '%.*s', not '%s'", path, VIEW_ARG(name), expected);
}

static void names_from_paths(void **state)
{
	(void)state;
	assert_package("/tmp/test/node_modules/left-pad/index.js", "left-pad");
	assert_package("node_modules/left-pad/index.js", "left-pad");
	assert_package("/a/node_modules/@scope/name/x", "@scope/name");
	assert_package("/a/node_modules/@scope/name", "@scope/name");
	assert_package("/a/node_modules/outer/node_modules/inner/x", "inner");
	assert_package("/a/my_node_modules/x/y", "");
	assert_package("/a/node_modules/", "");
	assert_package("/usr/bin/node", "");
	assert_package("", "");
}

static struct process *find(struct process_tree *tree, uint32_t pid)
{
	return process_tree_find(tree, pid, pid);
}

static void start(struct process_tree *tree, uint32_t pid, uint32_t parent)
{
	const struct record_fork fork = {
	        .header = {.pid = pid, .tid = pid, .ppid = parent, .start_ns = pid},
	        .parent_start_ns = parent,
	};

	process_tree_fork(tree, &fork);
}

static void run(struct process_tree *tree, uint32_t pid, const char *path, const char *argument,
                const char *package)
{
	const struct record_header header = {.pid = pid, .start_ns = pid};
	const struct view argv[] = {view_of_string(path), view_of_string(argument)};
	const struct process_exec exec = {.path = view_of_string(path),
	                                  .argv = argv,
	                                  .argc = 2,
	                                  .package = view_of_string(package)};

	process_tree_exec(tree, find(tree, pid), &header, &exec);
}

static void scripts_carry_their_package(void **state)
{
	struct process_tree tree;

	(void)state;
	process_tree_init(&tree, ACTOR_MANAGER, NULL);
	start(&tree, 1, 0);
	run(&tree, 1, "/bin/sh", "-c", "");
	start(&tree, 2, 1);
	run(&tree, 2, "/usr/bin/node", "/usr/bin/npm", "from-outside");
	assert_int_equal(find(&tree, 2)->package.size, 0);
	start(&tree, 3, 2);
	run(&tree, 3, "/bin/sh", "-c", "evil");
	assert_true(view_is(find(&tree, 3)->package, "evil"));
	start(&tree, 4, 3);
	assert_true(view_is(find(&tree, 4)->package, "evil"));
	/* It says to be another one. */
	run(&tree, 4, "/usr/bin/node", "/tmp/test/node_modules/innocent/x.js", "innocent");
	assert_true(view_is(find(&tree, 4)->package, "evil"));
	start(&tree, 5, 1);
	run(&tree, 5, "/usr/bin/node", "/tmp/test/node_modules/left-pad/x.js", "");
	assert_true(view_is(find(&tree, 5)->package, "left-pad"));
	process_tree_release(&tree);
}

static void finish(struct process_tree *tree, uint32_t pid)
{
	process_tree_exit(tree, find(tree, pid), 0);
}

static void survivors_are_counted(void **state)
{
	struct process_tree tree;

	(void)state;
	process_tree_init(&tree, ACTOR_MANAGER, NULL);
	start(&tree, 1, 0);
	run(&tree, 1, "/sbin/init", "sh", "");
	start(&tree, 2, 1);
	run(&tree, 2, "/usr/bin/node", "/usr/bin/npm", "");
	start(&tree, 3, 2);
	run(&tree, 3, "/bin/sh", "-c", "evil");
	start(&tree, 4, 3);
	start(&tree, 5, 3);
	finish(&tree, 5);
	finish(&tree, 3);
	finish(&tree, 2);
	finish(&tree, 1);
	assert_int_equal(tree.survivors, 1);
	finish(&tree, 4);
	assert_int_equal(tree.survivors, 1);
	assert_int_equal(tree.package_alive, 0);
	process_tree_release(&tree);
}

static void names_are_bounded(void **state)
{
	struct process_tree tree;
	char name[32];
	char longest[PACKAGE_NAME_MAX + 2] = "";

	(void)state;
	process_tree_init(&tree, ACTOR_MANAGER, NULL);
	for (int i = 0; i < PACKAGE_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		assert_true(view_is(package_keep(&tree, view_of_string(name)), name));
	}
	assert_int_equal(package_keep(&tree, VIEW_LITERAL("one-more")).size, 0);
	assert_true(view_is(package_keep(&tree, VIEW_LITERAL("n7")), "n7"));
	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(package_keep(&tree, view_of_string(longest)).size, 0);
	process_tree_release(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_from_paths),
	        cmocka_unit_test(scripts_carry_their_package),
	        cmocka_unit_test(survivors_are_counted),
	        cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
