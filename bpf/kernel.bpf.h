// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The kernel's types, then libbpf's helpers, which need them: in this order. */
#ifndef FANGS_BPF_KERNEL_H
#define FANGS_BPF_KERNEL_H

#include "vmlinux_min.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* At most `max`, a constant, in one register and for the verifier's eyes: compilers check a copy of
 * a size and use another one, which the verifier does not follow. The mask changes nothing;
 * verifiers before Linux 6.8 follow branches that cannot be taken, and it makes sense of what they
 * believe there. */
static __always_inline __u64 bounded(__u64 value, __u64 max)
{
	asm volatile("" : "+r"(value));
	if (value > max)
		value = max;
	asm volatile("" : "+r"(value));
	value &= ~0ULL >> __builtin_clzll(max);
	asm volatile("" : "+r"(value));
	return value;
}

/* The same of what is not 0 where the verifier wants to be told: it learns nothing from a
 * comparison with 0. */
static __always_inline __u64 bounded_size(__u64 value, __u64 max)
{
	return bounded(value - 1, max - 1) + 1;
}

#endif
