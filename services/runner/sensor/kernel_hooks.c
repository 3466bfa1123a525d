// SPDX-License-Identifier: Apache-2.0
/* Where the sensor's programs are attached, and which of them this kernel can have. */
#include <string.h>

#include "kernel_internal.h"

/* BPF_CGROUP_UNIX_CONNECT and _SENDMSG of Linux 6.7. Older libbpf does not know them by their
 * sections' names. */
enum { ATTACH_UNIX_CONNECT = 49, ATTACH_UNIX_SENDMSG = 50 };
static const char unix_connect[] = "cgroup/connect_unix", unix_sendmsg[] = "cgroup/sendmsg_unix";

#define PROGRAM(name) offsetof(struct sensor_bpf, progs.name)

const struct kernel_hook_row kernel_hook_rows[] = {
        {"tp_btf/sys_exit",
         "opens of files by any system call, failed opens and execs, other interfaces",
         PROGRAM(on_sys_exit), false, false},
        {"tp_btf/sched_process_exec", "programs that run, with arguments", PROGRAM(on_exec), false,
         false},
        {"tp_btf/sched_process_fork", "new processes", PROGRAM(on_fork), false, false},
        {"tp_btf/sched_process_exit", "ends of processes, npm's exit status", PROGRAM(on_exit),
         false, false},
        {"tp_btf/io_uring_complete", "opens of files through io_uring",
         PROGRAM(on_io_uring_complete), false, true},
        {"tp_btf/io_uring_submit_req", "names of failed opens through io_uring",
         PROGRAM(on_io_uring_submit), false, true},
        {"tp_btf/inode_set_ctime_to_ts", "renames, links, removals and other changes of files",
         PROGRAM(on_ctime_set), false, true},
        {"tp_btf/ctime_ns_xchg", "the same, on file systems with fine time stamps",
         PROGRAM(on_ctime_exchange), false, true},
        {"tp_btf/ctime_xchg_skip", "the same, twice within a tick", PROGRAM(on_ctime_same), false,
         true},
        {"cgroup/sock_create", "owners of sockets", PROGRAM(on_socket), true, false},
        {"cgroup/connect4", "IPv4 destinations", PROGRAM(on_connect4), true, false},
        {"cgroup/connect6", "IPv6 destinations", PROGRAM(on_connect6), true, false},
        {"cgroup/sendmsg4", "IPv4 destinations of unconnected sockets", PROGRAM(on_sendmsg4), true,
         false},
        {"cgroup/sendmsg6", "IPv6 destinations of unconnected sockets", PROGRAM(on_sendmsg6), true,
         false},
        {unix_connect, "names of UNIX sockets, whatever becomes of the descriptor",
         PROGRAM(on_connect_unix), true, true},
        {unix_sendmsg, "datagrams to UNIX sockets by name", PROGRAM(on_sendmsg_unix), true, true},
        {"cgroup_skb/egress", "DNS queries, TLS and QUIC server names", PROGRAM(on_egress), true,
         false},
        {"cgroup_skb/ingress", "DNS answers", PROGRAM(on_ingress), true, false},
        {"tp_btf/inet_sock_set_state", "results of TCP connects", PROGRAM(on_socket_state), false,
         true},
};

_Static_assert(sizeof(kernel_hook_rows) / sizeof(*kernel_hook_rows) == KERNEL_HOOKS,
               "one row a hook");

struct bpf_program *kernel_program(const struct kernel_side *kernel, size_t hook)
{
	return *(struct bpf_program **)(void *)((char *)kernel->skeleton +
	                                        kernel_hook_rows[hook].program);
}

bool kernel_hook_is_costly(size_t hook)
{
	return kernel_hook_rows[hook].program == PROGRAM(on_sys_exit);
}

void kernel_hook_set_type(struct kernel_side *kernel, size_t hook)
{
	const char *name = kernel_hook_rows[hook].name;
	int type = name == unix_connect ? ATTACH_UNIX_CONNECT : ATTACH_UNIX_SENDMSG;

	if (name == unix_connect || name == unix_sendmsg)
		(void)bpf_program__set_expected_attach_type(kernel_program(kernel, hook),
		                                            (enum bpf_attach_type)type);
}

void kernel_hook_missing(struct kernel_side *kernel, size_t hook, const char *reason)
{
	struct sensor_hook *row = &kernel->hooks[hook];

	row->active = false;
	(void)snprintf(row->missing, sizeof(row->missing), "%.*s", (int)sizeof(row->missing) - 1,
	               reason);
}

void kernel_find_hooks(struct kernel_side *kernel)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		const char *name = strchr(kernel_hook_rows[i].name, '/') + 1;

		if (kernel_hook_rows[i].optional && !kernel_hook_rows[i].on_cgroup &&
		    libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) < 0)
			kernel_hook_missing(kernel, i, "this kernel does not have the tracepoint");
	}
}

void kernel_drop_hooks(struct kernel_side *kernel, const char *part, const char *reason)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (kernel_hook_rows[i].optional && kernel->hooks[i].active &&
		    strstr(kernel_hook_rows[i].name, part))
			kernel_hook_missing(kernel, i, reason);
}

bool kernel_sees_changes(const struct kernel_side *kernel)
{
	bool all = true;

	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (strstr(kernel_hook_rows[i].name, "ctime"))
			all = all && kernel->hooks[i].active;
	return all;
}
