// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Opens through io_uring, which makes no system call per operation: at the completion of the
 * request the descriptor is there. Optional: the tracepoint's shape changed with kernel 6.11.
 */
#ifndef FANGS_BPF_IO_URING_H
#define FANGS_BPF_IO_URING_H

#include "files.bpf.h"
#include "kernel.bpf.h"

enum { IO_URING_OPENAT = 18, IO_URING_OPENAT2 = 28 };
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

SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_io_uring_complete, struct io_ring_ctx *ring, void *request,
             struct io_uring_cqe *cqe)
{
	struct io_open *command = request;
	struct file_scratch *scratch;
	struct scope *scope;
	struct file *file;
	__u32 slot;
	__u8 opcode;

	if (!depth_count || cqe->res < 0)
		return 0;
	opcode = BPF_CORE_READ((struct io_kiocb *)request, opcode);
	if (opcode != IO_URING_OPENAT && opcode != IO_URING_OPENAT2)
		return 0;
	scope = scope_of_task();
	scratch = scope ? file_scratch_get(FILE_SCRATCH_IO_URING) : 0;
	if (!scratch)
		return 0;
	slot = BPF_CORE_READ(command, file_slot);
	if (slot == 0)
		file = file_of_descriptor((struct task_struct *)bpf_get_current_task(),
		                          (__u32)cqe->res);
	else if (slot == IO_URING_SLOT_ALLOCATED)
		file = file_of_slot(ring, (__u32)cqe->res);
	else
		file = file_of_slot(ring, slot - 1);
	if (!file)
		return 0;
	scratch->record.dfd = FILES_AT_FDCWD;
	scratch->record.result = cqe->res;
	scratch->record.open_flags = (__s32)BPF_CORE_READ(command, how.flags);
	call_opened(scratch, scope, file, RECORD_IO_URING);
	return 0;
}

#endif
