// SPDX-License-Identifier: Apache-2.0
/* Records of processes and files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder_fixture.h"

static void give_file(struct decoder_fixture *fixture, enum record_kind kind, unsigned flags,
                      const char *base, const char *name, int32_t result)
{
	struct record_file *file = decoder_begin(fixture, kind, flags, sizeof(*file));

	file->result = result;
	file->path_size = (uint16_t)decoder_add_text(fixture, view_of_string(base));
	file->name_size = (uint16_t)decoder_add_text(fixture, view_of_string(name));
	decoder_give(fixture);
}

static void test_opened_files(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_file(fixture, RECORD_FILE, 0, "/etc/hosts", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/root/.ssh/id_rsa", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_PROC_SELF | RECORD_CRED, "/proc/77/environ", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_CUT, "/deep/down", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_OUTSIDE, "/not/watched", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_OUTSIDE, "/etc/outside", "", 3);
	decoder_expect(fixture, "manager file_access /etc/hosts tags 1 result 3\n"
	                        "manager file_access /root/.ssh/id_rsa tags 3 result 3\n"
	                        "manager file_access /proc/self/environ tags 3 result 3\n"
	                        "manager file_access /deep/down tags 1 result 3 cut\n"
	                        "manager file_access /etc/outside tags 1 result 3\n");
	assert_int_equal(fixture->decoder.stats.cut, 1);
}

static void test_failed_opens_are_matched_here(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_file(fixture, RECORD_FILE_FAILED, 0, "/root", ".ssh/./id_rsa", -ENOENT);
	give_file(fixture, RECORD_FILE_FAILED, 0, "", "/usr/../etc/x", -EACCES);
	give_file(fixture, RECORD_FILE_FAILED, 0, "", "/usr/x", -ENOENT);
	decoder_expect(fixture, "manager file_access /root/.ssh/id_rsa tags 3 result -2\n"
	                        "manager file_access /etc/x tags 1 result -13\n");
}

static void give_look(struct decoder_fixture *fixture, const char *base, const char *name,
                      int32_t result)
{
	struct record_file *file = decoder_begin(fixture, RECORD_FILE_FAILED, 0, sizeof(*file));

	file->operation = RECORD_STAT;
	file->result = result;
	file->path_size = (uint16_t)decoder_add_text(fixture, view_of_string(base));
	file->name_size = (uint16_t)decoder_add_text(fixture, view_of_string(name));
	decoder_give(fixture);
}

/* Of what is no credential nobody wants to know who looks at it. */
static void test_looks(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_look(fixture, "", "/etc/./hosts", 0);
	give_look(fixture, "/root", "x/../.ssh/id_rsa", 0);
	give_look(fixture, "", "/root/.ssh/id_dsa", -ENOENT);
	decoder_expect(fixture, "manager file_access /root/.ssh/id_rsa tags 3 result 0 stat\n"
	                        "manager file_access /root/.ssh/id_dsa tags 3 result -2 stat\n");
}

/* The queue of the second witness is read when the record of the process's fork is not there yet.
 */
static void test_witnessed_before_the_fork_is_known(void **state)
{
	struct decoder_fixture *fixture = *state;
	const struct witnessed witnessed = {
	        .pid = DECODER_PID, .inode = 7, .path = VIEW_LITERAL("/etc/hosts")};
	const struct witnessed strange = {
	        .pid = DECODER_PID + 1, .inode = 7, .path = VIEW_LITERAL("/etc/hosts")};

	run_decoder_witnessed(&fixture->decoder, &witnessed);
	run_decoder_witnessed(&fixture->decoder, &strange);
	run_decoder_turn(&fixture->decoder);
	(void)decoder_begin(fixture, RECORD_FORK, 0, sizeof(struct record_fork));
	decoder_give(fixture);
	run_decoder_turn(&fixture->decoder);
	decoder_expect(fixture, "manager file_access /etc/hosts tags 1 result -2147483648\n");
	run_decoder_turn(&fixture->decoder);
	decoder_expect(fixture, "");
}

static void test_exec(void **state)
{
	struct decoder_fixture *fixture = *state;

	decoder_give_exec(fixture, "/usr/bin/env", "", "", VIEW_LITERAL("env\0\0two words\0"));
	decoder_give_exec(fixture, "/usr/bin/dash", "./x.sh", "/tmp", VIEW_LITERAL("sh\0./x.sh\0"));
	decoder_give_exec(fixture, "/bin/cut", "", "", VIEW_LITERAL("no end"));
	decoder_expect(fixture, "manager exec /usr/bin/env [env] [] [two words]\n"
	                        "manager exec /tmp/x.sh [sh] [./x.sh]\n"
	                        "manager exec /usr/bin/dash [sh] [./x.sh]\n"
	                        "manager exec /bin/cut [no end]\n");
}

/* What the container runtime does in the run's cgroup before the sandbox's first program runs, be
 * it under whatever name, is nobody's. */
static void test_set_up_is_left_out(void **state)
{
	struct decoder_fixture *fixture = *state;
	struct record_connect *connect;

	process_tree_await(&fixture->decoder.tree, VIEW_LITERAL("docker-init"));
	decoder_give_exec(fixture, "/", "", "", VIEW_LITERAL("runc\0init\0"));
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/etc/passwd", "", 3);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/x", -ENOENT);
	connect = decoder_begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));
	connect->to.family = 2;
	decoder_give(fixture);
	decoder_give_exec(fixture, "/usr/sbin/docker-init", "", "", VIEW_LITERAL("docker-init\0"));
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/etc/passwd", "", 3);
	/* A package that runs something of that name is seen. */
	decoder_give_exec(fixture, "/usr/sbin/docker-init", "", "", VIEW_LITERAL("docker-init\0"));
	decoder_expect(fixture, "manager file_access /etc/passwd tags 3 result 3\n"
	                        "manager exec /usr/sbin/docker-init [docker-init]\n");
}

static void test_search_along_path_is_one_attempt(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/curl", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/bin/curl", -ENOENT);
	decoder_expect(fixture, "");
	decoder_give_exec(fixture, "/opt/curl", "", "", VIEW_LITERAL("curl\0"));
	decoder_expect(fixture, "manager exec /opt/curl [curl]\n");
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/wget", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/bin/wget", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "/tmp", "./own", -EACCES);
	decoder_expect(fixture, "manager exec wget result -2\n");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "manager exec /tmp/own result -13\n");
	run_decoder_flush(&fixture->decoder);
	decoder_expect(fixture, "");
	assert_int_equal(fixture->decoder.stats.exec_failed, 5);
}

static void test_exit_ends_a_search(void **state)
{
	struct decoder_fixture *fixture = *state;

	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/curl", -ENOENT);
	(void)decoder_begin(fixture, RECORD_EXIT, 0, sizeof(struct record_exit));
	decoder_give(fixture);
	decoder_expect(fixture, "manager exec /usr/bin/curl result -2\n");
	assert_int_equal(fixture->decoder.tree.alive, 0);
}

static void test_every_cut_of_a_record_is_refused(void **state)
{
	struct decoder_fixture *fixture = *state;
	struct run_decoder_stats *stats = &fixture->decoder.stats;

	decoder_give_exec(fixture, "/usr/bin/dash", "./x.sh", "/tmp", VIEW_LITERAL("sh\0./x.sh\0"));
	buf_reset(&fixture->lines);
	for (size_t size = 0; size < fixture->size; size++)
		run_decoder_record(&fixture->decoder, view_of(fixture->record, size));
	decoder_expect(fixture, "");
	assert_int_equal(stats->malformed, fixture->size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, decoder_set_up, decoder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_opened_files),
	        TEST(test_failed_opens_are_matched_here),
	        TEST(test_looks),
	        TEST(test_witnessed_before_the_fork_is_known),
	        TEST(test_exec),
	        TEST(test_set_up_is_left_out),
	        TEST(test_search_along_path_is_one_attempt),
	        TEST(test_exit_ends_a_search),
	        TEST(test_every_cut_of_a_record_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
