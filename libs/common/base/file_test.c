// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

static void files_are_read_whole_or_not(void **state)
{
	(void)state;
	char path[] = "/tmp/fangs-file-test-XXXXXX";
	AUTO(close) int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "content\n", 8), 8);
	struct error err = {0};
	AUTO(buf) struct buf buf;
	AUTO(buf) struct buf small;
	buf_init(&buf, 8);
	buf_init(&small, 7);
	assert_int_equal(file_read(path, &buf, &err), 0);
	assert_string_equal(buf.data, "content\n");
	assert_int_equal(file_read(path, &small, &err), -EFBIG);
	assert_int_equal(err.class, ERROR_DROP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(file_read(path, &buf, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(file_read("/", &buf, &err), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(files_are_read_whole_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
