// SPDX-License-Identifier: Apache-2.0
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
	HIERARCHIES_MAX = 32,
	MOUNTINFO_MAX_BYTES = 1 << 20,
	NEST_MAX = 8, /* a container may make cgroups of its own */
	REMOVE_RETRY_MS = 50,
	RUNNER_ID_MAX = 256,
};

static const char RUNNER_XATTR[] = "trusted.fangs.runner";

struct cgroup_tree {
	char *unified;
	char *legacy[HIERARCHIES_MAX];
	size_t legacy_count;
};

/* Reading mountinfo. ------------------------------------------------------------------------- */

static bool is_octal_escape(struct view v, size_t at)
{
	return v.data[at] == '\\' && at + 3 < v.size && v.data[at + 1] >= '0' &&
	       v.data[at + 1] <= '3' && v.data[at + 2] >= '0' && v.data[at + 2] <= '7' &&
	       v.data[at + 3] >= '0' && v.data[at + 3] <= '7';
}

/* Mount points escape space, tab, newline and backslash as three octal digits. */
static char *unescape_path(struct view v)
{
	char *path = xmalloc(v.size + 1);
	size_t size = 0;
	for (size_t i = 0; i < v.size; i++) {
		if (is_octal_escape(v, i)) {
			path[size++] = (char)((v.data[i + 1] - '0') * 64 +
			                      (v.data[i + 2] - '0') * 8 + (v.data[i + 3] - '0'));
			i += 3;
		} else {
			path[size++] = v.data[i];
		}
	}
	path[size] = '\0';
	return path;
}

struct mount_line {
	struct view root, point, type;
};

/* "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sda1 rw": any number of optional fields
 * stand before the single dash. */
static bool read_mount_line(struct view line, struct mount_line *ret)
{
	enum { FIELD_ROOT = 3, FIELD_POINT = 4, FIELD_OPTIONS = 5 };
	for (int field = 0; field <= FIELD_OPTIONS; field++) {
		struct view text = view_split(&line, ' ');
		if (text.size == 0)
			return false;
		if (field == FIELD_ROOT)
			ret->root = text;
		else if (field == FIELD_POINT)
			ret->point = text;
	}
	while (line.size > 0) {
		if (view_is(view_split(&line, ' '), "-")) {
			ret->type = view_split(&line, ' ');
			return ret->type.size > 0;
		}
	}
	return false;
}

static void add_mount(struct cgroup_tree *tree, const struct mount_line *mount)
{
	/* A mount of a part of the hierarchy is some container's view, not the host's. */
	if (!view_is(mount->root, "/"))
		return;
	if (view_is(mount->type, "cgroup2") && !tree->unified)
		tree->unified = unescape_path(mount->point);
	else if (view_is(mount->type, "cgroup") && tree->legacy_count < HIERARCHIES_MAX)
		tree->legacy[tree->legacy_count++] = unescape_path(mount->point);
}

struct cgroup_tree *cgroup_tree_parse(struct view mountinfo, struct error *err)
{
	struct cgroup_tree *tree = xcalloc(1, sizeof(*tree));
	while (mountinfo.size > 0) {
		struct mount_line mount = {0};
		if (read_mount_line(view_split(&mountinfo, '\n'), &mount))
			add_mount(tree, &mount);
	}
	if (!tree->unified) {
		(void)error_set_class(err, ERROR_FATAL, ENOENT,
		                      "no cgroup v2 hierarchy is mounted on this host: the sensor "
		                      "needs one (mount -t cgroup2 none /sys/fs/cgroup/unified)");
		cgroup_tree_destroy(tree);
		return NULL;
	}
	return tree;
}

struct cgroup_tree *cgroup_tree_read(struct error *err)
{
	static const char path[] = "/proc/self/mountinfo";
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		(void)error_set_errno(err, errno, "cannot open '%s'", path);
		return NULL;
	}
	enum { PIECE_BYTES = 16384 };
	AUTO(buf) struct buf text;
	buf_init(&text, MOUNTINFO_MAX_BYTES);
	for (;;) {
		char *room = buf_reserve(&text, PIECE_BYTES);
		ssize_t got = room ? read(fd, room, PIECE_BYTES) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		buf_advance(&text, (size_t)got);
	}
	return cgroup_tree_parse(buf_view(&text), err);
}

void cgroup_tree_destroy(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->legacy_count; i++)
		free(tree->legacy[i]);
	free(tree->unified);
	free(tree);
}

const char *cgroup_tree_unified(const struct cgroup_tree *tree)
{
	return tree->unified;
}

size_t cgroup_tree_legacy_count(const struct cgroup_tree *tree)
{
	return tree->legacy_count;
}

/* One run. ----------------------------------------------------------------------------------- */

static const char *group_folder(enum cgroup_naming naming)
{
	return naming == CGROUP_NAMED_BY_SLICE ? "/fangs.slice" : "/fangs";
}

void run_cgroup_name(const struct cgroup_tree *tree, enum cgroup_naming naming,
                     const struct run_id *run_id, struct run_cgroup *ret)
{
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(run_id, id);
	ret->naming = naming;
	if (naming == CGROUP_NAMED_BY_SLICE) {
		/* systemd reads the dash as nesting: fangs-x.slice lives in fangs.slice. */
		(void)snprintf(ret->parent, sizeof(ret->parent), "fangs-%s.slice", id);
		(void)snprintf(ret->relative, sizeof(ret->relative), "%s/%s", group_folder(naming),
		               ret->parent);
	} else {
		(void)snprintf(ret->parent, sizeof(ret->parent), "%s/%s", group_folder(naming), id);
		(void)snprintf(ret->relative, sizeof(ret->relative), "%s", ret->parent);
	}
	(void)snprintf(ret->directory, sizeof(ret->directory), "%s%s", tree->unified,
	               ret->relative);
}

static int make_directory(const char *path, struct error *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot create cgroup '%s'", path);
	return 0;
}

int run_cgroup_create(const struct run_cgroup *cgroup, const char *runner_id, struct error *err)
{
	char folder[PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", cgroup->directory);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	int r = make_directory(folder, err);
	if (r == 0)
		r = make_directory(cgroup->directory, err);
	if (r < 0)
		return r;
	/* Without the mark only the sweep after a crash loses sight of the directory. */
	(void)setxattr(cgroup->directory, RUNNER_XATTR, runner_id, strlen(runner_id), 0);
	return 0;
}

/* 0 when the directory is gone. */
static int remove_tree(const char *path, int depth)
{
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (depth == 0)
		return -EBUSY;
	DIR *directory = opendir(path);
	if (!directory)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		char child[PATH_MAX];
		int size = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && size > 0 &&
		    (size_t)size < sizeof(child))
			(void)remove_tree(child, depth - 1);
	}
	(void)closedir(directory);
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_everywhere(const struct cgroup_tree *tree, const char *relative)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < tree->legacy_count; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", tree->legacy[i], relative);
		(void)remove_tree(path, NEST_MAX);
	}
	(void)snprintf(path, sizeof(path), "%s%s", tree->unified, relative);
	return remove_tree(path, NEST_MAX);
}

/* Best effort: a host without the program has no slices either. */
static void stop_slice(const char *slice)
{
	char program[] = "systemctl", verb[] = "stop", no_wait[] = "--no-block";
	char name[sizeof(((struct run_cgroup *)0)->parent)];
	(void)snprintf(name, sizeof(name), "%s", slice);
	char *const arguments[] = {program, verb, no_wait, name, NULL};
	pid_t pid;
	if (posix_spawnp(&pid, program, NULL, NULL, arguments, environ) == 0)
		(void)waitpid(pid, NULL, 0);
}

int run_cgroup_remove(const struct cgroup_tree *tree, const struct run_cgroup *cgroup,
                      int64_t timeout_ms, struct error *err)
{
	const struct timespec pause = {.tv_nsec = (long)REMOVE_RETRY_MS * NS_PER_MS};
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int r;
	if (cgroup->naming == CGROUP_NAMED_BY_SLICE)
		stop_slice(cgroup->parent);
	while ((r = remove_everywhere(tree, cgroup->relative)) < 0) {
		if (clock_monotonic_ms() >= deadline_ms)
			return error_set_errno(err, -r, "cannot remove cgroup '%s'",
			                       cgroup->directory);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static bool belongs_to(const char *path, const char *runner_id)
{
	char owner[RUNNER_ID_MAX];
	ssize_t size = getxattr(path, RUNNER_XATTR, owner, sizeof(owner));
	return size >= 0 && view_is(view_of(owner, (size_t)size), runner_id);
}

size_t cgroup_sweep(const struct cgroup_tree *tree, enum cgroup_naming naming,
                    const char *runner_id)
{
	char folder[PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s%s", tree->unified, group_folder(naming));
	DIR *directory = opendir(folder);
	if (!directory)
		return 0;
	size_t removed = 0;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		char path[PATH_MAX], relative[PATH_MAX];
		int size = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || size < 0 ||
		    (size_t)size >= sizeof(path) || !belongs_to(path, runner_id))
			continue;
		(void)snprintf(relative, sizeof(relative), "%s/%s", group_folder(naming),
		               entry->d_name);
		if (naming == CGROUP_NAMED_BY_SLICE)
			stop_slice(entry->d_name);
		if (remove_everywhere(tree, relative) == 0)
			removed++;
	}
	(void)closedir(directory);
	return removed;
}
