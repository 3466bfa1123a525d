// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Which run a task or packet belongs to: the run's parent cgroup is an ancestor of the container's,
 * at a depth that user space has written down. Also the counters of what was lost, per run.
 */
#ifndef FANGS_BPF_SCOPE_H
#define FANGS_BPF_SCOPE_H

#include "kernel.bpf.h"
#include "records.h"

/* 64 entries, about 5 KiB. Full: user space refuses the run. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RECORD_RUNS_MAX);
	__type(key, __u64);
	__type(value, struct scope);
} scopes SEC(".maps");

/* 64 entries of 96 bytes a CPU. Fixed: never full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECORD_RUNS_MAX);
	__type(key, __u32);
	__type(value, struct run_counters);
} counters SEC(".maps");

/* Depths at which run cgroups exist; no run, no depth. */
volatile __u32 depth_count;
volatile __u32 depths[RECORD_DEPTHS_MAX];

/* How many run cgroups have an id that ends so: of nearly every cgroup that is none, one load says
 * it. Kept by user space. */
volatile __u8 scope_hints[RECORD_SCOPE_HINTS];

static __always_inline struct scope *scope_of_cgroup(__u64 id)
{
	if (!id || !scope_hints[id & (RECORD_SCOPE_HINTS - 1)])
		return 0;
	return bpf_map_lookup_elem(&scopes, &id);
}

static __always_inline struct scope *scope_of_task(void)
{
#pragma unroll
	for (__u32 i = 0; i < RECORD_DEPTHS_MAX; i++) {
		if (i >= depth_count)
			break;
		__u64 id = bpf_get_current_ancestor_cgroup_id((int)depths[i]);
		struct scope *scope = scope_of_cgroup(id);

		if (scope)
			return scope;
	}
	return 0;
}

/* Cgroups that were found to belong to no run, so that the next call of one of their processes
 * costs some loads only: id and, below, what `strangers_round` was before it was looked for. A
 * cgroup's id is never another's, and its ancestors never change; user space begins a new round
 * after each change of the runs' cgroups and depths, which voids all entries. */
volatile __u64 strangers[RECORD_STRANGERS];
volatile __u16 strangers_round;

/* As scope_of_task(), for programs on BTF tracepoints; quick for processes of no run. */
static __always_inline struct scope *scope_of_caller(void)
{
	__u64 id = bpf_get_current_task_btf()->cgroups->dfl_cgrp->kn->id;
	volatile __u64 *stranger = &strangers[id & (RECORD_STRANGERS - 1)];
	__u64 entry = id << 16 | strangers_round;
	struct scope *scope;

	if (*stranger == entry)
		return 0;
	scope = scope_of_task();
	if (!scope && !(id >> 48))
		*stranger = entry;
	return scope;
}

static __always_inline struct scope *scope_of_packet(struct __sk_buff *skb)
{
#pragma unroll
	for (__u32 i = 0; i < RECORD_DEPTHS_MAX; i++) {
		if (i >= depth_count)
			break;
		__u64 id = bpf_skb_ancestor_cgroup_id(skb, (int)depths[i]);
		struct scope *scope = scope_of_cgroup(id);

		if (scope)
			return scope;
	}
	return 0;
}

static __always_inline struct run_counters *counters_of(__u32 slot)
{
	return bpf_map_lookup_elem(&counters, &slot);
}

#endif
