// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/program.h"

enum { ARGUMENTS_MAX = 4 };
enum { NODE = 1, NPM = 2, INSTALLED = 4, TOOL = 8, PACKAGE = 16 };

#define NPM_CLI "/usr/local/lib/node_modules/npm/bin/npm-cli.js"

static const struct {
	const char *path, *script;
	const char *argv[ARGUMENTS_MAX];
	int what;
} cases[] = {
        {"/usr/local/bin/node",
         "",
         {"node", "/usr/local/bin/npm", "install"},
         NODE | NPM | INSTALLED},
        {"/usr/bin/nodejs", "", {"nodejs", "/usr/bin/npx"}, NODE | NPM | INSTALLED},
        /* a program that is in a package, even though it is npm's own */
        {"/usr/local/bin/node", "", {"node", NPM_CLI}, NODE | NPM | INSTALLED | PACKAGE},
        {"/usr/local/bin/node", "", {"node", "--no-warnings", "npm", "x"}, NODE | NPM},
        {"/tmp/node", "", {"node", "/usr/local/bin/npm"}, NODE | NPM},
        {"/usr/local/bin/node", "", {"node", "/tmp/npm"}, NODE | NPM},
        {"/usr/local/bin/node", "", {"node", "-e", "require('npm')"}, NODE},
        {"/usr/local/bin/node", "", {"node", "-e", "npm"}, NODE},
        {"/usr/local/bin/node", "", {"node"}, NODE},
        {"/usr/local/bin/npm", "", {"npm", "install"}, 0},
        {"/bin/sh", "", {"sh", "-c", "npm install x"}, 0},
        {"/bin/sh", "", {"sh", "cat node_modules/x/y"}, 0},
        {"/bin/sh", "", {"sh", "node_modules/x/y.sh"}, PACKAGE},
        {"/usr/bin/git", "", {"git", "clone"}, TOOL},
        {"/usr/lib/git-core/git-remote-https", "", {"git-remote-https"}, TOOL},
        {"/usr/bin/ssh", "", {"ssh", "git@example.test"}, TOOL},
        {"/usr/bin/ssh-keygen", "", {"ssh-keygen"}, 0},
        {"/tmp/git", "", {"git"}, 0},
        {"/bin/sh", "/usr/bin/git-x", {"sh", "/usr/bin/git-x"}, 0},
        {"/usr/bin/git", "/usr/bin/git", {"git"}, 0}, /* a script of that name */
        {"/usr/lib/node_modules/x/git", "", {"git"}, PACKAGE},
        {"/tmp/test/node_modules/x/build", "", {"build"}, PACKAGE},
        {"/usr/bin/python3", "/tmp/node_modules/x/a.py", {"python3", "a.py"}, PACKAGE},
        {"", "", {0}, 0},
};

static int what_is(const struct program *program)
{
	return (program_is_node(program) ? NODE : 0) | (program_is_npm(program) ? NPM : 0) |
	       (program_is_installed_npm(program) ? INSTALLED : 0) |
	       (program_is_npm_tool(program) ? TOOL : 0) |
	       (program_is_of_package(program) ? PACKAGE : 0);
}

static void programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view argv[ARGUMENTS_MAX];
		struct program program = {.path = view_of_string(cases[i].path),
		                          .script = view_of_string(cases[i].script),
		                          .argv = argv};
		while (program.argc < ARGUMENTS_MAX && cases[i].argv[program.argc]) {
			argv[program.argc] = view_of_string(cases[i].argv[program.argc]);
			program.argc++;
		}
		if (what_is(&program) != cases[i].what)
			fail_msg("%zu, '%s': %d, not %d", i, cases[i].path, what_is(&program),
			         cases[i].what);
	}
}

static void base_names(void **state)
{
	(void)state;
	assert_true(view_is(path_base_name(VIEW_LITERAL("/usr/bin/node")), "node"));
	assert_true(view_is(path_base_name(VIEW_LITERAL("node")), "node"));
	assert_true(view_is(path_base_name(VIEW_LITERAL("/")), ""));
	assert_true(view_is(path_base_name((struct view){0}), ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(programs),
	        cmocka_unit_test(base_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
