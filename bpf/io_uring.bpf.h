// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Opens and changes through io_uring, which makes no system call per operation: at the completion
 * of the request the descriptor is there, and of an open that failed the name that was written down
 * when it was asked for. Optional.
 */
#ifndef FANGS_BPF_IO_URING_H
#define FANGS_BPF_IO_URING_H

#include "changes.bpf.h"
#include "files.bpf.h"
#include "interfaces.bpf.h"
#include "kernel.bpf.h"

enum {
	IO_URING_CONNECT = 16,
	IO_URING_OPENAT = 18,
	IO_URING_OPENAT2 = 28,
	IO_URING_SOCKET = 45,
};
#define IO_URING_SLOT_ALLOCATED 0xffffffffU
#define IO_URING_FILE_POINTER (~7UL) /* flags live in the low bits */

/* Set before loading: the completion's result is an argument of the tracepoint's, else it stands in
 * the entry of the queue (newer than Linux 6.12). */
const volatile __u32 io_uring_tells_result = 0;

static __always_inline struct file *file_of_old_slot(struct io_ring_ctx___files *ring, __u32 index)
{
	struct io_fixed_file *files = BPF_CORE_READ(ring, file_table.files), *file;

	if (index >= BPF_CORE_READ(ring, nr_user_files))
		return 0;
	file = &files[index];
	return (struct file *)(BPF_CORE_READ(file, file_ptr) & IO_URING_FILE_POINTER);
}

/* A direct descriptor is a slot of the ring's own table, not of the process's. */
static __always_inline struct file *file_of_slot(struct io_ring_ctx *ring, __u32 index)
{
	struct io_rsrc_node **nodes, *node = 0;

	if (!bpf_core_field_exists(ring->file_table.data))
		return file_of_old_slot((struct io_ring_ctx___files *)ring, index);
	nodes = BPF_CORE_READ(ring, file_table.data.nodes);
	if (index >= BPF_CORE_READ(ring, file_table.data.nr))
		return 0;
	bpf_probe_read_kernel(&node, sizeof(node), &nodes[index]);
	return (struct file *)(BPF_CORE_READ(node, file_ptr) & IO_URING_FILE_POINTER);
}

static __always_inline void io_uring_opened(struct io_ring_ctx *ring, struct io_open *command,
                                            struct file_scratch *scratch, const struct scope *scope,
                                            __s32 result)
{
	__u32 slot = BPF_CORE_READ(command, file_slot);
	struct file *file;

	if (slot == 0)
		file = file_of_descriptor((struct task_struct *)bpf_get_current_task(),
		                          (__u32)result);
	else if (slot == IO_URING_SLOT_ALLOCATED)
		file = file_of_slot(ring, (__u32)result);
	else
		file = file_of_slot(ring, slot - 1);
	if (!file)
		return;
	scratch->record.dfd = FILES_AT_FDCWD;
	scratch->record.result = result;
	scratch->record.open_flags = (__s32)BPF_CORE_READ(command, how.flags);
	call_opened(FILE_SCRATCH_IO_URING, scratch, scope, file, RECORD_IO_URING);
}

static __always_inline void io_uring_socket_made(const struct scope *scope,
                                                 struct io_socket *command, __s32 result)
{
	socket_returned(scope, (__u32)BPF_CORE_READ(command, domain),
	                (__u32)BPF_CORE_READ(command, type),
	                (__u32)BPF_CORE_READ(command, protocol), result);
}

static __always_inline void io_uring_connected(const struct scope *scope, struct io_kiocb *request,
                                               __s32 result)
{
	struct io_connect *command = (void *)request;
	struct unix_connect connect = {.result = result, .user = UNIX_USER_IO_URING};

	connect.file = (__u64)BPF_CORE_READ(request, file);
	connect.name = (__u64)BPF_CORE_READ(command, addr);
	connect.name_size = (__u32)BPF_CORE_READ(command, addr_len);
	(void)unix_connect_ended(scope, &connect);
}

/* Requests that concern sockets, not files. */
static __always_inline int io_uring_is_socket(__u8 opcode)
{
	return opcode == IO_URING_SOCKET || opcode == IO_URING_CONNECT;
}

/* Opens that have been asked for and may concern the run, by request: at the end of one that fails
 * its name is gone. 256 entries of 8 KiB, allocated as needed; full: counted as lost. */
struct asked_open {
	struct record_file record;
	char text[RECORD_PATH_MAX + FILES_NAME_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct asked_open);
} asked_opens SEC(".maps");

static __always_inline int io_uring_is_open(__u8 opcode)
{
	return opcode == IO_URING_OPENAT || opcode == IO_URING_OPENAT2;
}

/* 0: it does not concern the run. */
static __always_inline int io_uring_open_asked(struct file_scratch *scratch,
                                               const struct scope *scope, struct io_open *command)
{
	struct attempt attempt = {.name = BPF_CORE_READ(command, filename, name),
	                          .user = FILE_SCRATCH_SUBMIT,
	                          .in_kernel = 1,
	                          .flags = RECORD_IO_URING};
	struct record_file *record = &scratch->record;
	enum watch_result watch;

	record->dfd = BPF_CORE_READ(command, dfd);
	record->open_flags = (__s32)BPF_CORE_READ(command, how.flags);
	record->result = 0;
	record->operation = RECORD_OPEN;
	if (!attempt_read(scratch, scope->slot, &attempt)) {
		attempt_unreadable(scope->slot);
		return 0;
	}
	watch = attempt_match(scratch, scope->slot, attempt.base_size, attempt.name_size);
	if (watch == WATCH_NO)
		return 0;
	attempt_fill(scratch, scope, RECORD_FILE_FAILED, &attempt, watch);
	return 1;
}

/* The name is the kernel's own copy, before anything is done with it. Before Linux 6.4 the
 * tracepoint has another name (kernel_hooks.c). */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_io_uring_submit, void *request)
{
	struct file_scratch *scratch;
	struct scope *scope;
	__u64 key = (__u64)request;

	if (!depth_count || !io_uring_is_open(BPF_CORE_READ((struct io_kiocb *)request, opcode)))
		return 0;
	scope = scope_of_task();
	scratch = scope ? file_scratch_get(FILE_SCRATCH_SUBMIT) : 0;
	if (!scratch)
		return 0;
	if (!io_uring_open_asked(scratch, scope, request))
		bpf_map_delete_elem(&asked_opens, &key); /* of a request that was here before */
	else if (bpf_map_update_elem(&asked_opens, &key, &scratch->record, BPF_ANY))
		count_lost(scope->slot, RECORD_FILE_FAILED);
	return 0;
}

static __always_inline void io_uring_open_ended(__u64 key, __s32 result)
{
	struct asked_open *asked = bpf_map_lookup_elem(&asked_opens, &key);

	if (!asked)
		return;
	asked->record.header.ts_ns = bpf_ktime_get_ns();
	asked->record.result = result;
	if (result < 0)
		(void)attempt_emit(&asked->record);
	bpf_map_delete_elem(&asked_opens, &key);
}

/* Functions of their own, as in calls_exit.bpf.h. */
__attribute__((noinline)) int io_uring_open_done(const struct scope *scope, __u64 request,
                                                 __s32 result)
{
	struct file_scratch *scratch = file_scratch_get(FILE_SCRATCH_IO_URING);
	struct io_ring_ctx *ring = BPF_CORE_READ((struct io_kiocb *)request, ctx);

	if (!scope || !scratch)
		return 0;
	io_uring_open_ended(request, result);
	if (result >= 0)
		io_uring_opened(ring, (struct io_open *)request, scratch, scope, result);
	return 0;
}

__attribute__((noinline)) int io_uring_socket_done(const struct scope *scope, __u64 request,
                                                   __s32 result)
{
	struct io_kiocb *socket = (struct io_kiocb *)request;

	if (!scope)
		return 0;
	if (BPF_CORE_READ(socket, opcode) == IO_URING_SOCKET)
		io_uring_socket_made(scope, (struct io_socket *)request, result);
	else
		io_uring_connected(scope, socket, result);
	return 0;
}

/* Arguments: the ring, the request, and what the above says. */
static __always_inline __s32 io_uring_result(const __u64 *context)
{
	if (io_uring_tells_result)
		return (__s32)context[3];
	return ((struct io_uring_cqe *)context[2])->res;
}

SEC("tp_btf/io_uring_complete")
int on_io_uring_complete(const __u64 *context)
{
	void *request = (void *)context[1];
	struct scope *scope;
	__s32 result;
	__u8 opcode;

	if (!depth_count)
		return 0;
	result = io_uring_result(context);
	opcode = BPF_CORE_READ((struct io_kiocb *)request, opcode);
	if (!io_uring_is_open(opcode) && !io_uring_is_socket(opcode) && !change_of_opcode(opcode))
		return 0;
	scope = scope_of_task();
	if (!scope)
		return 0;
	if (io_uring_is_socket(opcode))
		(void)io_uring_socket_done(scope, (__u64)request, result);
	else if (io_uring_is_open(opcode))
		(void)io_uring_open_done(scope, (__u64)request, result);
	else
		(void)change_finish(FILE_SCRATCH_IO_URING, (__u64)request, result, RECORD_IO_URING);
	return 0;
}

#endif
