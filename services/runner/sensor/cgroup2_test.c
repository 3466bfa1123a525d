// SPDX-License-Identifier: Apache-2.0
#include "cgroup2.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_mountinfo(void **state)
{
	static const struct {
		const char *text, *root, *point; /* point NULL: none found */
	} rows[] = {
	        {"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	         "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
	         "/", "/sys/fs/cgroup/unified"},
	        {"30 24 0:26 / /sys/fs/cgroup rw shared:4 master:5 - cgroup2 cgroup2 rw", "/",
	         "/sys/fs/cgroup"},
	        {"30 24 0:26 /system.slice/x /mnt/a\\040b rw - cgroup2 none rw", "/system.slice/x",
	         "/mnt/a b"},
	        {"30 24 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n", NULL, NULL},
	        {"30 24 0:26 / /x rw cgroup2", NULL, NULL},
	        {"\n\n-\n - cgroup2\n", NULL, NULL},
	        {"", NULL, NULL},
	};
	struct cgroup2_mount mount;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool found = cgroup2_parse_mountinfo(view_of_string(rows[i].text), &mount);

		if (found != (rows[i].point != NULL))
			fail_msg("row %zu", i);
		if (found) {
			assert_string_equal(mount.root, rows[i].root);
			assert_string_equal(mount.point, rows[i].point);
		}
	}
}

static void test_bad_places(void **state)
{
	struct cgroup2_place place;
	struct error err = {0};

	(void)state;
	assert_true(cgroup2_open("/nonexistent/cgroup", &place, &err) < 0);
	assert_int_equal(err.class, ERROR_DROP);
	assert_true(cgroup2_open("/tmp", &place, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_mountinfo),
	        cmocka_unit_test(test_bad_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
