// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The rings, and the header of every record. No wake-ups: the reader polls.
 */
#ifndef FANGS_BPF_EMIT_H
#define FANGS_BPF_EMIT_H

#include "kernel.bpf.h"
#include "records.h"
#include "scope.bpf.h"

/* Opens of files without a credential tag. 4 MiB unless told otherwise; full: the record is
 * dropped and counted for its run. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} file_ring SEC(".maps");

/* Payloads of packets. 1 MiB unless told otherwise; full: dropped and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} packet_ring SEC(".maps");

/* Everything else: processes, destinations, credentials. A flood of opens or packets cannot fill
 * it. 1 MiB unless told otherwise; full: dropped and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} priority_ring SEC(".maps");

static __always_inline void count_lost(__u32 slot, __u32 kind)
{
	struct run_counters *run = counters_of(slot);

	if (run && kind < RECORD_KIND_COUNT)
		run->lost[kind]++;
}

/* 0, or not when the record is lost, which is counted. */
static __always_inline long emit(void *ring, struct record_header *record, __u64 size)
{
	long result = bpf_ringbuf_output(ring, record, size, BPF_RB_NO_WAKEUP);

	if (result)
		count_lost(record->slot, record->kind);
	return result;
}

static __always_inline void fill_scope(struct record_header *header, enum record_kind kind,
                                       const struct scope *scope)
{
	header->kind = (__u8)kind;
	header->flags = 0;
	header->slot = (__u16)scope->slot;
	header->generation = scope->generation;
	header->reserved = 0;
	header->ts_ns = bpf_ktime_get_ns();
}

/* Identity of `task`, which is not necessarily the current one (fork). */
static __always_inline void fill_identity(struct record_header *header, struct task_struct *task)
{
	header->pid = (__u32)BPF_CORE_READ(task, tgid);
	header->tid = (__u32)BPF_CORE_READ(task, pid);
	header->ppid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
	header->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	BPF_CORE_READ_INTO(&header->comm, task, comm);
}

static __always_inline void fill_current(struct record_header *header, enum record_kind kind,
                                         const struct scope *scope)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 ids = bpf_get_current_uid_gid();

	fill_scope(header, kind, scope);
	header->uid = (__u32)ids;
	header->gid = (__u32)(ids >> 32);
	header->cgroup_id = bpf_get_current_cgroup_id();
	fill_identity(header, task);
}

#endif
