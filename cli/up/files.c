// SPDX-License-Identifier: Apache-2.0
#include "up/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { SMALL_FILE_MAX_BYTES = 64 * 1024, WALK_FDS = 16 };

char *file_read_small(const char *path, struct error *err)
{
	AUTO(buf) struct buf text;
	buf_init(&text, SMALL_FILE_MAX_BYTES);
	return file_read(path, &text, err) < 0 ? NULL : buf_detach(&text);
}

static int write_and_sync(const char *path, const char *text, mode_t mode, struct error *err)
{
	AUTO(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	size_t size = strlen(text);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot create '%s'", path);
	while (size) {
		ssize_t wrote = write(fd, text, size);
		if (wrote < 0)
			return error_set_errno(err, errno, "cannot write '%s'", path);
		text += wrote;
		size -= (size_t)wrote;
	}
	if (fsync(fd) != 0)
		return error_set_errno(err, errno, "cannot sync '%s'", path);
	return 0;
}

int file_write_atomically(const char *path, const char *text, mode_t mode, struct error *err)
{
	AUTO(free) char *staging = xasprintf("%s.tmp", path);
	int ret = write_and_sync(staging, text, mode, err);
	if (ret == 0 && rename(staging, path) != 0)
		ret = error_set_errno(err, errno, "cannot replace '%s'", path);
	return ret;
}

int directory_create(const char *path, mode_t mode, struct error *err)
{
	AUTO(free) char *partial = xstrdup(path);
	for (char *at = partial + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(partial, mode) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "cannot create '%s'", partial);
		*at = '/';
	}
	if (mkdir(partial, mode) != 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot create '%s'", partial);
	return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

int directory_remove(const char *path, struct error *err)
{
	if (nftw(path, remove_entry, WALK_FDS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		return error_set_errno(err, errno, "cannot remove '%s'", path);
	return 0;
}
