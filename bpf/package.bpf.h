// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The package for which npm started a program: npm says so in the program's environment. Looked for
 * here, so that no environment, which is full of secrets, leaves the kernel.
 */
#ifndef FANGS_BPF_PACKAGE_H
#define FANGS_BPF_PACKAGE_H

#include "kernel.bpf.h"
#include "records.h"

enum {
	PACKAGE_ENTRY_MAX = 256,
	PACKAGE_STEPS_MAX = 1024, /* pieces of PACKAGE_ENTRY_MAX bytes, or variables */
	PACKAGE_KEY_SIZE = 17,
};

struct package_search {
	unsigned long at, end;
	char *entry; /* PACKAGE_ENTRY_MAX bytes of a map */
	__u64 size;  /* of the value behind the key in `entry`; 0: not found */
	int inside;  /* `at` is in the middle of a long variable */
};

/* Without a branch for each letter: the verifier would follow them all. */
static __always_inline int package_is_key(const char *entry)
{
	const char key[PACKAGE_KEY_SIZE + 1] = "npm_package_name=";
	int difference = 0;

#pragma unroll
	for (int i = 0; i < PACKAGE_KEY_SIZE; i++)
		difference |= entry[i] ^ key[i];
	return difference == 0;
}

static long package_step(__u64 index, void *ctx)
{
	struct package_search *search = ctx;
	long size;

	if (search->at >= search->end)
		return 1;
	size = bpf_probe_read_user_str(search->entry, PACKAGE_ENTRY_MAX, (void *)search->at);
	if (size <= 0)
		return 1;
	if (!search->inside && size > PACKAGE_KEY_SIZE && package_is_key(search->entry)) {
		search->size = (__u64)size - PACKAGE_KEY_SIZE - 1;
		return 1;
	}
	/* Cut, or of just this size: then the next piece is empty. */
	search->inside = size == PACKAGE_ENTRY_MAX;
	search->at += (unsigned long)size - (size == PACKAGE_ENTRY_MAX);
	return 0;
}

/* Fills `entry`; returns the size of the name, which starts at PACKAGE_KEY_SIZE. As of the exec's
 * end: written by the kernel, no thread of the new program runs yet. */
static __always_inline __u64 package_find(struct task_struct *task, char *entry)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct package_search search = {
	        .at = BPF_CORE_READ(mm, env_start),
	        .end = BPF_CORE_READ(mm, env_end),
	        .entry = entry,
	};

	bpf_loop(PACKAGE_STEPS_MAX, package_step, &search, 0);
	return bounded(search.size, PACKAGE_ENTRY_MAX - PACKAGE_KEY_SIZE - 1);
}

#endif
