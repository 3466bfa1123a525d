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

/* Set when all is attached: the kernel tells of changes itself. Where it does not, the names that
 * the process gave are all there is. */
volatile __u32 changes_traced;

/* What a call of a run did is looked at in functions of their own: the program that runs at each
 * call of the host stays short, and the verifier looks at each function once only. So they get no
 * pointers but the run's; `word` is the call with the flag below. */
enum { CALL_WORD_COMPAT = 1 << 16 };

static __always_inline enum call call_of_word(__u32 word)
{
	return (enum call)(word & (CALL_WORD_COMPAT - 1));
}

static __always_inline int compat_of_word(__u32 word)
{
	return (word & CALL_WORD_COMPAT) != 0;
}

static __always_inline __u32 record_flags_of_word(__u32 word)
{
	return compat_of_word(word) ? RECORD_COMPAT : 0;
}

static __always_inline struct pt_regs *registers_of_call(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* The call failed, or nobody but its own words tells what it did. */
__attribute__((noinline)) int call_refused(const struct scope *scope, __u32 word, __s32 result)
{
	struct file_scratch *scratch = file_scratch_get(FILE_SCRATCH_CALL);
	struct pt_regs *regs = registers_of_call();
	enum call call = call_of_word(word);
	int compat = compat_of_word(word), directory = call_has_directory(call), name = directory;
	enum record_kind kind = RECORD_FILE_FAILED;

	if (!scope || !scratch)
		return 0;
	scratch->record.result = result;
	scratch->record.open_flags = 0;
	scratch->record.operation = RECORD_OPEN;
	if (call >= CALL_CHANGES) {
		name = call_name_index(call);
		scratch->record.operation = (__u8)call_operation(call);
	} else if (call >= CALL_EXECVE) {
		kind = RECORD_EXEC_FAILED;
	} else {
		scratch->record.open_flags = flags_of_call(regs, call, compat);
	}
	scratch->record.dfd =
	        directory ? (__s32)call_argument(regs, compat, name - 1) : FILES_AT_FDCWD;
	call_failed(scratch, scope, kind, (const char *)call_argument(regs, compat, name),
	            record_flags_of_word(word));
	return 0;
}

__attribute__((noinline)) int call_has_opened(const struct scope *scope, __u32 word, __u64 file,
                                              __s32 result)
{
	struct file_scratch *scratch = file_scratch_get(FILE_SCRATCH_CALL);
	enum call call = call_of_word(word);

	if (!scope || !scratch)
		return 0;
	scratch->record.dfd =
	        call_has_directory(call)
	                ? (__s32)call_argument(registers_of_call(), compat_of_word(word), 0)
	                : FILES_AT_FDCWD;
	scratch->record.result = result;
	scratch->record.operation = RECORD_OPEN;
	scratch->record.open_flags = flags_of_call(registers_of_call(), call, compat_of_word(word));
	call_opened(FILE_SCRATCH_CALL, scratch, scope, (struct file *)file,
	            record_flags_of_word(word));
	return 0;
}

/* Whether there was something or not: the name is all there is. */
__attribute__((noinline)) int call_has_looked(const struct scope *scope, __u32 word, __s32 result)
{
	struct file_scratch *scratch = file_scratch_get(FILE_SCRATCH_CALL);
	struct pt_regs *regs = registers_of_call();
	enum call call = call_of_word(word);
	int compat = compat_of_word(word), name = call_name_index(call);

	if (!scope || !scratch)
		return 0;
	scratch->record.result = result < 0 ? result : 0;
	scratch->record.open_flags = 0;
	scratch->record.operation = RECORD_STAT;
	scratch->record.dfd = call_has_directory(call)
	                              ? (__s32)call_argument(regs, compat, name - 1)
	                              : FILES_AT_FDCWD;
	call_looked(scratch, scope, (const char *)call_argument(regs, compat, name),
	            record_flags_of_word(word));
	return 0;
}

/* True: nothing else is to be looked at. */
__attribute__((noinline)) int call_of_interface(const struct scope *scope, __u32 word, __s32 result)
{
	if (!scope)
		return 1;
	return interface_returned(scope, bpf_get_current_task_btf(), registers_of_call(),
	                          call_of_word(word), compat_of_word(word), result);
}

static __always_inline void change_returned(const struct scope *scope, __u32 word, __s32 result)
{
	if (changes_traced) {
		(void)change_finish(FILE_SCRATCH_CALL, (__u32)bpf_get_current_pid_tgid(), result,
		                    record_flags_of_word(word));
		if (result >= 0)
			return;
	}
	if (call_name_index(call_of_word(word)) != CALL_NAMELESS)
		(void)call_refused(scope, word, result);
}

static __always_inline int call_of_run(const struct scope *scope, struct pt_regs *regs,
                                       __s32 result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = 0;
	int compat, odd;
	enum call call = call_of(regs, task, &compat);
	__u32 word;

	/* First of all reads: another thread may be about to replace the descriptor. */
	if (result >= 0 && call < CALL_EXECVE)
		file = file_of_descriptor(task, (__u32)result);
	odd = compat || call_is_x32(regs);
	word = call | (compat ? CALL_WORD_COMPAT : 0);
	if ((call >= CALL_INTERFACES || odd) && call_of_interface(scope, word, result))
		return 0;
	if (result >= FILES_RESTART_FIRST && result <= FILES_RESTART_LAST)
		return 0;
	if (call_is_look(call))
		(void)call_has_looked(scope, word, result);
	else if (call >= CALL_CHANGES)
		change_returned(scope, word, result);
	else if (file)
		(void)call_has_opened(scope, word, (__u64)file, result);
	else if (result < 0 && call != CALL_OPEN_BY_HANDLE)
		(void)call_refused(scope, word, result);
	return 0;
}

/* Runs at the end of each call of the host: what is cheapest to find out comes first. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct scope *scope;

	if (!depth_count || !call_may_matter(regs))
		return 0;
	scope = scope_of_caller();
	return scope ? call_of_run(scope, regs, (__s32)result) : 0;
}

#endif
