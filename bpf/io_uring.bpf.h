// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Opens and changes through io_uring, which makes no system call per operation: at the completion
 * of the request the descriptor is there. Optional: the tracepoint's shape changed with
 * kernel 6.11.
 */
#ifndef FANGS_BPF_IO_URING_H
#define FANGS_BPF_IO_URING_H

#include "changes.bpf.h"
#include "files.bpf.h"
#include "interfaces.bpf.h"
#include "kernel.bpf.h"

enum { IO_URING_OPENAT = 18, IO_URING_OPENAT2 = 28, IO_URING_SOCKET = 45 };
#define IO_URING_SLOT_ALLOCATED 0xffffffffU
#define IO_URING_FILE_POINTER (~7UL) /* flags live in the low bits */

/* A direct descriptor is a slot of the ring's own table, not of the process's. */
static __always_inline struct file *file_of_slot(struct io_ring_ctx *ring, __u32 index)
{
	struct io_rsrc_node **nodes = BPF_CORE_READ(ring, file_table.data.nodes), *node = 0;

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
	call_opened(scratch, scope, file, RECORD_IO_URING);
}

static __always_inline void io_uring_socket_made(const struct scope *scope,
                                                 struct io_socket *command, __s32 result)
{
	socket_returned(scope, (__u32)BPF_CORE_READ(command, domain),
	                (__u32)BPF_CORE_READ(command, type),
	                (__u32)BPF_CORE_READ(command, protocol), result);
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_io_uring_complete, struct io_ring_ctx *ring, void *request,
             struct io_uring_cqe *cqe)
{
	struct file_scratch *scratch;
	struct scope *scope;
	__u8 opcode;

	if (!depth_count)
		return 0;
	opcode = BPF_CORE_READ((struct io_kiocb *)request, opcode);
	if (opcode != IO_URING_OPENAT && opcode != IO_URING_OPENAT2 && opcode != IO_URING_SOCKET &&
	    !change_of_opcode(opcode))
		return 0;
	scope = scope_of_task();
	if (opcode == IO_URING_SOCKET && scope)
		io_uring_socket_made(scope, request, cqe->res);
	if (opcode == IO_URING_SOCKET)
		return 0;
	scratch = scope ? file_scratch_get(FILE_SCRATCH_IO_URING) : 0;
	if (!scratch)
		return 0;
	if (change_of_opcode(opcode))
		(void)change_finish(FILE_SCRATCH_IO_URING, (__u64)request, cqe->res,
		                    RECORD_IO_URING);
	else if (cqe->res >= 0)
		io_uring_opened(ring, request, scratch, scope, cqe->res);
	return 0;
}

#endif
