// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The life of processes: fork, successful exec, exit. With them user space keeps a process tree
 * that needs no /proc.
 */
#ifndef FANGS_BPF_PROCESSES_H
#define FANGS_BPF_PROCESSES_H

#include "emit.bpf.h"
#include "interfaces.bpf.h"
#include "kernel.bpf.h"
#include "names.bpf.h"
#include "package.bpf.h"
#include "path.bpf.h"

enum { PROCESSES_SIGNAL_GROUP_EXIT = 4, PROCESSES_SIGNAL_MASK = 0x7f, PROCESSES_SIGSYS = 31 };

struct exec_scratch {
	char entry[PACKAGE_ENTRY_MAX];
	struct record_exec record; /* and right behind it its */
	char text[3 * RECORD_PATH_MAX + RECORD_ARGV_MAX + 2 * PACKAGE_ENTRY_MAX];
};

/* 30 KiB a CPU; one user. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct record_fork record = {};
	struct scope *scope;

	if (!depth_count || child->pid != child->tgid)
		return 0;
	scope = scope_of_task();
	if (!scope)
		return 0;
	fill_current(&record.header, RECORD_FORK, scope);
	record.parent_start_ns = record.header.start_ns;
	fill_identity(&record.header, child);
	/* CLONE_PARENT gives the child another parent, but what it does is still its maker's. */
	record.header.ppid = (__u32)parent->tgid;
	emit(&priority_ring, &record.header, sizeof(record));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct record_interface killed = {.kind = RECORD_INTERFACE_KILLED};
	struct record_exit record = {};
	struct signal_struct *signal = task->signal;
	struct scope *scope;

	if (!depth_count)
		return 0;
	scope = scope_of_task();
	if (!scope)
		return 0;
	if ((task->exit_code & PROCESSES_SIGNAL_MASK) == PROCESSES_SIGSYS)
		interface_emit(scope, &killed);
	if (BPF_CORE_READ(signal, live.counter) != 0)
		return 0; /* other threads go on */
	fill_current(&record.header, RECORD_EXIT, scope);
	record.exit_code = (__u32)(BPF_CORE_READ(signal, flags) & PROCESSES_SIGNAL_GROUP_EXIT
	                                   ? BPF_CORE_READ(signal, group_exit_code)
	                                   : BPF_CORE_READ(task, group_leader, exit_code));
	emit(&priority_ring, &record.header, sizeof(record));
	return 0;
}

/* Appends the path of `path` at text + used. */
static __always_inline __u64 exec_append_path(struct exec_scratch *scratch, __u64 used,
                                              const struct path *path, __u32 *flags)
{
	struct file_scratch *names = file_scratch_get(FILE_SCRATCH_EXEC);
	struct found_path found;

	if (!names)
		return 0;
	found = name_of_path(FILE_SCRATCH_EXEC, scratch->record.header.slot, path);
	*flags |= found.flags;
	return name_copy(names, &found, scratch->text + bounded(used, 2 * RECORD_PATH_MAX));
}

/* Appends the script's name as given. */
static __always_inline __u64 exec_append_name(struct exec_scratch *scratch, __u64 used,
                                              const char *name)
{
	long size;

	used = bounded(used, RECORD_PATH_MAX);
	size = bpf_probe_read_kernel_str(scratch->text + used, RECORD_PATH_MAX, name);
	return size > 0 ? (__u64)size - 1 : 0;
}

/* Appends the argument area: written by the kernel a moment ago, no thread exists yet that could
 * change it. */
static __always_inline __u64 exec_append_argv(struct exec_scratch *scratch, __u64 used,
                                              struct task_struct *task, __u32 *flags)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	__u64 size = end - start;

	scratch->record.argv_total = (__u32)size;
	if (size > RECORD_ARGV_MAX) {
		size = RECORD_ARGV_MAX;
		*flags |= RECORD_CUT;
	}
	used = bounded(used, 3 * RECORD_PATH_MAX);
	size = bounded(size, RECORD_ARGV_MAX);
	if (bpf_probe_read_user(scratch->text + used, (__u32)size, (void *)start)) {
		*flags |= RECORD_CUT;
		return 0;
	}
	return size;
}

static __always_inline __u64 exec_append_package(struct exec_scratch *scratch, __u64 used,
                                                 struct task_struct *task)
{
	__u64 size = package_find(task, scratch->entry);

	used = bounded(used, 3 * RECORD_PATH_MAX + RECORD_ARGV_MAX);
	if (!size || bpf_probe_read_kernel(scratch->text + used, (__u32)size,
	                                   scratch->entry + PACKAGE_KEY_SIZE))
		return 0;
	return size;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 zero = 0, flags = 0;
	struct exec_scratch *scratch;
	struct record_exec *record;
	const char *filename;
	struct scope *scope;
	__u64 used, size;
	char first = 0;

	if (!depth_count)
		return 0;
	scope = scope_of_task();
	scratch = scope ? bpf_map_lookup_elem(&exec_scratches, &zero) : 0;
	if (!scratch)
		return 0;
	record = &scratch->record;
	fill_current(&record->header, RECORD_EXEC, scope);
	home_executes(scope->slot, (__u64)BPF_CORE_READ(bprm, file, f_path.dentry));
	record->links = BPF_CORE_READ(bprm, file, f_inode, i_nlink);
	used = exec_append_path(scratch, 0, &bprm->file->f_path, &flags);
	record->path_size = (__u16)used;
	record->name_size = record->base_size = 0;
	filename = bprm->filename;
	if (filename != bprm->interp) { /* a script: `file` is its interpreter */
		size = exec_append_name(scratch, used, filename);
		record->name_size = (__u16)size;
		used += size;
		bpf_probe_read_kernel(&first, 1, filename);
	}
	if (first && first != '/') {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);

		size = exec_append_path(scratch, used, &fs->pwd, &flags);
		record->base_size = (__u16)size;
		used += size;
	}
	size = exec_append_argv(scratch, used, task, &flags);
	record->argv_size = (__u16)size;
	used += size;
	size = exec_append_package(scratch, used, task);
	record->package_size = (__u16)size;
	used += size;
	record->header.flags = (__u8)flags;
	used = bounded(used, 3 * RECORD_PATH_MAX + RECORD_ARGV_MAX + PACKAGE_ENTRY_MAX);
	emit(&priority_ring, &record->header, sizeof(*record) + used);
	return 0;
}

#endif
