// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Ways into the kernel that are no connection and no file: sockets of other families and protocols,
 * io_uring itself, 32-bit and x32 calls, calls into other processes; also when they were refused (a
 * call that seccomp refuses returns without having begun). How a connect ended at once.
 */
#ifndef FANGS_BPF_INTERFACES_H
#define FANGS_BPF_INTERFACES_H

#include "calls.bpf.h"
#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "unix.bpf.h"

enum {
	INTERFACES_AF_UNIX = 1,
	INTERFACES_AF_INET = 2,
	INTERFACES_AF_INET6 = 10,
	INTERFACES_AF_NETLINK = 16,
	INTERFACES_SOCK_STREAM = 1,
	INTERFACES_SOCK_DGRAM = 2,
	INTERFACES_SOCK_TYPE_MASK = 15,
	INTERFACES_IPPROTO_ICMP = 1,
	INTERFACES_IPPROTO_TCP = 6,
	INTERFACES_IPPROTO_UDP = 17,
	INTERFACES_IPPROTO_ICMPV6 = 58,
	INTERFACES_IPPROTO_MPTCP = 262,
	INTERFACES_NETLINK_ROUTE = 0,
	INTERFACES_SOCKETCALL_SOCKET = 1,
	INTERFACES_SOCKETCALL_CONNECT = 3,
	INTERFACES_EINPROGRESS = 115,
	INTERFACES_ERESTART_FIRST = 512, /* the call goes on after a signal */
};

enum { ABI_FAILED = 1 << 16 }; /* in abi_key.kind */

struct abi_key {
	__u64 start_ns;
	__u32 pid;
	__u32 kind;
};

/* Processes whose use of another call table, or of calls into other processes, has been told. 1024
 * entries, 64 KiB; full: the least recently used goes and is told again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct abi_key);
	__type(value, __u8);
} abis SEC(".maps");

static __always_inline int socket_is_plain(__u32 family, __u32 type, __u32 protocol)
{
	type &= INTERFACES_SOCK_TYPE_MASK;
	if (family == INTERFACES_AF_UNIX)
		return 1;
	if (family == INTERFACES_AF_NETLINK)
		return protocol == INTERFACES_NETLINK_ROUTE;
	if (family != INTERFACES_AF_INET && family != INTERFACES_AF_INET6)
		return 0;
	if (type == INTERFACES_SOCK_STREAM)
		return protocol == 0 || protocol == INTERFACES_IPPROTO_TCP ||
		       protocol == INTERFACES_IPPROTO_MPTCP;
	return type == INTERFACES_SOCK_DGRAM &&
	       (protocol == 0 || protocol == INTERFACES_IPPROTO_UDP ||
	        protocol == INTERFACES_IPPROTO_ICMP || protocol == INTERFACES_IPPROTO_ICMPV6);
}

static __always_inline void interface_emit(const struct scope *scope,
                                           struct record_interface *record)
{
	fill_current(&record->header, RECORD_INTERFACE, scope);
	emit(&priority_ring, &record->header, sizeof(*record));
}

static __always_inline void socket_returned(const struct scope *scope, __u32 family, __u32 type,
                                            __u32 protocol, __s32 result)
{
	struct record_interface record = {.kind = RECORD_INTERFACE_SOCKET,
	                                  .result = result,
	                                  .family = family,
	                                  .type = type & INTERFACES_SOCK_TYPE_MASK,
	                                  .protocol = protocol};

	if (!socket_is_plain(family, type, protocol))
		interface_emit(scope, &record);
}

/* A connect that failed at once: TCP tells of later ends itself. */
static __always_inline void connect_returned(const struct scope *scope, __s32 result)
{
	struct record_connected record = {.result = result};

	if (result >= 0 || result == -INTERFACES_EINPROGRESS ||
	    result <= -INTERFACES_ERESTART_FIRST)
		return;
	fill_current(&record.header, RECORD_CONNECTED, scope);
	emit(&priority_ring, &record.header, sizeof(record));
}

static __always_inline void connect_to_unix(const struct scope *scope, __u32 descriptor, __u64 name,
                                            __u32 name_size, __s32 result)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct unix_connect connect = {
	        .name = name, .name_size = name_size, .result = result, .user = UNIX_USER_CALL};

	connect.file = (__u64)file_of_descriptor(task, descriptor);
	(void)unix_connect_ended(scope, &connect);
}

/* 32-bit only. Its arguments stand in the process's memory, which another thread may have changed
 * by now. */
static __always_inline void socketcall_returned(const struct scope *scope, struct pt_regs *regs,
                                                __s32 result)
{
	__u32 which = (__u32)call_argument(regs, 1, 0), arguments[3] = {};

	if (which != INTERFACES_SOCKETCALL_CONNECT && which != INTERFACES_SOCKETCALL_SOCKET)
		return;
	bpf_probe_read_user(arguments, sizeof(arguments), (void *)call_argument(regs, 1, 1));
	if (which == INTERFACES_SOCKETCALL_CONNECT) {
		connect_returned(scope, result);
		connect_to_unix(scope, arguments[0], arguments[1], arguments[2], result);
	} else {
		socket_returned(scope, arguments[0], arguments[1], arguments[2], result);
	}
}

static __always_inline void use_told_once(const struct scope *scope, struct task_struct *task,
                                          __u32 kind, __u32 key_kind, __u32 number, __s32 result)
{
	struct abi_key key = {.kind = key_kind, .pid = (__u32)task->tgid};
	struct record_interface record = {.kind = kind, .call = number, .result = result};
	__u8 told = 1;

	key.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	if (bpf_map_update_elem(&abis, &key, &told, BPF_NOEXIST) == 0)
		interface_emit(scope, &record);
}

static __always_inline void abi_used(const struct scope *scope, struct task_struct *task,
                                     __u32 kind, __u32 number, __s32 result)
{
	use_told_once(scope, task, kind, kind, number, result);
}

/* Of another process. A failure does not silence what succeeds later. */
static __always_inline void process_entered(const struct scope *scope, struct task_struct *task,
                                            enum call call, __s32 result)
{
	__u32 kind = RECORD_INTERFACE_VM_READ + (call - CALL_VM_READ);

	use_told_once(scope, task, kind, result < 0 ? kind | ABI_FAILED : kind, 0, result);
}

/* True: nothing else is to be looked at. */
static __always_inline int interface_returned(const struct scope *scope, struct task_struct *task,
                                              struct pt_regs *regs, enum call call, int compat,
                                              __s32 result)
{
	struct record_interface ring = {.kind = RECORD_INTERFACE_IO_URING, .result = result};

	if (compat)
		abi_used(scope, task, RECORD_INTERFACE_COMPAT, call_number(regs), result);
	else if (call_is_x32(regs))
		abi_used(scope, task, RECORD_INTERFACE_X32, call_number(regs), result);
	if (call == CALL_SOCKET)
		socket_returned(scope, (__u32)call_argument(regs, compat, 0),
		                (__u32)call_argument(regs, compat, 1),
		                (__u32)call_argument(regs, compat, 2), result);
	else if (call == CALL_IO_URING_SETUP)
		interface_emit(scope, &ring);
	else if (call >= CALL_VM_READ)
		process_entered(scope, task, call, result);
	else if (compat && call_is_socketcall(regs))
		socketcall_returned(scope, regs, result);
	if (call == CALL_CONNECT) {
		connect_returned(scope, result);
		connect_to_unix(scope, (__u32)call_argument(regs, compat, 0),
		                call_argument(regs, compat, 1),
		                (__u32)call_argument(regs, compat, 2), result);
	}
	return call == CALL_OTHER || call >= CALL_INTERFACES;
}

#endif
