// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * System calls by architecture: which number means what, and where the arguments are.
 * On x86-64 a 64-bit process can issue 32-bit calls (int 0x80); only the kernel's own flag tells.
 */
#ifndef FANGS_BPF_CALLS_H
#define FANGS_BPF_CALLS_H

#include "kernel.bpf.h"
#include "records.h"

enum call {
	CALL_OTHER,
	CALL_OPEN,
	CALL_CREAT,
	CALL_OPENAT,
	CALL_OPENAT2,
	CALL_OPEN_BY_HANDLE,
	CALL_EXECVE,
	CALL_EXECVEAT,
	/* From here on: changes without an open, as CALL_CHANGE() puts them together. */
	CALL_CHANGES = 0x100,
	/* From here on: looks at what a name names, as CALL_LOOK() puts them together. */
	CALL_LOOKS = 0x400,
	/* From here on: neither opens nor changes files. */
	CALL_INTERFACES = 0x1000,
	CALL_SOCKET = CALL_INTERFACES,
	CALL_CONNECT,
	CALL_IO_URING_SETUP,
	/* Into another process: in the order of enum record_interface_kind. */
	CALL_VM_READ,
	CALL_VM_WRITE,
	CALL_PTRACE,
	CALL_PIDFD_GETFD,
};

/* What is done, and which argument names it: of two names the one that is taken from (rename, link)
 * or made (symlink). Of a call with a directory descriptor that is the argument before. */
enum { CALL_NAMELESS = 7 };
#define CALL_CHANGE(operation, name, directory)                                                    \
	((enum call)(CALL_CHANGES | (operation) | (name) << 4 | (directory) << 7))

#define CALL_LOOK(name, directory)                                                                 \
	((enum call)(CALL_LOOKS | RECORD_STAT | (name) << 4 | (directory) << 7))

static __always_inline int call_is_change(enum call call)
{
	return call >= CALL_CHANGES && call < CALL_LOOKS;
}

static __always_inline int call_is_look(enum call call)
{
	return call >= CALL_LOOKS && call < CALL_INTERFACES;
}

static __always_inline __u32 call_operation(enum call call)
{
	return call & 15;
}

static __always_inline int call_name_index(enum call call)
{
	return call >> 4 & 7;
}

/* Calls by number: one load tells what is nothing to us, which is nearly every call. */
enum { CALL_NUMBERS = 512 };

static __always_inline enum call call_in(const __u16 *table, unsigned long nr)
{
	asm volatile("" : "+r"(nr));
	if (nr >= CALL_NUMBERS)
		return CALL_OTHER;
	asm volatile("" : "+r"(nr));
	return (enum call)table[nr & (CALL_NUMBERS - 1)]; /* as in bounded() */
}

#if defined(__TARGET_ARCH_x86)

enum { TS_COMPAT = 2 };

static const __u16 calls_native[CALL_NUMBERS] = {
        [2] = CALL_OPEN,
        [4] = CALL_LOOK(0, 0),
        [6] = CALL_LOOK(0, 0),
        [21] = CALL_LOOK(0, 0),
        [41] = CALL_SOCKET,
        [42] = CALL_CONNECT,
        [49] = CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0),
        [59] = CALL_EXECVE,
        [76] = CALL_CHANGE(RECORD_TRUNCATE, 0, 0),
        [77] = CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0),
        [82] = CALL_CHANGE(RECORD_RENAME, 0, 0),
        [83] = CALL_CHANGE(RECORD_MKDIR, 0, 0),
        [84] = CALL_CHANGE(RECORD_UNLINK, 0, 0),
        [85] = CALL_CREAT,
        [86] = CALL_CHANGE(RECORD_LINK, 0, 0),
        [87] = CALL_CHANGE(RECORD_UNLINK, 0, 0),
        [88] = CALL_CHANGE(RECORD_SYMLINK, 1, 0),
        [89] = CALL_LOOK(0, 0),
        [90] = CALL_CHANGE(RECORD_CHMOD, 0, 0),
        [91] = CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0),
        [92] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [93] = CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0),
        [94] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [101] = CALL_PTRACE,
        [132] = CALL_CHANGE(RECORD_UTIMES, 0, 0),
        [133] = CALL_CHANGE(RECORD_MKNOD, 0, 0),
        [188] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [189] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [190] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [197] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [198] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [199] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [235] = CALL_CHANGE(RECORD_UTIMES, 0, 0),
        [257] = CALL_OPENAT,
        [258] = CALL_CHANGE(RECORD_MKDIR, 1, 1),
        [259] = CALL_CHANGE(RECORD_MKNOD, 1, 1),
        [260] = CALL_CHANGE(RECORD_CHOWN, 1, 1),
        [261] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [262] = CALL_LOOK(1, 1),
        [263] = CALL_CHANGE(RECORD_UNLINK, 1, 1),
        [264] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [265] = CALL_CHANGE(RECORD_LINK, 1, 1),
        [266] = CALL_CHANGE(RECORD_SYMLINK, 2, 1),
        [267] = CALL_LOOK(1, 1),
        [268] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [269] = CALL_LOOK(1, 1),
        [280] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [304] = CALL_OPEN_BY_HANDLE,
        [310] = CALL_VM_READ,
        [311] = CALL_VM_WRITE,
        [316] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [322] = CALL_EXECVEAT,
        [332] = CALL_LOOK(1, 1),
        [425] = CALL_IO_URING_SETUP,
        [437] = CALL_OPENAT2,
        [438] = CALL_PIDFD_GETFD,
        [439] = CALL_LOOK(1, 1),
        [452] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [463] = CALL_CHANGE(RECORD_XATTR, 1, 1),
        [466] = CALL_CHANGE(RECORD_XATTR, 1, 1),
};

/* bind(2) makes the names of sockets; 102 is socketcall, of which that is one. */
static const __u16 calls_compat[CALL_NUMBERS] = {
        [5] = CALL_OPEN,
        [8] = CALL_CREAT,
        [9] = CALL_CHANGE(RECORD_LINK, 0, 0),
        [10] = CALL_CHANGE(RECORD_UNLINK, 0, 0),
        [11] = CALL_EXECVE,
        [14] = CALL_CHANGE(RECORD_MKNOD, 0, 0),
        [15] = CALL_CHANGE(RECORD_CHMOD, 0, 0),
        [16] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [18] = CALL_LOOK(0, 0),
        [26] = CALL_PTRACE,
        [30] = CALL_CHANGE(RECORD_UTIMES, 0, 0),
        [33] = CALL_LOOK(0, 0),
        [38] = CALL_CHANGE(RECORD_RENAME, 0, 0),
        [39] = CALL_CHANGE(RECORD_MKDIR, 0, 0),
        [40] = CALL_CHANGE(RECORD_UNLINK, 0, 0),
        [83] = CALL_CHANGE(RECORD_SYMLINK, 1, 0),
        [84] = CALL_LOOK(0, 0),
        [85] = CALL_LOOK(0, 0),
        [92] = CALL_CHANGE(RECORD_TRUNCATE, 0, 0),
        [93] = CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0),
        [94] = CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0),
        [95] = CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0),
        [102] = CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0),
        [106] = CALL_LOOK(0, 0),
        [107] = CALL_LOOK(0, 0),
        [182] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [193] = CALL_CHANGE(RECORD_TRUNCATE, 0, 0),
        [194] = CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0),
        [195] = CALL_LOOK(0, 0),
        [196] = CALL_LOOK(0, 0),
        [198] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [207] = CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0),
        [212] = CALL_CHANGE(RECORD_CHOWN, 0, 0),
        [226] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [227] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [228] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [235] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [236] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [237] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [271] = CALL_CHANGE(RECORD_UTIMES, 0, 0),
        [295] = CALL_OPENAT,
        [296] = CALL_CHANGE(RECORD_MKDIR, 1, 1),
        [297] = CALL_CHANGE(RECORD_MKNOD, 1, 1),
        [298] = CALL_CHANGE(RECORD_CHOWN, 1, 1),
        [299] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [300] = CALL_LOOK(1, 1),
        [301] = CALL_CHANGE(RECORD_UNLINK, 1, 1),
        [302] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [303] = CALL_CHANGE(RECORD_LINK, 1, 1),
        [304] = CALL_CHANGE(RECORD_SYMLINK, 2, 1),
        [305] = CALL_LOOK(1, 1),
        [306] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [307] = CALL_LOOK(1, 1),
        [320] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [342] = CALL_OPEN_BY_HANDLE,
        [347] = CALL_VM_READ,
        [348] = CALL_VM_WRITE,
        [353] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [358] = CALL_EXECVEAT,
        [359] = CALL_SOCKET,
        [361] = CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0),
        [362] = CALL_CONNECT,
        [383] = CALL_LOOK(1, 1),
        [412] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [425] = CALL_IO_URING_SETUP,
        [437] = CALL_OPENAT2,
        [438] = CALL_PIDFD_GETFD,
        [439] = CALL_LOOK(1, 1),
        [452] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [463] = CALL_CHANGE(RECORD_XATTR, 1, 1),
        [466] = CALL_CHANGE(RECORD_XATTR, 1, 1),
};

/* x32 calls carry this bit in their number; the rest of it is the 64-bit number for all of ours but
 * these. */
enum {
	X32_BIT = 0x40000000,
	X32_EXECVE = 520,
	X32_PTRACE = 521,
	X32_VM_READ = 539,
	X32_VM_WRITE = 540,
	X32_EXECVEAT = 545
};

static __always_inline enum call call_x32(long nr)
{
	switch (nr) {
	case X32_EXECVE:
		return CALL_EXECVE;
	case X32_EXECVEAT:
		return CALL_EXECVEAT;
	case X32_PTRACE:
		return CALL_PTRACE;
	case X32_VM_READ:
		return CALL_VM_READ;
	case X32_VM_WRITE:
		return CALL_VM_WRITE;
	default:
		return call_in(calls_native, (unsigned long)nr);
	}
}

static __always_inline __u32 call_number(struct pt_regs *regs)
{
	return (__u32)regs->orig_ax;
}

/* All bits are set where no call is. */
static __always_inline int call_is_x32(struct pt_regs *regs)
{
	return (long)regs->orig_ax >= X32_BIT && (long)regs->orig_ax < 2L * X32_BIT;
}

/* Of a 32-bit call: socket, bind, connect and others in one. */
static __always_inline int call_is_socketcall(struct pt_regs *regs)
{
	return regs->orig_ax == 102;
}

static __always_inline enum call call_of(struct pt_regs *regs, struct task_struct *task,
                                         int *compat)
{
	long nr = (long)regs->orig_ax;

	*compat = (task->thread_info.status & TS_COMPAT) != 0;
	if (*compat)
		return call_in(calls_compat, (unsigned long)nr);
	if (nr & X32_BIT)
		return call_x32(nr & ~X32_BIT);
	return call_in(calls_native, (unsigned long)nr);
}

/* Of nearly every call one load from the table says that it does not. */
static __always_inline int call_may_matter(struct pt_regs *regs)
{
	unsigned long nr = (unsigned long)regs->orig_ax;

	if (bpf_get_current_task_btf()->thread_info.status & TS_COMPAT)
		return 1;
	asm volatile("" : "+r"(nr));
	return nr < CALL_NUMBERS ? calls_native[nr] != CALL_OTHER : call_is_x32(regs);
}

static __always_inline unsigned long call_argument(struct pt_regs *regs, int compat, int n)
{
	if (compat)
		return (__u32)(n == 0 ? regs->bx : n == 1 ? regs->cx : regs->dx);
	return n == 0 ? regs->di : n == 1 ? regs->si : regs->dx;
}

#elif defined(__TARGET_ARCH_arm64)

static const __u16 calls_native[CALL_NUMBERS] = {
        [5] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [6] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [7] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [14] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [15] = CALL_CHANGE(RECORD_XATTR, 0, 0),
        [16] = CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0),
        [33] = CALL_CHANGE(RECORD_MKNOD, 1, 1),
        [34] = CALL_CHANGE(RECORD_MKDIR, 1, 1),
        [35] = CALL_CHANGE(RECORD_UNLINK, 1, 1),
        [36] = CALL_CHANGE(RECORD_SYMLINK, 2, 1),
        [37] = CALL_CHANGE(RECORD_LINK, 1, 1),
        [38] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [45] = CALL_CHANGE(RECORD_TRUNCATE, 0, 0),
        [46] = CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0),
        [48] = CALL_LOOK(1, 1),
        [52] = CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0),
        [53] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [54] = CALL_CHANGE(RECORD_CHOWN, 1, 1),
        [55] = CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0),
        [56] = CALL_OPENAT,
        [78] = CALL_LOOK(1, 1),
        [79] = CALL_LOOK(1, 1),
        [88] = CALL_CHANGE(RECORD_UTIMES, 1, 1),
        [117] = CALL_PTRACE,
        [198] = CALL_SOCKET,
        [200] = CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0),
        [203] = CALL_CONNECT,
        [221] = CALL_EXECVE,
        [265] = CALL_OPEN_BY_HANDLE,
        [270] = CALL_VM_READ,
        [271] = CALL_VM_WRITE,
        [276] = CALL_CHANGE(RECORD_RENAME, 1, 1),
        [281] = CALL_EXECVEAT,
        [291] = CALL_LOOK(1, 1),
        [425] = CALL_IO_URING_SETUP,
        [437] = CALL_OPENAT2,
        [438] = CALL_PIDFD_GETFD,
        [439] = CALL_LOOK(1, 1),
        [452] = CALL_CHANGE(RECORD_CHMOD, 1, 1),
        [463] = CALL_CHANGE(RECORD_XATTR, 1, 1),
        [466] = CALL_CHANGE(RECORD_XATTR, 1, 1),
};

static __always_inline __u32 call_number(struct pt_regs *regs)
{
	return (__u32)regs->syscallno;
}

static __always_inline int call_is_x32(struct pt_regs *regs)
{
	return 0;
}

static __always_inline int call_is_socketcall(struct pt_regs *regs)
{
	return 0;
}

/* 32-bit processes on arm64 are outside the sandbox's architecture; there is no int 0x80. */
static __always_inline enum call call_of(struct pt_regs *regs, struct task_struct *task,
                                         int *compat)
{
	*compat = 0;
	return call_in(calls_native, (__u32)regs->syscallno);
}

static __always_inline int call_may_matter(struct pt_regs *regs)
{
	return call_in(calls_native, (__u32)regs->syscallno) != CALL_OTHER;
}

static __always_inline unsigned long call_argument(struct pt_regs *regs, int compat, int n)
{
	return n == 0 ? regs->orig_x0 : n == 1 ? regs->regs[1] : regs->regs[2];
}

#else
#error "define __TARGET_ARCH_x86 or __TARGET_ARCH_arm64"
#endif

#endif
