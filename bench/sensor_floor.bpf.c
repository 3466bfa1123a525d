// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Programs that do nothing, on the hooks of the sensor: what the kernel itself asks for them. Those
 * on cgroups cost the host something as soon as any cgroup has one: that is the floor beside a run.
 * Those of UNIX sockets are left out: nothing that is measured goes there.
 */
#include "bpf/vmlinux_min.h"

#include <bpf/bpf_helpers.h>

#define RETURNING(verdict, name, section)                                                          \
	SEC(section) int name(void *ctx)                                                           \
	{                                                                                          \
		return verdict;                                                                    \
	}
#define EMPTY(name, section) RETURNING(0, name, section)
#define PROCEED(name, section) RETURNING(1, name, section)

EMPTY(floor_sys_exit, "tp_btf/sys_exit")
EMPTY(floor_exec, "tp_btf/sched_process_exec")
EMPTY(floor_fork, "tp_btf/sched_process_fork")
EMPTY(floor_exit, "tp_btf/sched_process_exit")
EMPTY(floor_io_uring_submit, "tp_btf/io_uring_submit_req")
EMPTY(floor_io_uring, "tp_btf/io_uring_complete")
EMPTY(floor_state, "tp_btf/inet_sock_set_state")
EMPTY(floor_ctime_set, "tp_btf/inode_set_ctime_to_ts")
EMPTY(floor_ctime_exchange, "tp_btf/ctime_ns_xchg")
EMPTY(floor_ctime_same, "tp_btf/ctime_xchg_skip")

PROCEED(floor_socket, "cgroup/sock_create")
PROCEED(floor_connect4, "cgroup/connect4")
PROCEED(floor_connect6, "cgroup/connect6")
PROCEED(floor_sendmsg4, "cgroup/sendmsg4")
PROCEED(floor_sendmsg6, "cgroup/sendmsg6")
PROCEED(floor_egress, "cgroup_skb/egress")
PROCEED(floor_ingress, "cgroup_skb/ingress")

char floor_license[] SEC("license") = "GPL";
