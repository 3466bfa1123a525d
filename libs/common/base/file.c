// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"

int file_read(const char *path, struct buf *out, struct error *err)
{
	enum { PIECE = 4096 };
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	for (;;) {
		char piece[PIECE];
		ssize_t size = read(fd, piece, sizeof(piece));
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		if (size == 0)
			return 0;
		buf_append(out, piece, (size_t)size);
		if (out->overflowed)
			return error_set_class(err, ERROR_DROP, EFBIG,
			                       "'%s' is larger than %zu bytes", path, out->max);
	}
}
