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
	/* From here on: neither opens nor changes files. */
	CALL_INTERFACES = 0x1000,
	CALL_SOCKET = CALL_INTERFACES,
	CALL_CONNECT,
	CALL_IO_URING_SETUP,
};

/* What is done, and which argument names it: of two names the one that is taken from (rename, link)
 * or made (symlink). Of a call with a directory descriptor that is the argument before. */
enum { CALL_NAMELESS = 7 };
#define CALL_CHANGE(operation, name, directory)                                                    \
	((enum call)(CALL_CHANGES | (operation) | (name) << 4 | (directory) << 7))

static __always_inline __u32 call_operation(enum call call)
{
	return call & 15;
}

static __always_inline int call_name_index(enum call call)
{
	return call >> 4 & 7;
}

#if defined(__TARGET_ARCH_x86)

enum { TS_COMPAT = 2 };

static __always_inline enum call change_native(long nr)
{
	switch (nr) {
	case 82:
		return CALL_CHANGE(RECORD_RENAME, 0, 0);
	case 264:
	case 316:
		return CALL_CHANGE(RECORD_RENAME, 1, 1);
	case 86:
		return CALL_CHANGE(RECORD_LINK, 0, 0);
	case 265:
		return CALL_CHANGE(RECORD_LINK, 1, 1);
	case 88:
		return CALL_CHANGE(RECORD_SYMLINK, 1, 0);
	case 266:
		return CALL_CHANGE(RECORD_SYMLINK, 2, 1);
	case 87:
	case 84:
		return CALL_CHANGE(RECORD_UNLINK, 0, 0);
	case 263:
		return CALL_CHANGE(RECORD_UNLINK, 1, 1);
	case 76:
		return CALL_CHANGE(RECORD_TRUNCATE, 0, 0);
	case 77:
		return CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0);
	case 90:
		return CALL_CHANGE(RECORD_CHMOD, 0, 0);
	case 91:
		return CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0);
	case 268:
	case 452:
		return CALL_CHANGE(RECORD_CHMOD, 1, 1);
	case 83:
		return CALL_CHANGE(RECORD_MKDIR, 0, 0);
	case 258:
		return CALL_CHANGE(RECORD_MKDIR, 1, 1);
	case 133:
		return CALL_CHANGE(RECORD_MKNOD, 0, 0);
	case 259:
		return CALL_CHANGE(RECORD_MKNOD, 1, 1);
	case 49:
		return CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0);
	case 92:
	case 94:
		return CALL_CHANGE(RECORD_CHOWN, 0, 0);
	case 93:
		return CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0);
	case 260:
		return CALL_CHANGE(RECORD_CHOWN, 1, 1);
	case 132:
	case 235:
		return CALL_CHANGE(RECORD_UTIMES, 0, 0);
	case 280:
	case 261:
		return CALL_CHANGE(RECORD_UTIMES, 1, 1);
	case 188:
	case 189:
	case 197:
	case 198:
		return CALL_CHANGE(RECORD_XATTR, 0, 0);
	case 190:
	case 199:
		return CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0);
	case 463:
	case 466:
		return CALL_CHANGE(RECORD_XATTR, 1, 1);
	default:
		return CALL_OTHER;
	}
}

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
	case 41:
		return CALL_SOCKET;
	case 42:
		return CALL_CONNECT;
	case 425:
		return CALL_IO_URING_SETUP;
	default:
		return change_native(nr);
	}
}

/* bind(2) makes the names of sockets; 102 is socketcall, of which that is one. */
static __always_inline enum call change_compat(long nr)
{
	switch (nr) {
	case 38:
		return CALL_CHANGE(RECORD_RENAME, 0, 0);
	case 302:
	case 353:
		return CALL_CHANGE(RECORD_RENAME, 1, 1);
	case 9:
		return CALL_CHANGE(RECORD_LINK, 0, 0);
	case 303:
		return CALL_CHANGE(RECORD_LINK, 1, 1);
	case 83:
		return CALL_CHANGE(RECORD_SYMLINK, 1, 0);
	case 304:
		return CALL_CHANGE(RECORD_SYMLINK, 2, 1);
	case 10:
	case 40:
		return CALL_CHANGE(RECORD_UNLINK, 0, 0);
	case 301:
		return CALL_CHANGE(RECORD_UNLINK, 1, 1);
	case 92:
	case 193:
		return CALL_CHANGE(RECORD_TRUNCATE, 0, 0);
	case 93:
	case 194:
		return CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0);
	case 15:
		return CALL_CHANGE(RECORD_CHMOD, 0, 0);
	case 94:
		return CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0);
	case 306:
	case 452:
		return CALL_CHANGE(RECORD_CHMOD, 1, 1);
	case 39:
		return CALL_CHANGE(RECORD_MKDIR, 0, 0);
	case 296:
		return CALL_CHANGE(RECORD_MKDIR, 1, 1);
	case 14:
		return CALL_CHANGE(RECORD_MKNOD, 0, 0);
	case 297:
		return CALL_CHANGE(RECORD_MKNOD, 1, 1);
	case 361:
	case 102:
		return CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0);
	case 182:
	case 16:
	case 198:
	case 212:
		return CALL_CHANGE(RECORD_CHOWN, 0, 0);
	case 95:
	case 207:
		return CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0);
	case 298:
		return CALL_CHANGE(RECORD_CHOWN, 1, 1);
	case 30:
	case 271:
		return CALL_CHANGE(RECORD_UTIMES, 0, 0);
	case 320:
	case 412:
	case 299:
		return CALL_CHANGE(RECORD_UTIMES, 1, 1);
	case 226:
	case 227:
	case 235:
	case 236:
		return CALL_CHANGE(RECORD_XATTR, 0, 0);
	case 228:
	case 237:
		return CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0);
	case 463:
	case 466:
		return CALL_CHANGE(RECORD_XATTR, 1, 1);
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
	case 359:
		return CALL_SOCKET;
	case 362:
		return CALL_CONNECT;
	case 425:
		return CALL_IO_URING_SETUP;
	default:
		return change_compat(nr);
	}
}

/* x32 calls carry this bit in their number; the rest of it is the 64-bit number for all of ours but
 * execve (520) and execveat (545). */
enum { X32_BIT = 0x40000000, X32_EXECVE = 520, X32_EXECVEAT = 545 };

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

static __always_inline enum call change_native(long nr)
{
	switch (nr) {
	case 38:
	case 276:
		return CALL_CHANGE(RECORD_RENAME, 1, 1);
	case 37:
		return CALL_CHANGE(RECORD_LINK, 1, 1);
	case 36:
		return CALL_CHANGE(RECORD_SYMLINK, 2, 1);
	case 35:
		return CALL_CHANGE(RECORD_UNLINK, 1, 1);
	case 45:
		return CALL_CHANGE(RECORD_TRUNCATE, 0, 0);
	case 46:
		return CALL_CHANGE(RECORD_TRUNCATE, CALL_NAMELESS, 0);
	case 52:
		return CALL_CHANGE(RECORD_CHMOD, CALL_NAMELESS, 0);
	case 53:
	case 452:
		return CALL_CHANGE(RECORD_CHMOD, 1, 1);
	case 34:
		return CALL_CHANGE(RECORD_MKDIR, 1, 1);
	case 33:
		return CALL_CHANGE(RECORD_MKNOD, 1, 1);
	case 200:
		return CALL_CHANGE(RECORD_MKNOD, CALL_NAMELESS, 0);
	case 54:
		return CALL_CHANGE(RECORD_CHOWN, 1, 1);
	case 55:
		return CALL_CHANGE(RECORD_CHOWN, CALL_NAMELESS, 0);
	case 88:
		return CALL_CHANGE(RECORD_UTIMES, 1, 1);
	case 5:
	case 6:
	case 14:
	case 15:
		return CALL_CHANGE(RECORD_XATTR, 0, 0);
	case 7:
	case 16:
		return CALL_CHANGE(RECORD_XATTR, CALL_NAMELESS, 0);
	case 463:
	case 466:
		return CALL_CHANGE(RECORD_XATTR, 1, 1);
	default:
		return CALL_OTHER;
	}
}

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
	case 198:
		return CALL_SOCKET;
	case 203:
		return CALL_CONNECT;
	case 425:
		return CALL_IO_URING_SETUP;
	default:
		return change_native(regs->syscallno);
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
