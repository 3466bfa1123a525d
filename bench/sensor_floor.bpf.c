// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Programs that do nothing, on the hooks of the sensor: what the kernel itself asks for them. */
#include "bpf/vmlinux_min.h"

#include <bpf/bpf_helpers.h>

#define EMPTY(name, section)                                                                       \
	SEC(section) int name(void *ctx)                                                           \
	{                                                                                          \
		return 0;                                                                          \
	}

EMPTY(floor_sys_exit, "tp_btf/sys_exit")
EMPTY(floor_exec, "tp_btf/sched_process_exec")
EMPTY(floor_fork, "tp_btf/sched_process_fork")
EMPTY(floor_exit, "tp_btf/sched_process_exit")
EMPTY(floor_io_uring, "tp_btf/io_uring_complete")
EMPTY(floor_state, "tp_btf/inet_sock_set_state")
EMPTY(floor_ctime_set, "tp_btf/inode_set_ctime_to_ts")
EMPTY(floor_ctime_exchange, "tp_btf/ctime_ns_xchg")
EMPTY(floor_ctime_same, "tp_btf/ctime_xchg_skip")

char floor_license[] SEC("license") = "GPL";
