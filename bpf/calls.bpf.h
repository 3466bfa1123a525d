// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * System calls by architecture: which number means what, and where the arguments are.
 * On x86-64 a 64-bit process can issue 32-bit calls (int 0x80); only the kernel's own flag tells.
 */
#ifndef FANGS_BPF_CALLS_H
#define FANGS_BPF_CALLS_H

#include "kernel.bpf.h"

enum call {
	CALL_OTHER,
	CALL_OPEN,
	CALL_CREAT,
	CALL_OPENAT,
	CALL_OPENAT2,
	CALL_OPEN_BY_HANDLE,
	CALL_EXECVE,
	CALL_EXECVEAT,
};

#if defined(__TARGET_ARCH_x86)

enum { TS_COMPAT = 2 };

static __always_inline enum call call_native(long nr)
{
	switch (nr) {
	case 2:
		return CALL_OPEN;
	case 85:
		return CALL_CREAT;
	case 257:
		return CALL_OPENAT;
	case 437:
		return CALL_OPENAT2;
	case 304:
		return CALL_OPEN_BY_HANDLE;
	case 59:
		return CALL_EXECVE;
	case 322:
		return CALL_EXECVEAT;
	default:
		return CALL_OTHER;
	}
}

static __always_inline enum call call_compat(long nr)
{
	switch (nr) {
	case 5:
		return CALL_OPEN;
	case 8:
		return CALL_CREAT;
	case 295:
		return CALL_OPENAT;
	case 437:
		return CALL_OPENAT2;
	case 342:
		return CALL_OPEN_BY_HANDLE;
	case 11:
		return CALL_EXECVE;
	case 358:
		return CALL_EXECVEAT;
	default:
		return CALL_OTHER;
	}
}

/* x32 calls carry this bit in their number; the rest of it is the 64-bit number for all of ours but
 * execve (520) and execveat (545). */
enum { X32_BIT = 0x40000000, X32_EXECVE = 520, X32_EXECVEAT = 545 };

static __always_inline enum call call_of(struct pt_regs *regs, struct task_struct *task,
                                         int *compat)
{
	long nr = (long)regs->orig_ax;

	*compat = (task->thread_info.status & TS_COMPAT) != 0;
	if (*compat)
		return call_compat(nr);
	if (nr & X32_BIT) {
		nr &= ~X32_BIT;
		if (nr == X32_EXECVE)
			return CALL_EXECVE;
		if (nr == X32_EXECVEAT)
			return CALL_EXECVEAT;
	}
	return call_native(nr);
}

static __always_inline unsigned long call_argument(struct pt_regs *regs, int compat, int n)
{
	if (compat)
		return (__u32)(n == 0 ? regs->bx : n == 1 ? regs->cx : regs->dx);
	return n == 0 ? regs->di : n == 1 ? regs->si : regs->dx;
}

#elif defined(__TARGET_ARCH_arm64)

/* 32-bit processes on arm64 are outside the sandbox's architecture; there is no int 0x80. */
static __always_inline enum call call_of(struct pt_regs *regs, struct task_struct *task,
                                         int *compat)
{
	*compat = 0;
	switch (regs->syscallno) {
	case 56:
		return CALL_OPENAT;
	case 437:
		return CALL_OPENAT2;
	case 265:
		return CALL_OPEN_BY_HANDLE;
	case 221:
		return CALL_EXECVE;
	case 281:
		return CALL_EXECVEAT;
	default:
		return CALL_OTHER;
	}
}

static __always_inline unsigned long call_argument(struct pt_regs *regs, int compat, int n)
{
	return n == 0 ? regs->orig_x0 : n == 1 ? regs->regs[1] : regs->regs[2];
}

#else
#error "define __TARGET_ARCH_x86 or __TARGET_ARCH_arm64"
#endif

#endif
