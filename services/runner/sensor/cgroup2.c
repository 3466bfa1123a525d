// SPDX-License-Identifier: Apache-2.0
#include "cgroup2.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "sensor.h"

enum { MOUNTINFO_MAX = 1 << 20, MOUNTINFO_BLOCK = 16384, OCTAL_DIGITS = 3 };

/* Field with blanks written as "\040". */
static bool unescape(struct view field, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < field.size; i++) {
		char c = field.data[i];

		if (used + 1 >= size)
			return false;
		if (c == '\\' && i + OCTAL_DIGITS < field.size) {
			c = (char)((field.data[i + 1] - '0') << 6 | (field.data[i + 2] - '0') << 3 |
			           (field.data[i + 3] - '0'));
			i += OCTAL_DIGITS;
		}
		text[used++] = c;
	}
	text[used] = '\0';
	return true;
}

/* "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw" */
static bool parse_line(struct view line, struct cgroup2_mount *ret)
{
	struct view root, point, field;

	for (int skipped = 0; skipped < 3; skipped++)
		(void)view_split(&line, ' ');
	root = view_split(&line, ' ');
	point = view_split(&line, ' ');
	do {
		field = view_split(&line, ' ');
	} while (field.size && !view_is(field, "-"));
	return view_is(view_split(&line, ' '), "cgroup2") &&
	       unescape(root, ret->root, sizeof(ret->root)) &&
	       unescape(point, ret->point, sizeof(ret->point));
}

bool cgroup2_parse_mountinfo(struct view text, struct cgroup2_mount *ret)
{
	while (text.size)
		if (parse_line(view_split(&text, '\n'), ret))
			return true;
	return false;
}

int cgroup2_find_mount(struct cgroup2_mount *ret, struct error *err)
{
	static const char name[] = "/proc/self/mountinfo";
	AUTO(fclose) FILE *file = fopen(name, "re");
	AUTO(buf) struct buf text;
	size_t got;

	buf_init(&text, MOUNTINFO_MAX);
	if (!file)
		return error_set_errno(err, errno, "cannot open '%s'", name);
	do {
		char *room = buf_reserve(&text, MOUNTINFO_BLOCK);

		got = room ? fread(room, 1, MOUNTINFO_BLOCK, file) : 0;
		buf_advance(&text, got);
	} while (got);
	if (cgroup2_parse_mountinfo(buf_view(&text), ret))
		return 0;
	return error_set_class(err, ERROR_FATAL, ENOENT,
	                       "no cgroup v2 tree is mounted: mount one with 'mount -t cgroup2 "
	                       "none /sys/fs/cgroup/unified'");
}

int sensor_cgroup_root(char *path, size_t size, struct error *err)
{
	struct cgroup2_mount mount;
	int r = cgroup2_find_mount(&mount, err);

	if (r < 0)
		return r;
	if ((size_t)snprintf(path, size, "%s", mount.point) >= size)
		return error_set(err, ENAMETOOLONG, "path of the cgroup v2 tree is too long: '%s'",
		                 mount.point);
	return 0;
}

static uint32_t count_components(struct view path)
{
	uint32_t count = 0;

	while (path.size)
		count += view_split(&path, '/').size != 0;
	return count;
}

static int not_in_tree(const char *path, const struct cgroup2_mount *mount, struct error *err)
{
	return error_set(err, EINVAL, "'%s' is not in the cgroup v2 tree, which is mounted at '%s'",
	                 path, mount->point);
}

/* `real` is open as `fd`. */
static int describe(const char *real, int fd, struct cgroup2_place *ret, struct error *err)
{
	struct cgroup2_mount mount;
	struct statfs fs;
	struct stat st;
	size_t point;
	int r = cgroup2_find_mount(&mount, err);

	if (r < 0)
		return r;
	point = strlen(mount.point);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) < 0 ||
	    strncmp(real, mount.point, point) != 0)
		return not_in_tree(real, &mount, err);
	*ret = (struct cgroup2_place){
	        .id = st.st_ino,
	        .depth = count_components(view_of_string(mount.root)) +
	                 count_components(view_of_string(real + point)),
	        .fd = fd,
	};
	return 0;
}

int cgroup2_open(const char *path, struct cgroup2_place *ret, struct error *err)
{
	AUTO(free) char *real = realpath(path, NULL);
	int fd = real ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	if (fd < 0)
		return error_set_class(err, ERROR_DROP, errno,
		                       "cannot open cgroup directory '%s': %s", path,
		                       strerror(errno));
	r = describe(real, fd, ret, err);
	if (r < 0)
		(void)close(fd);
	return r;
}
