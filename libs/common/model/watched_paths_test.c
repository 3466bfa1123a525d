// SPDX-License-Identifier: Apache-2.0
#include "model/watched_paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct target {
	const struct config_node *node;
};

static const struct config_option options[] = {
        WATCHED_PATHS_OPTION(offsetof(struct target, node)),
};

static struct config *load(const char *yaml, struct target *target)
{
	char path[] = "/tmp/watched_paths_test.XXXXXX";
	const struct config_table table = {options, CONFIG_COUNT(options), target};
	const struct config_program program = {
	        .name = "test", .summary = "", .tables = &table, .table_count = 1};
	char *argv[] = {"test", "--config", path, NULL};
	enum config_action action;
	struct error err = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	(void)close(fd);
	struct config *config = config_load(&program, 3, argv, &action, &err);
	(void)unlink(path);
	if (!config)
		fail_msg("%s", err.text);
	return config;
}

static void lists_are_read(void **state)
{
	struct target target = {0};
	struct watched_paths paths;
	struct arena arena;
	struct job job = {0};

	(void)state;
	arena_init(&arena);
	struct config *config = load("watched_paths:\n"
	                             "  - prefix: /srv/\n"
	                             "  - prefix: \"/srv/key\"\n"
	                             "    cred: true\n",
	                             &target);
	assert_int_equal(watched_paths_read(target.node, &arena, &paths, NULL), 0);
	watched_paths_apply(&paths, &job);
	assert_int_equal(job.watched_path_count, 2);
	assert_string_equal(job.watched_paths[0].prefix, "/srv/");
	assert_false(job.watched_paths[0].cred);
	assert_true(job.watched_paths[1].cred);
	config_destroy(config);
	arena_release(&arena);
}

static void nothing_means_the_defaults(void **state)
{
	static const char *const yamls[] = {"log: {level: info}\n", "watched_paths: []\n",
	                                    "watched_paths:\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(yamls) / sizeof(yamls[0]); i++) {
		struct target target = {0};
		struct watched_paths paths;
		struct arena arena;

		arena_init(&arena);
		struct config *config = load(yamls[i], &target);
		assert_int_equal(watched_paths_read(target.node, &arena, &paths, NULL), 0);
		assert_int_equal(paths.count, job_default_watched_path_count);
		config_destroy(config);
		arena_release(&arena);
	}
}

static void mistakes_are_told_with_their_place(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
	        {"watched_paths: {prefix: /a}\n", "list"},
	        {"watched_paths: [/a]\n", "{prefix, cred}"},
	        {"watched_paths:\n  - prefix: a\n", ":2: "},
	        {"watched_paths:\n  - cred: true\n", "no prefix"},
	        {"watched_paths:\n  - prefix: /a\n    cred: maybe\n", ":3: "},
	        {"watched_paths:\n  - prefix: /a\n    credd: true\n", "credd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target target = {0};
		struct error err = {0};
		struct config *config = load(cases[i].yaml, &target);

		assert_true(watched_paths_check(target.node, &err) < 0);
		if (!strstr(err.text, cases[i].error))
			fail_msg("%s", err.text);
		config_destroy(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_are_read),
	        cmocka_unit_test(nothing_means_the_defaults),
	        cmocka_unit_test(mistakes_are_told_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
