// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the kernel side share: kernel_hooks.c (where programs are attached),
 * kernel_load.c (which of them this kernel takes), kernel_side.c (life, attaching) and
 * kernel_runs.c (maps that are kept for runs). Only these know libbpf.
 */
#ifndef FANGS_SENSOR_KERNEL_INTERNAL_H
#define FANGS_SENSOR_KERNEL_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel_side.h"
#include "sensor_bpf.skel.h"

enum { KERNEL_HOOKS = 29 };

struct kernel_hook_row {
	const char *name, *sees;
	size_t program; /* offset in the skeleton */
	bool on_cgroup; /* attached to each run's cgroup, else once */
	bool optional;  /* the sensor works without it; older kernels do not have it */
};

extern const struct kernel_hook_row kernel_hook_rows[KERNEL_HOOKS];

struct kernel_side {
	struct sensor_bpf *skeleton;
	struct sensor_hook hooks[KERNEL_HOOKS];
	size_t hook_count;                    /* that are worth telling of */
	struct bpf_link *links[KERNEL_HOOKS]; /* of programs that are attached once */
	size_t ring_sizes[KERNEL_RINGS];
	int cpus;
	bool old_submit, old_complete; /* tracepoints of io_uring as older kernels have them */
};

/* Hooks, by their row. */
struct bpf_program *kernel_program(const struct kernel_side *kernel, size_t hook);
/* Does it run at each system call of the host? */
bool kernel_hook_is_costly(size_t hook);
/* Tells libbpf where to attach when the section's name stands for another place. */
void kernel_hook_set_type(struct kernel_side *kernel, size_t hook);
/* From now on inactive, for that reason. */
void kernel_hook_missing(struct kernel_side *kernel, size_t hook, const char *reason);
/* Tells the skeleton, before it is loaded, which forms of tracepoints this kernel has. */
void kernel_hooks_adapt(struct kernel_side *kernel);
/* Those that this kernel does not have become missing: before anything is loaded. */
void kernel_find_hooks(struct kernel_side *kernel);
/* So do the optional ones whose names contain `part`. */
void kernel_drop_hooks(struct kernel_side *kernel, const char *part, const char *reason);
/* What is of use only together: part of the names of them all. */
const char *kernel_hook_group(size_t hook);
/* Are all programs there that see changes of files? */
bool kernel_sees_changes(const struct kernel_side *kernel);

struct bpf_map *kernel_ring_map(const struct kernel_side *kernel, enum kernel_ring ring);

/* Loads what this kernel takes of the tier (NULL: of all), with rings of kernel->ring_sizes. */
int kernel_load(struct kernel_side *kernel, const char *tier, struct error *err);

#endif
