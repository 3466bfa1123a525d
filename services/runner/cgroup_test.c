// SPDX-License-Identifier: Apache-2.0
#include "cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char PURE[] =
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char HYBRID[] = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
                             "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                             "33 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char ESCAPED[] = "30 23 0:26 / /mnt/a\\040b\\134c rw - cgroup2 cgroup2 rw\n";
static const char NESTED[] =
        "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
        "31 23 0:26 / /host/cgroup rw master:1 propagate_from:2 - cgroup2 cgroup2 rw";
static const char LEGACY[] = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";

static void mount_points_are_found(void **state)
{
	static const struct {
		const char *text, *unified;
		size_t legacy;
	} cases[] = {
	        {PURE, "/sys/fs/cgroup", 0},
	        {HYBRID, "/sys/fs/cgroup/unified", 2},
	        {ESCAPED, "/mnt/a b\\c", 0},
	        {NESTED, "/host/cgroup", 0},
	        {LEGACY, NULL, 0},
	        {"", NULL, 0},
	        {"\n\n1 2\n - cgroup2\n", NULL, 0},
	        {"30 23 0:26 / /x rw no dash cgroup2", NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct cgroup_tree *tree = cgroup_tree_parse(view_of_string(cases[i].text), &err);
		if (!cases[i].unified) {
			assert_null(tree);
			assert_int_equal(err.class, ERROR_FATAL);
			continue;
		}
		assert_non_null(tree);
		assert_string_equal(cgroup_tree_unified(tree), cases[i].unified);
		assert_int_equal(cgroup_tree_legacy_count(tree), cases[i].legacy);
		cgroup_tree_destroy(tree);
	}
}

static void names_follow_the_engines_driver(void **state)
{
	(void)state;
	static const char hex[] = "18b2089cca1122330000000000000000";
	struct run_id id;
	assert_true(run_id_parse(view_of_string(hex), &id));
	struct error err = {0};
	AUTO(cgroup_tree)
	struct cgroup_tree *tree = cgroup_tree_parse(view_of_string(HYBRID), &err);
	assert_non_null(tree);

	struct run_cgroup cgroup;
	run_cgroup_name(tree, CGROUP_NAMED_BY_PATH, &id, &cgroup);
	assert_string_equal(cgroup.parent, "/fangs/18b2089cca1122330000000000000000");
	assert_string_equal(cgroup.directory, "/sys/fs/cgroup/unified/fangs/"
	                                      "18b2089cca1122330000000000000000");

	run_cgroup_name(tree, CGROUP_NAMED_BY_SLICE, &id, &cgroup);
	assert_string_equal(cgroup.parent, "fangs-18b2089cca1122330000000000000000.slice");
	assert_string_equal(cgroup.directory, "/sys/fs/cgroup/unified/fangs.slice/"
	                                      "fangs-18b2089cca1122330000000000000000.slice");
}

/* An ordinary directory stands in for the hierarchy. */
static void directories_are_made_and_removed_with_their_children(void **state)
{
	(void)state;
	char root[] = "/tmp/cgroup-test-XXXXXX";
	assert_non_null(mkdtemp(root));
	AUTO(buf) struct buf text;
	buf_init(&text, PATH_MAX);
	buf_printf(&text, "30 23 0:26 / %s rw - cgroup2 cgroup2 rw\n", root);
	struct error err = {0};
	AUTO(cgroup_tree) struct cgroup_tree *tree = cgroup_tree_parse(buf_view(&text), &err);
	assert_non_null(tree);

	struct run_id id = {{1, 2, 3}};
	struct run_cgroup cgroup;
	run_cgroup_name(tree, CGROUP_NAMED_BY_PATH, &id, &cgroup);
	assert_int_equal(run_cgroup_create(&cgroup, "runner", &err), 0);
	assert_int_equal(run_cgroup_create(&cgroup, "runner", &err), 0);
	char child[PATH_MAX + 16];
	(void)snprintf(child, sizeof(child), "%s/container", cgroup.directory);
	assert_int_equal(mkdir(child, 0755), 0);

	assert_int_equal(run_cgroup_remove(tree, &cgroup, 0, &err), 0);
	assert_int_equal(access(cgroup.directory, F_OK), -1);
	assert_int_equal(run_cgroup_remove(tree, &cgroup, 0, &err), 0);
	(void)snprintf(child, sizeof(child), "%s/fangs", root);
	(void)rmdir(child);
	(void)rmdir(root);
}

/* A stand-in for systemctl writes down what it was told. */
static void slices_are_stopped(void **state)
{
	(void)state;
	char root[] = "/tmp/cgroup-test-XXXXXX";
	assert_non_null(mkdtemp(root));
	char script[PATH_MAX], told[PATH_MAX], text[256] = "";
	(void)snprintf(script, sizeof(script), "%s/systemctl", root);
	(void)snprintf(told, sizeof(told), "%s/told", root);
	FILE *file = fopen(script, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "#!/bin/sh\necho \"$@\" >%s\n", told) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(script, 0700), 0);
	char path[PATH_MAX];
	const char *old_path = getenv("PATH");
	(void)snprintf(path, sizeof(path), "%s", old_path ? old_path : "");
	assert_int_equal(setenv("PATH", root, 1), 0);

	struct error err = {0};
	const struct run_id id = {{0xab}};
	AUTO(cgroup_tree)
	struct cgroup_tree *tree = cgroup_tree_parse(view_of_string(PURE), &err);
	struct run_cgroup cgroup;
	run_cgroup_name(tree, CGROUP_NAMED_BY_SLICE, &id, &cgroup);
	assert_int_equal(run_cgroup_remove(tree, &cgroup, 0, &err), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);

	file = fopen(told, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, "stop --no-block "
	                          "fangs-ab000000000000000000000000000000.slice\n");
	(void)unlink(told);
	(void)unlink(script);
	(void)rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mount_points_are_found),
	        cmocka_unit_test(names_follow_the_engines_driver),
	        cmocka_unit_test(directories_are_made_and_removed_with_their_children),
	        cmocka_unit_test(slices_are_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
