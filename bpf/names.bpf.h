// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * What a file is called in a run: by the mounts and the root that its first program had, whatever
 * other roots and mounts a process has made itself since (chroot, bind mounts in a mount namespace
 * of its own, trees that are mounted nowhere).
 */
#ifndef FANGS_BPF_NAMES_H
#define FANGS_BPF_NAMES_H

#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "mounts.bpf.h"
#include "path.bpf.h"

enum {
	NAMES_MOUNTS_MAX = 8, /* mounts that show one file; the rest is not looked at */
	NAMES_NAME_MAX = 4096,
	NAMES_S_IFMT = 0170000,
	NAMES_S_IFDIR = 0040000,
};

/* Looks at a name through one mount after the other. */
struct name_search {
	struct mount_search mounts;
	struct run_root root;
	__u32 slot, how;
	__u64 found;
};

/* A record, and room for two paths behind it. */
struct file_scratch {
	struct path_buffer path;
	struct name_search search;
	struct record_file record;
	char text[RECORD_PATH_MAX + NAMES_NAME_MAX + 64];
};

/* One of them per program and CPU, because a program can be interrupted by another one. */
enum file_scratch_user {
	FILE_SCRATCH_CALL,
	FILE_SCRATCH_IO_URING,
	FILE_SCRATCH_CHANGE,
	FILE_SCRATCH_EXEC,
	FILE_SCRATCH_SUBMIT, /* of requests to io_uring */
	FILE_SCRATCHES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FILE_SCRATCHES);
	__type(key, __u32);
	__type(value, struct file_scratch);
} file_scratches SEC(".maps");

/* One for each run, by slot; reset by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RECORD_RUNS_MAX);
	__type(key, __u32);
	__type(value, struct home);
} homes SEC(".maps");

static __always_inline struct file_scratch *file_scratch_get(__u32 user)
{
	return bpf_map_lookup_elem(&file_scratches, &user);
}

static __always_inline struct mount *mount_of_root(struct task_struct *task)
{
	return mount_of(BPF_CORE_READ(task, fs, root.mnt));
}

static __always_inline __u64 mount_space(struct mount *mount)
{
	return (__u64)BPF_CORE_READ(mount, mnt_ns);
}

static __always_inline void root_of_task(struct run_root *root, struct task_struct *task)
{
	struct mount *mount = mount_of_root(task);

	root->mount = (__u64)mount;
	root->space = mount_space(mount);
	root->dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
}

/* Is this the program with which the run begins? */
static __always_inline int home_is_program(const struct home *home, const struct dentry *dentry)
{
	__u64 name[RECORD_PROGRAM_MAX / sizeof(__u64)] = {};
	const __u64 *first = (const __u64 *)home->first_program;

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return first[0] && name[0] == first[0] && name[1] == first[1] && name[2] == first[2] &&
	       name[3] == first[3];
}

/* To be called at each exec, with the program's dentry. */
__attribute__((noinline)) int home_executes(__u32 slot, __u64 program)
{
	struct home *home = bpf_map_lookup_elem(&homes, &slot);

	if (home && !home->root.dentry && home_is_program(home, (struct dentry *)program))
		root_of_task(&home->root, (struct task_struct *)bpf_get_current_task());
	return 0;
}

/* Where the names of the current task's files begin. That is its own root before the run has begun,
 * or where it is not known with which program it does. */
static __always_inline void root_of_run(struct run_root *root, __u32 slot, struct task_struct *task)
{
	struct home *home = bpf_map_lookup_elem(&homes, &slot);

	if (home && home->root.dentry)
		*root = home->root;
	else
		root_of_task(root, task);
}

/* Do the task's absolute names start where the run's do? */
static __always_inline int is_at_root_of_run(__u32 slot, struct task_struct *task)
{
	struct home *home = bpf_map_lookup_elem(&homes, &slot);

	return !home || !home->root.dentry ||
	       (__u64)BPF_CORE_READ(task, fs, root.dentry) == home->root.dentry;
}

/* A path that stands in a scratch buffer. */
struct found_path {
	__u32 start;
	__u8 flags, watch, visible;
};

enum { FOUND_FLAGS = 16, FOUND_WATCH = 24, FOUND_VISIBLE = 1 << 30, FOUND_BYTE = 0xff };

static __always_inline struct found_path found_path_of(__u64 found)
{
	return (struct found_path){
	        .start = found & 0xffff,
	        .flags = (__u8)(found >> FOUND_FLAGS),
	        .watch = (__u8)(found >> FOUND_WATCH & 3),
	        .visible = found != 0,
	};
}

static __always_inline enum watch_result watch_of_found(__u64 found)
{
	return (enum watch_result)(found >> FOUND_WATCH & 3);
}

/* Which scratch buffer is meant, and how. */
enum { NAME_USER = 0xff, NAME_OF_UPPER = 0x100 };

/* Builds the path of `dentry`, as `mount` shows it, below `root`; and matches it. These are
 * functions of their own for the verifier, which looks at each once only: so all goes in and out as
 * numbers. */
__attribute__((noinline)) __u64 name_through(const struct run_root *root, __u32 slot, __u32 how,
                                             __u64 dentry_address, __u64 mount_address)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct dentry *dentry = (struct dentry *)dentry_address;
	struct mount *mount = (struct mount *)mount_address;
	struct file_scratch *scratch = file_scratch_get(how & NAME_USER);
	int is_proc, is_directory;
	enum watch_result watch;
	struct path_walk *walk;

	if (!scratch || !root)
		return 0;
	is_directory = (BPF_CORE_READ(dentry, d_inode, i_mode) & NAMES_S_IFMT) == NAMES_S_IFDIR;
	is_proc = BPF_CORE_READ(dentry, d_sb, s_magic) == PATH_PROC_MAGIC;
	walk = &scratch->path.walk;
	walk->root_dentry = (struct dentry *)root->dentry;
	walk->root_mount = (struct mount *)root->mount;
	path_build_below(&scratch->path, dentry, mount,
	                 how & NAME_OF_UPPER ? overlay_upper(mount) : 0);
	watch = watch_match_path(&scratch->path, task, slot, is_proc, is_directory);
	return walk->start | (walk->flags & FOUND_BYTE) << FOUND_FLAGS | watch << FOUND_WATCH |
	       FOUND_VISIBLE;
}

static long name_search_step(__u32 index, void *context)
{
	struct name_search *search = *(struct name_search **)context;
	struct mount *mount = mount_search_next(&search->mounts);

	if (!mount && search->how & NAME_OF_UPPER && !search->found)
		mount = mount_of_upper(&search->mounts, (struct mount *)search->root.mount);
	if (!mount)
		return 1;
	search->found = name_through(&search->root, search->slot, search->how,
	                             (__u64)search->mounts.dentry, (__u64)mount);
	return watch_of_found(search->found) != WATCH_NO || search->how & NAME_OF_UPPER;
}

/* Through the mounts of the root's namespace that show the dentry, up to one that is watched. Not a
 * function of its own: calls and loops must not be more than eight deep. */
static __always_inline __u64 name_among_mounts(struct name_search *search)
{
	search->found = 0;
	mount_search_start(&search->mounts, (void *)search->root.space);
	bpf_loop(NAMES_MOUNTS_MAX, name_search_step, &search, 0);
	if (search->mounts.exhausted)
		count_lost(search->slot, RECORD_FILE);
	return search->found;
}

/* `mount`: through which the dentry was opened, 0 not known. If that is one of the run's own it is
 * taken; else the run's mounts that show the dentry are looked for (of several that which is
 * watched), then the process's own. 0: not visible to the process, as the layers below an overlay,
 * unless NAME_OF_UPPER asks for what the overlay makes of its upper one. */
__attribute__((noinline)) __u64 name_find(__u32 slot, __u32 how, __u64 dentry, __u64 mount)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file_scratch *scratch = file_scratch_get(how & NAME_USER);
	struct name_search *search;
	__u64 found, space;

	if (!scratch)
		return 0;
	search = &scratch->search;
	search->slot = slot;
	search->how = how;
	search->mounts.dentry = (struct dentry *)dentry;
	search->mounts.exhausted = 0;
	root_of_run(&search->root, slot, task);
	space = search->root.space;
	if (mount && mount_space((struct mount *)mount) == space)
		return name_through(&search->root, slot, how, dentry, mount);
	found = name_among_mounts(search);
	if (found)
		return found;
	root_of_task(&search->root, task);
	if (mount)
		return name_through(&search->root, slot, how, dentry, mount);
	return search->root.space == space ? 0 : name_among_mounts(search);
}

/* The path of a file that is open, or of a working directory. */
static __always_inline struct found_path name_of_path(__u32 user, __u32 slot,
                                                      const struct path *path)
{
	struct mount *mount = mount_of(BPF_CORE_READ(path, mnt));

	return found_path_of(
	        name_find(slot, user, (__u64)BPF_CORE_READ(path, dentry), (__u64)mount));
}

/* Copies it to `to`, which has room for RECORD_PATH_MAX; returns its size. */
static __always_inline __u64 name_copy(const struct file_scratch *scratch,
                                       const struct found_path *path, char *to)
{
	__u64 start = bounded(path->start, RECORD_PATH_MAX);
	__u64 size = bounded(RECORD_PATH_MAX - start, RECORD_PATH_MAX);

	start &= RECORD_PATH_MAX - 1;
	bpf_probe_read_kernel(to, (__u32)size, scratch->path.text + start);
	return size;
}

#endif
