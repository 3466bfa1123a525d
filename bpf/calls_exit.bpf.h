// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The return of the system calls that open, execute and change files.
 */
#ifndef FANGS_BPF_CALLS_EXIT_H
#define FANGS_BPF_CALLS_EXIT_H

#include "calls.bpf.h"
#include "changes.bpf.h"
#include "files.bpf.h"
#include "interfaces.bpf.h"
#include "kernel.bpf.h"

/* Set before loading: the kernel tells of changes itself. Where it does not, the names that the
 * process gave are all there is. */
const volatile __u32 changes_traced = 1;

static __always_inline void change_returned(struct file_scratch *scratch, const struct scope *scope,
                                            struct pt_regs *regs, enum call call, int compat,
                                            __s32 result)
{
	int name = call_name_index(call);
	__u64 thread = (__u32)bpf_get_current_pid_tgid();
	__u32 flags = compat ? RECORD_COMPAT : 0;

	if (changes_traced) {
		(void)change_finish(FILE_SCRATCH_CALL, thread, result, flags);
		if (result >= 0)
			return;
	}
	if (name == CALL_NAMELESS)
		return;
	scratch->record.dfd = call_has_directory(call)
	                              ? (__s32)call_argument(regs, compat, name - 1)
	                              : FILES_AT_FDCWD;
	scratch->record.result = result;
	scratch->record.open_flags = 0;
	scratch->record.operation = (__u8)call_operation(call);
	call_failed(scratch, scope, RECORD_FILE_FAILED,
	            (const char *)call_argument(regs, compat, name), flags);
}

static __always_inline void open_returned(struct file_scratch *scratch, const struct scope *scope,
                                          struct pt_regs *regs, enum call call, int compat,
                                          struct file *file, __s32 result)
{
	__u32 flags = compat ? RECORD_COMPAT : 0;
	int name = call_has_directory(call) ? 1 : 0;

	scratch->record.dfd = name ? (__s32)call_argument(regs, compat, 0) : FILES_AT_FDCWD;
	scratch->record.result = result;
	scratch->record.operation = RECORD_OPEN;
	scratch->record.open_flags = call < CALL_EXECVE ? flags_of_call(regs, call, compat) : 0;
	if (file)
		call_opened(scratch, scope, file, flags);
	else if (result < 0 && call != CALL_OPEN_BY_HANDLE)
		call_failed(scratch, scope,
		            call < CALL_EXECVE ? RECORD_FILE_FAILED : RECORD_EXEC_FAILED,
		            (const char *)call_argument(regs, compat, name), flags);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int compat;
	enum call call = call_of(regs, task, &compat);
	struct scope *scope;
	struct file_scratch *scratch;
	struct file *file = 0;

	if ((call == CALL_OTHER && !compat && !call_is_x32(regs)) || !depth_count)
		return 0;
	scope = scope_of_task();
	if (!scope)
		return 0;
	/* First of all reads: another thread may be about to replace the descriptor. */
	if (result >= 0 && call < CALL_EXECVE)
		file = file_of_descriptor(task, (__u32)result);
	if ((call >= CALL_INTERFACES || compat || call_is_x32(regs)) &&
	    interface_returned(scope, task, regs, call, compat, (__s32)result))
		return 0;
	if ((result >= 0 && call >= CALL_EXECVE && call < CALL_CHANGES) ||
	    (result >= FILES_RESTART_FIRST && result <= FILES_RESTART_LAST))
		return 0;
	scratch = file_scratch_get(FILE_SCRATCH_CALL);
	if (!scratch)
		return 0;
	if (call >= CALL_CHANGES)
		change_returned(scratch, scope, regs, call, compat, (__s32)result);
	else
		open_returned(scratch, scope, regs, call, compat, file, (__s32)result);
	return 0;
}

#endif
