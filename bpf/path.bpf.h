// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * From a file that the kernel has opened to its path as the process's root sees it: a walk over
 * dentries and mounts, never the process's own string. The text is built from its end to its
 * beginning, so that it stands forward in memory and can be matched against watched prefixes.
 */
#ifndef FANGS_BPF_PATH_H
#define FANGS_BPF_PATH_H

#include "kernel.bpf.h"
#include "records.h"
#include "scope.bpf.h"

enum {
	PATH_NAME_MAX = 255,
	PATH_STEPS_MAX = 512, /* components and mounts; more is cut and flagged */
	PATH_PROC_MAGIC = 0x9fa0,
	PATH_OVERLAY_MAGIC = 0x794c7630,
	PATH_PROC_SIZE = 6,  /* "/proc/" */
	PATH_SELF_SIZE = 10, /* "/proc/self" */
	PATH_PID_DIGITS = 7,
	PATH_TASK_SIZE = 6,  /* "/task/" */
	PATH_KEY_COPY = 256, /* bytes copied for matching, RECORD_PREFIX_MAX of them count */
};

struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
	struct dentry *root_dentry;
	struct mount *root_mount;
	struct dentry *upper; /* root of an overlay's upper layer: goes on at the overlay's root */
	__u32 start;          /* of the text, which ends at RECORD_PATH_MAX */
	__u32 flags;          /* enum record_flag */
};

/* Where a path is built, ending at RECORD_PATH_MAX. What is behind is slack: the verifier does not
 * know that a size and a start add up to that. The walk is not on the stack, of which older kernels
 * have 512 bytes for all calls together; loops get a pointer to a pointer to it. */
struct path_buffer {
	char text[2 * RECORD_PATH_MAX];
	struct watch_key key;
	char key_slack[PATH_KEY_COPY * 2];
	struct path_walk walk;
};

/* One prefix of one run: {slot, path} -> tag. 16384 entries, allocated as needed; full: user space
 * refuses the run. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, RECORD_RUNS_MAX * 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct watch_key);
	__type(value, __u32);
} watches SEC(".maps");

enum watch_result { WATCH_NO, WATCH_YES, WATCH_CRED, WATCH_UNKNOWN };

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* The root of the upper layer, if the mount is of an overlay that has one. */
static __always_inline struct dentry *overlay_upper(struct mount *mount)
{
	struct super_block *sb = BPF_CORE_READ(mount, mnt.mnt_sb);
	struct ovl_fs *overlay = 0;

	if (BPF_CORE_READ(sb, s_magic) != PATH_OVERLAY_MAGIC ||
	    !bpf_core_field_exists(overlay->layers))
		return 0;
	overlay = BPF_CORE_READ(sb, s_fs_info);
	return BPF_CORE_READ(overlay, layers, mnt, mnt_root);
}

/* Puts "/<name>" before the text. */
static __always_inline long path_prepend(struct path_buffer *buffer, struct dentry *dentry)
{
	struct path_walk *walk = &buffer->walk;
	__u64 size = BPF_CORE_READ(dentry, d_name.len) & PATH_NAME_MAX;
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	__u64 start = walk->start;

	if (start < size + 1) {
		walk->flags |= RECORD_CUT;
		return 1;
	}
	start = (start - size - 1) & (RECORD_PATH_MAX - 1);
	buffer->text[start] = '/';
	bpf_probe_read_kernel(&buffer->text[start + 1], (__u32)size, name);
	walk->start = (__u32)start;
	return 0;
}

static long path_step(__u32 index, void *context)
{
	struct path_buffer *buffer = *(struct path_buffer **)context;
	struct path_walk *walk = &buffer->walk;
	struct dentry *dentry = walk->dentry, *parent;
	struct mount *mount = walk->mount, *above;

	if (dentry == walk->root_dentry && mount == walk->root_mount)
		return 1;
	if (dentry == walk->upper) {
		walk->dentry = BPF_CORE_READ(mount, mnt.mnt_sb, s_root);
		return 0;
	}
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount) {
			walk->flags |= RECORD_OUTSIDE;
			return 1;
		}
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		walk->flags |= RECORD_DETACHED;
	if (path_prepend(buffer, dentry) || parent == dentry)
		return 1;
	walk->dentry = parent;
	return 0;
}

/* Up to the root that the walk knows. The text starts at walk.start. */
static __always_inline void path_build_below(struct path_buffer *buffer, struct dentry *dentry,
                                             struct mount *mount, struct dentry *upper)
{
	struct path_walk *walk = &buffer->walk;

	walk->dentry = dentry;
	walk->mount = mount;
	walk->upper = upper;
	walk->start = RECORD_PATH_MAX;
	walk->flags = 0;
	if (bpf_loop(PATH_STEPS_MAX, path_step, &buffer, 0) == PATH_STEPS_MAX)
		walk->flags |= RECORD_CUT;
	if (walk->start == RECORD_PATH_MAX) { /* the root itself */
		walk->start = RECORD_PATH_MAX - 1;
		buffer->text[RECORD_PATH_MAX - 1] = '/';
	}
}

/* Up to the root of the task. */
static __always_inline void path_build_at(struct path_buffer *buffer, struct task_struct *task,
                                          struct dentry *dentry, struct mount *mount)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	buffer->walk.root_dentry = BPF_CORE_READ(fs, root.dentry);
	buffer->walk.root_mount = mount_of(BPF_CORE_READ(fs, root.mnt));
	path_build_below(buffer, dentry, mount, 0);
}

static __always_inline void path_build(struct path_buffer *buffer, struct task_struct *task,
                                       const struct path *path)
{
	path_build_at(buffer, task, BPF_CORE_READ(path, dentry),
	              mount_of(BPF_CORE_READ(path, mnt)));
}

/* Copies the path that was built to `to`, which has room for RECORD_PATH_MAX; returns its size. */
static __always_inline __u64 path_copy(const struct path_buffer *buffer, char *to)
{
	__u64 start = bounded(buffer->walk.start, RECORD_PATH_MAX);
	__u64 size = bounded(RECORD_PATH_MAX - start, RECORD_PATH_MAX);

	start &= RECORD_PATH_MAX - 1;
	bpf_probe_read_kernel(to, (__u32)size, buffer->text + start);
	return size;
}

static __always_inline __u32 path_own_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid;

	if (level > 32 || bpf_core_read(&upid.nr, sizeof(upid.nr), &pid->numbers[level].nr))
		return 0;
	return (__u32)upid.nr;
}

/* Size of the "/proc/<pid>" that the text starts with, 0 when it does not. */
static __always_inline __u32 path_proc_prefix(const char *text, __u32 *ret_pid)
{
	__u32 pid = 0, size = PATH_PROC_SIZE;

	if (text[0] != '/' || text[1] != 'p' || text[2] != 'r' || text[3] != 'o' ||
	    text[4] != 'c' || text[5] != '/')
		return 0;
#pragma unroll
	for (__u32 i = 0; i < PATH_PID_DIGITS; i++) {
		char digit = text[PATH_PROC_SIZE + i];

		if (digit < '0' || digit > '9')
			break;
		pid = pid * 10 + (__u32)(digit - '0');
		size++;
	}
	*ret_pid = pid;
	return pid ? size : 0;
}

/* Size of the "/task/<tid>" that the text starts with, 0 when it does not: a thread has most of
 * what its process has. */
static __always_inline __u32 path_task_prefix(const char *text)
{
	__u32 digits = 0;

	if (text[0] != '/' || text[1] != 't' || text[2] != 'a' || text[3] != 's' ||
	    text[4] != 'k' || text[5] != '/')
		return 0;
#pragma unroll
	for (__u32 i = 0; i < PATH_PID_DIGITS; i++) {
		if (text[PATH_TASK_SIZE + i] < '0' || text[PATH_TASK_SIZE + i] > '9')
			break;
		digits++;
	}
	return digits ? PATH_TASK_SIZE + digits : 0;
}

/* Matches what key->path holds, `size` bytes of it. */
static __always_inline enum watch_result watch_match_key(struct watch_key *key, __u32 slot,
                                                         __u32 size)
{
	__u32 *tag;

	if (size > RECORD_PREFIX_MAX)
		size = RECORD_PREFIX_MAX;
	key->slot = slot;
	key->prefix_bits = 32 + size * 8;
	tag = bpf_map_lookup_elem(&watches, key);
	return !tag ? WATCH_NO : *tag ? WATCH_CRED : WATCH_YES;
}

/* Matches a path that was built. Any /proc/<pid>, or /proc/<pid>/task/<tid>, counts as
 * /proc/self, which no real path ever contains; a directory also matches the prefix that names it
 * with a slash at its end. */
static __always_inline enum watch_result watch_match_path(struct path_buffer *buffer,
                                                          struct task_struct *task, __u32 slot,
                                                          int is_proc, int is_directory)
{
	struct path_walk *walk = &buffer->walk;
	struct watch_key *key = &buffer->key;
	__u64 start = walk->start;
	__u64 size = RECORD_PATH_MAX - start;
	__u32 pid, prefix = 0;

	if (is_proc) {
		start &= RECORD_PATH_MAX - 1;
		prefix = path_proc_prefix(&buffer->text[start], &pid);
		if (prefix && pid == path_own_pid(task))
			walk->flags |= RECORD_PROC_SELF;
		if (prefix)
			prefix += path_task_prefix(
			        &buffer->text[bounded(start + prefix, RECORD_PATH_MAX)]);
	}
	start = bounded(start + prefix, RECORD_PATH_MAX);
	if (prefix) {
		__builtin_memcpy(key->path, "/proc/self", PATH_SELF_SIZE);
		bpf_probe_read_kernel(key->path + PATH_SELF_SIZE, PATH_KEY_COPY,
		                      &buffer->text[start]);
		size += PATH_SELF_SIZE - prefix;
	} else {
		bpf_probe_read_kernel(key->path, PATH_KEY_COPY, &buffer->text[start]);
	}
	if (is_directory && size < RECORD_PREFIX_MAX) {
		key->path[size & (PATH_KEY_COPY - 1)] = '/';
		size++;
	}
	return watch_match_key(key, slot, (__u32)size);
}

static __always_inline struct file *file_of_descriptor(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

#endif
