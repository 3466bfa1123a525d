// SPDX-License-Identifier: Apache-2.0
/* Reading a file without showing its name: E01 to E06, E09 to E14, E17, E18, E20 and E22 without
 * what rings.c and processes.c do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evasion.h"

enum { FLIPS = 4000, X32_BIT = 0x40000000 };

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int open_and_check(const struct attempt *attempt, const char *path)
{
	return expect_content(attempt, result_of(open(path, O_RDONLY)));
}

/* Control: what anything sees. */
static int plain(struct attempt *attempt)
{
	return open_and_check(attempt, attempt->path);
}

static int symbolic_link(struct attempt *attempt)
{
	if (symlink(attempt->path, attempt->spare) < 0)
		return -errno;
	return open_and_check(attempt, attempt->spare);
}

/* A link to a directory beside, then up again: as text the path leads elsewhere. */
static int link_and_up(struct attempt *attempt)
{
	char beside[EVASION_TEXT_MAX + 8], path[3 * EVASION_TEXT_MAX];
	(void)snprintf(beside, sizeof(beside), "%s.sub", attempt->path);
	if (mkdir(beside, 0755) < 0 || symlink(beside, attempt->spare) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/../%s", attempt->spare, attempt->id);
	return open_and_check(attempt, path);
}

static int relative(struct attempt *attempt)
{
	if (chdir(attempt->directory) < 0)
		return -errno;
	return open_and_check(attempt, attempt->id);
}

static int directory_fd(struct attempt *attempt)
{
	int directory = open(attempt->directory, O_PATH | O_DIRECTORY);
	return expect_content(attempt, result_of(openat(directory, attempt->id, O_RDONLY)));
}

static int below_proc(struct attempt *attempt, const char *prefix)
{
	char path[2 * EVASION_TEXT_MAX];
	(void)snprintf(path, sizeof(path), "%s%s", prefix, attempt->path);
	return open_and_check(attempt, path);
}

static int proc_root(struct attempt *attempt)
{
	return below_proc(attempt, "/proc/self/root/proc/self/root/..");
}

static int proc_root_of_parent(struct attempt *attempt)
{
	char prefix[64];
	(void)snprintf(prefix, sizeof(prefix), "/proc/%d/root", getpid());
	return below_proc(attempt, prefix);
}

static int proc_cwd(struct attempt *attempt)
{
	char path[EVASION_TEXT_MAX];
	if (chdir(attempt->directory) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/cwd/%s", attempt->id);
	return open_and_check(attempt, path);
}

static int reopen(struct attempt *attempt, const char *folder)
{
	char path[64];
	int fd = open(attempt->path, O_PATH);
	(void)snprintf(path, sizeof(path), "%s/%d", folder, fd);
	return fd < 0 ? -errno : open_and_check(attempt, path);
}

static int reopen_proc(struct attempt *attempt)
{
	return reopen(attempt, "/proc/self/fd");
}

static int reopen_dev(struct attempt *attempt)
{
	return reopen(attempt, "/dev/fd");
}

static int reopen_thread(struct attempt *attempt)
{
	return reopen(attempt, "/proc/thread-self/fd");
}

static int open2(struct attempt *attempt)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_MAGICLINKS};
	return expect_content(attempt, result_of(syscall(SYS_openat2, AT_FDCWD, attempt->path, &how,
	                                                 sizeof(how))));
}

static int open2_in_root(struct attempt *attempt)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
	char path[EVASION_TEXT_MAX];
	int directory = open(attempt->directory, O_PATH | O_DIRECTORY);
	(void)snprintf(path, sizeof(path), "/../../%s", attempt->id);
	return expect_content(attempt,
	                      result_of(syscall(SYS_openat2, directory, path, &how, sizeof(how))));
}

#ifdef SYS_open
static int old_open(struct attempt *attempt)
{
	return expect_content(attempt, result_of(syscall(SYS_open, attempt->path, O_RDONLY)));
}

static int x32_open(struct attempt *attempt)
{
	return expect_content(attempt,
	                      result_of(syscall(SYS_open | X32_BIT, attempt->path, O_RDONLY)));
}
#endif

static int int80_open(struct attempt *attempt)
{
	char *path = low_text(attempt->path);
	return expect_content(attempt, (int)call32(5, (long)path, O_RDONLY, 0, 0));
}

static int int80_openat(struct attempt *attempt)
{
	char *path = low_text(attempt->path);
	return expect_content(attempt, (int)call32(295, AT_FDCWD, (long)path, O_RDONLY, 0));
}

static int int80_openat2(struct attempt *attempt)
{
	char *path = low_text(attempt->path);
	struct open_how *how = low_memory(sizeof(*how));
	return expect_content(attempt,
	                      (int)call32(437, AT_FDCWD, (long)path, (long)how, sizeof(*how)));
}

/* Other ways to the same inode. */

static int by_handle(struct attempt *attempt)
{
	static union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} place;
	int mount_id;
	place.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, attempt->path, &place.handle, &mount_id, 0) < 0)
		return -errno;
	int mount = open(attempt->directory, O_RDONLY | O_DIRECTORY);
	return expect_content(attempt,
	                      result_of(open_by_handle_at(mount, &place.handle, O_RDONLY)));
}

static int hard_link(struct attempt *attempt)
{
	if (link(attempt->path, attempt->spare) < 0)
		return -errno;
	return open_and_check(attempt, attempt->spare);
}

static int own_namespaces(void)
{
	return result_of(unshare(CLONE_NEWUSER | CLONE_NEWNS));
}

static int bind_mount(struct attempt *attempt)
{
	int r = own_namespaces();
	if (r < 0)
		return r;
	if (mkdir(attempt->spare, 0755) < 0 ||
	    mount(attempt->directory, attempt->spare, NULL, MS_BIND, NULL) < 0)
		return -errno;
	char path[2 * EVASION_TEXT_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", attempt->spare, attempt->id);
	return open_and_check(attempt, path);
}

static int tree_clone(struct attempt *attempt)
{
	int r = own_namespaces();
	if (r < 0)
		return r;
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, attempt->directory, OPEN_TREE_CLONE);
	if (tree < 0)
		return -errno;
	return expect_content(attempt, result_of(openat(tree, attempt->id, O_RDONLY)));
}

static int change_root(struct attempt *attempt)
{
	int r = own_namespaces();
	if (r < 0)
		return r;
	if (chroot(attempt->directory) < 0 || chdir("/") < 0)
		return -errno;
	char path[EVASION_TEXT_MAX];
	(void)snprintf(path, sizeof(path), "/%s", attempt->id);
	return open_and_check(attempt, path);
}

static int map_it(struct attempt *attempt)
{
	int fd = open(attempt->path, O_RDONLY);
	char *content = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (content == MAP_FAILED)
		return -errno;
	return strstr(content, attempt->id) ? 0 : -EBADMSG;
}

static int map_executable(struct attempt *attempt)
{
	int fd = open(attempt->path, O_RDONLY);
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	return code == MAP_FAILED ? -errno : 0;
}

/* Names that do not hold still. */

struct flip {
	char path[EVASION_TEXT_MAX];
	const char *names[2];
	atomic_bool done;
};

static void *flip_path(void *ctx)
{
	struct flip *flip = ctx;
	for (unsigned i = 0; !atomic_load(&flip->done); i++)
		memcpy(flip->path, flip->names[i & 1], strlen(flip->names[i & 1]) + 1);
	return NULL;
}

static int flipped_path(struct attempt *attempt)
{
	static struct flip flip;
	pthread_t thread;
	int reached = 0;
	char decoy[EVASION_TEXT_MAX];
	(void)snprintf(decoy, sizeof(decoy), "%s/%.*s!", attempt->directory,
	               (int)strlen(attempt->id) - 1, attempt->id);
	flip.names[0] = decoy;
	flip.names[1] = attempt->path;
	memcpy(flip.path, decoy, strlen(decoy) + 1);
	(void)put_file(decoy, "", 0, 0644);
	if (pthread_create(&thread, NULL, flip_path, &flip) != 0)
		return -EAGAIN;
	for (int i = 0; i < FLIPS; i++)
		reached += open_and_check(attempt, flip.path) == 0;
	atomic_store(&flip.done, true);
	(void)pthread_join(thread, NULL);
	return reached ? 0 : -ENOENT;
}

/* The path stands in a page that is not in memory before the call. */
static int absent_page(struct attempt *attempt)
{
	int r = put_file(attempt->spare, attempt->path, strlen(attempt->path) + 1, 0644);
	int fd = open(attempt->spare, O_RDONLY);
	const char *path = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (r < 0 || path == MAP_FAILED)
		return -errno;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return open_and_check(attempt, path);
}

static int open_it(void *ctx)
{
	const struct attempt *attempt = ctx;
	return open_and_check(attempt, attempt->path);
}

/* The child has no page table entry for the path yet. */
static int forked_child(struct attempt *attempt)
{
	return in_child(open_it, attempt);
}

static int behind_many_fds(struct attempt *attempt)
{
	int fd = open(attempt->path, O_RDONLY);
	int high = dup3(fd, 500, O_CLOEXEC);
	(void)close(fd);
	return expect_content(attempt, high < 0 ? -errno : high);
}

/* Looking for what is not there. */

static int probe(struct attempt *attempt)
{
	return open(attempt->path, O_RDONLY) < 0 && errno == ENOENT ? 0 : -EEXIST;
}

static int probe_relative(struct attempt *attempt)
{
	if (chdir(attempt->directory) < 0)
		return -errno;
	return open(attempt->id, O_RDONLY) < 0 && errno == ENOENT ? 0 : -EEXIST;
}

static int probe_at(struct attempt *attempt)
{
	int directory = open(attempt->directory, O_PATH | O_DIRECTORY);
	return openat(directory, base_name(attempt->path), O_RDONLY) < 0 && errno == ENOENT
	               ? 0
	               : -EEXIST;
}

static int probe_stat(struct attempt *attempt)
{
	struct stat found;
	return stat(attempt->path, &found) < 0 && errno == ENOENT ? 0 : -EEXIST;
}

static int list_directory(struct attempt *attempt)
{
	char entries[4096];
	set_value(attempt, attempt->spare);
	if (mkdir(attempt->spare, 0755) < 0)
		return -errno;
	int fd = open(attempt->spare, O_RDONLY | O_DIRECTORY);
	return result_of(syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0 ? 0 : -errno;
}

static int stat_existing(struct attempt *attempt)
{
	struct stat found;
	return result_of(stat(attempt->path, &found));
}

/* That these ways are used at all is told, too. */

static int call32_itself(struct attempt *attempt)
{
	enum { GETPID_32 = 20 };
	set_value(attempt, "32-bit");
	return call32(GETPID_32, 0, 0, 0, 0) == getpid() ? 0 : -ENOSYS;
}

static const struct technique rows[] = {
        {"E00-open", MARKER_READ, plain},
        {"E01-symlink", MARKER_READ, symbolic_link},
        {"E01-link-and-up", MARKER_READ, link_and_up},
        {"E02-chdir", MARKER_READ, relative},
        {"E02-dirfd", MARKER_READ, directory_fd},
        {"E03-proc-root", MARKER_READ, proc_root},
        {"E03-proc-pid-root", MARKER_READ, proc_root_of_parent},
        {"E03-proc-cwd", MARKER_READ, proc_cwd},
        {"E04-proc-fd", MARKER_READ, reopen_proc},
        {"E04-dev-fd", MARKER_READ, reopen_dev},
        {"E04-thread-fd", MARKER_READ, reopen_thread},
        {"E05-openat2", MARKER_READ, open2},
        {"E05-in-root", MARKER_READ, open2_in_root},
#ifdef SYS_open
        {"E05-open2", MARKER_READ, old_open},
        {"E06-x32-open", MARKER_READ, x32_open},
#endif
        {"E06-int80-open", MARKER_READ, int80_open},
        {"E06-int80-at", MARKER_READ, int80_openat},
        {"E06-int80-at2", MARKER_READ, int80_openat2},
        {"E06-int80", MARKER_INTERFACE, call32_itself},
        {"E09-handle", MARKER_READ, by_handle},
        {"E10-hard-link", MARKER_READ, hard_link},
        {"E11-bind-mount", MARKER_READ, bind_mount},
        {"E11-open-tree", MARKER_READ, tree_clone},
        {"E12-chroot", MARKER_READ, change_root},
        {"E13-mmap", MARKER_READ, map_it},
        {"E14-dup", MARKER_READ, behind_many_fds},
        {"E17-getdents", MARKER_READ, list_directory},
        {"E17-stat", MARKER_READ, stat_existing},
        {"E17-stat-absent", MARKER_PROBE, probe_stat},
        {"E18-flip", MARKER_READ, flipped_path},
        {"E18-absent-page", MARKER_READ, absent_page},
        {"E18-fork", MARKER_READ, forked_child},
        {"E20-map-code", MARKER_READ, map_executable},
        {"E22-open", MARKER_PROBE, probe},
        {"E22-relative", MARKER_PROBE, probe_relative},
        {"E22-dirfd", MARKER_PROBE, probe_at},
};
const struct technique_list file_techniques = TECHNIQUE_LIST(rows);
