// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { BLOCK = 512, TYPE_OFFSET = 156, ARCHIVE_MAX = 1 << 16 };

static void what_is_written_is_read_back(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 5000};
	static char content[5000];
	(void)state;
	memset(content, 'x', sizeof(content));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO(buf) struct buf archive;
		buf_init(&archive, ARCHIVE_MAX);
		tar_write_file(&archive, "sbin/init", 0755, view_of(content, sizes[i]));
		assert_int_equal(archive.size % BLOCK, 0);
		struct view file = tar_first_file(buf_view(&archive));
		assert_int_equal(file.size, sizes[i]);
	}
}

/* Real tar has the last word. */
static void tar_itself_reads_it(void **state)
{
	(void)state;
	char path[] = "/tmp/tar-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	AUTO(buf) struct buf archive;
	buf_init(&archive, ARCHIVE_MAX);
	tar_write_file(&archive, "sbin/docker-init", 0755, VIEW_LITERAL("hello"));
	assert_int_equal(write(fd, archive.data, archive.size), archive.size);
	assert_int_equal(close(fd), 0);
	char command[256];
	(void)snprintf(
	        command, sizeof(command),
	        "test \"$(tar -tvf %s | grep -c '^-rwxr-xr-x 0/0  *5 .* sbin/docker-init$')\" "
	        "= 1 && test \"$(tar -xOf %s)\" = hello",
	        path, path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): fixed text, own file */
	assert_int_equal(unlink(path), 0);
}

static void headers_before_the_file_are_skipped(void **state)
{
	(void)state;
	AUTO(buf) struct buf archive, file;
	buf_init(&archive, ARCHIVE_MAX);
	buf_init(&file, ARCHIVE_MAX);
	tar_write_file(&archive, "pax", 0644, VIEW_LITERAL("30 mtime=1\n"));
	archive.data[TYPE_OFFSET] = 'x';
	archive.size = (size_t)BLOCK * 2; /* without the end marker */
	tar_write_file(&file, "package.json", 0644, VIEW_LITERAL("{}"));
	buf_append_view(&archive, buf_view(&file));
	assert_true(view_is(tar_first_file(buf_view(&archive)), "{}"));
}

static void cut_archives_hold_nothing(void **state)
{
	(void)state;
	AUTO(buf) struct buf archive;
	buf_init(&archive, ARCHIVE_MAX);
	tar_write_file(&archive, "a", 0644, VIEW_LITERAL("content"));
	assert_int_equal(tar_first_file(view_of(archive.data, BLOCK + 3)).size, 0);
	assert_int_equal(tar_first_file(view_of(archive.data, 100)).size, 0);
	assert_int_equal(tar_first_file((struct view){0}).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_written_is_read_back),
	        cmocka_unit_test(tar_itself_reads_it),
	        cmocka_unit_test(headers_before_the_file_are_skipped),
	        cmocka_unit_test(cut_archives_hold_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
