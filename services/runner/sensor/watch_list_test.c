// SPDX-License-Identifier: Apache-2.0
#include "watch_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static const struct watched_path watched[] = {
        {"/etc/", false},      {"/etc/shadow", true},        {"/root/", false},
        {"/root/.ssh/", true}, {"/proc/self/environ", true},
};

static void test_longest_prefix_wins(void **state)
{
	static const struct {
		const char *path;
		enum watch_match match;
	} rows[] = {
	        {"/etc/hosts", WATCH_MATCH_PLAIN},
	        {"/etc/shadow", WATCH_MATCH_CRED},
	        {"/etc/shadow-", WATCH_MATCH_CRED},
	        {"/etc", WATCH_MATCH_NONE},
	        {"/root/.ssh/id_rsa", WATCH_MATCH_CRED},
	        {"/root/.sshx", WATCH_MATCH_PLAIN},
	        {"/usr/bin/env", WATCH_MATCH_NONE},
	        {"/proc/self/environ", WATCH_MATCH_CRED},
	        {"/proc/123/environ", WATCH_MATCH_CRED},
	        {"/proc/123/maps", WATCH_MATCH_NONE},
	        {"/proc/1/task/23/environ", WATCH_MATCH_CRED},
	        {"/proc/1/task/environ", WATCH_MATCH_NONE},
	        {"/proc/self/task/23/environ", WATCH_MATCH_CRED},
	        {"/proc/1/task/2x/environ", WATCH_MATCH_NONE},
	        {"/proc/x/environ", WATCH_MATCH_NONE},
	        {"", WATCH_MATCH_NONE},
	};
	struct watch_list list;
	struct error err;

	(void)state;
	assert_int_equal(watch_list_init(&list, watched, sizeof(watched) / sizeof(*watched), &err),
	                 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (watch_list_match(&list, view_of_string(rows[i].path)) != rows[i].match)
			fail_msg("'%s'", rows[i].path);
	watch_list_release(&list);
}

static void test_bad_prefixes_are_refused(void **state)
{
	static char longest[258];
	const char *const bad[] = {"", "etc/", longest};
	struct watch_list list;
	struct error err;

	(void)state;
	memset(longest, '/', sizeof(longest) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct watched_path path = {bad[i], false};

		assert_int_equal(watch_list_init(&list, &path, 1, &err), -EINVAL);
		assert_int_equal(err.class, ERROR_DROP);
	}
	assert_int_equal(watch_list_init(&list, NULL, 0, &err), 0);
	watch_list_release(&list);
}

static void test_resolve(void **state)
{
	static const struct {
		const char *base, *name, *path;
	} rows[] = {
	        {"/tmp", "x", "/tmp/x"},
	        {"/tmp", "/x", "/x"},
	        {"/tmp/a", "../b/./c//d", "/tmp/b/c/d"},
	        {"/tmp", "../../../etc/x", "/etc/x"},
	        {"/", "x", "/x"},
	        {"", "/", "/"},
	        {"", "/a/..", "/"},
	        {"", "", "/"},
	        {"/tmp", "", "/tmp"},
	        {"", "/proc/self/root/etc/x", "/etc/x"},
	        {"", "/proc/12/root/proc/self/root/x", "/x"},
	        {"", "/proc/self/rooted", "/proc/self/rooted"},
	        {"", "/proc/self/root", "/"},
	        {"", "/...", "/..."},
	};
	AUTO(buf) struct buf path;

	(void)state;
	buf_init(&path, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_reset(&path);
		path_resolve(&path, view_of_string(rows[i].base), view_of_string(rows[i].name));
		assert_string_equal(path.data, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_longest_prefix_wins),
	        cmocka_unit_test(test_bad_prefixes_are_refused),
	        cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
