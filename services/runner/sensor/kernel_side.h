// SPDX-License-Identifier: Apache-2.0
/*
 * The BPF object as loaded: its programs, maps and what could not be attached. The only module that
 * knows libbpf (its parts: kernel_internal.h).
 *
 * Invariants: programs on tasks are attached once; programs on sockets are attached to each run's
 * cgroup. What changes maps is called by one thread at a time.
 */
#ifndef FANGS_SENSOR_KERNEL_SIDE_H
#define FANGS_SENSOR_KERNEL_SIDE_H

#include "bpf/records.h"
#include "sensor.h"
#include "watch_list.h"

struct kernel_side;
struct kernel_attachment; /* socket programs on one cgroup */

struct kernel_side *kernel_side_open(const struct sensor_options *options, struct error *err);
void kernel_side_close(struct kernel_side *kernel);
DEFINE_AUTO(kernel_side, struct kernel_side *, kernel_side_close)

const struct sensor_hook *kernel_side_hooks(const struct kernel_side *kernel, size_t *ret_count);

/* Without runs the sensor sleeps: no program of it runs at the system calls of the host. Both may
 * be called again. */
int kernel_side_wake(struct kernel_side *kernel, struct error *err);
void kernel_side_sleep(struct kernel_side *kernel);

/* Is any of the hooks there that only newer kernels have? */
bool kernel_side_has_optional(const struct kernel_side *kernel);

enum kernel_ring { KERNEL_RING_FILE, KERNEL_RING_PACKET, KERNEL_RING_PRIORITY, KERNEL_RINGS };

int kernel_side_ring(const struct kernel_side *kernel, enum kernel_ring ring, size_t *ret_size);

/* Runs. A slot that is set up records from kernel_side_enter() to kernel_side_leave(). */
int kernel_side_watch(struct kernel_side *kernel, uint32_t slot, const struct watch_list *list,
                      struct error *err);
void kernel_side_unwatch(struct kernel_side *kernel, uint32_t slot, const struct watch_list *list);
/* The run begins with this program (base name; NULL: not known). */
int kernel_side_await(struct kernel_side *kernel, uint32_t slot, const char *program,
                      struct error *err);

/* What makes that repeated opens are not told, for one run; and the end of it. */
int kernel_side_aggregate(struct kernel_side *kernel, uint32_t slot, struct error *err);
void kernel_side_forget(struct kernel_side *kernel, uint32_t slot);
int kernel_side_enter(struct kernel_side *kernel, uint64_t cgroup_id, struct scope scope,
                      struct error *err);
void kernel_side_leave(struct kernel_side *kernel, uint64_t cgroup_id);
/* Entry `index` of the table of depths at which runs live, and how many entries count. Programs
 * read the table at any moment: an entry in use is never changed. */
void kernel_side_set_depth(struct kernel_side *kernel, uint32_t index, uint32_t depth);
void kernel_side_set_depth_count(struct kernel_side *kernel, uint32_t count);

/* NULL on failure. Owned by the caller. */
struct kernel_attachment *kernel_side_attach(struct kernel_side *kernel, int cgroup_fd,
                                             struct error *err);
void kernel_attachment_destroy(struct kernel_attachment *attachment); /* accepts NULL */

/* Counters, summed over the CPUs. */
void kernel_side_counters(const struct kernel_side *kernel, uint32_t slot,
                          struct run_counters *ret);
void kernel_side_reset_counters(struct kernel_side *kernel, uint32_t slot);
/* Changes whose end was not seen: after all processes have ended, those that a process had io_uring
 * keep silent about. */
uint64_t kernel_side_unfinished(const struct kernel_side *kernel, uint32_t slot);
/* How often the kernel skipped one of the programs, since they were loaded. */
uint64_t kernel_side_missed(const struct kernel_side *kernel);

/* No more bytes of the TCP stream are wanted. */
void kernel_side_ignore_stream(struct kernel_side *kernel, uint64_t cookie);

#endif
