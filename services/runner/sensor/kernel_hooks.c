// SPDX-License-Identifier: Apache-2.0
/* Where the sensor's programs are attached, and which of them this kernel can have. */
#include <string.h>

#include <bpf/btf.h>

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
        /* In the place of the change time, where that is not told. */
        {"fentry/security_inode_rename", "renames", PROGRAM(on_rename), false, true},
        {"fentry/security_inode_link", "links", PROGRAM(on_link), false, true},
        {"fentry/security_inode_symlink", "symbolic links", PROGRAM(on_symlink), false, true},
        {"fentry/security_inode_mkdir", "new folders", PROGRAM(on_mkdir), false, true},
        {"fentry/security_inode_mknod", "new pipes and sockets", PROGRAM(on_mknod), false, true},
        {"fentry/security_inode_unlink", "removals", PROGRAM(on_unlink), false, true},
        {"fentry/security_inode_rmdir", "removals of folders", PROGRAM(on_rmdir), false, true},
        {"fentry/security_inode_setattr", "changes of modes, owners, times and sizes",
         PROGRAM(on_setattr), false, true},
        {"fentry/security_inode_setxattr", "changes of extended attributes", PROGRAM(on_setxattr),
         false, true},
        {"fentry/security_inode_removexattr", "removals of extended attributes",
         PROGRAM(on_removexattr), false, true},
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

/* Before Linux 6.4 the tracepoint in front of a request's execution had another name. */
static const char submit_name[] = "io_uring_submit_req", old_submit_name[] = "io_uring_submit_sqe";

static const char by_time[] = "ctime", by_function[] = "fentry/";

static bool kernel_has_group(const struct kernel_side *kernel, const char *group)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (strstr(kernel_hook_rows[i].name, group) && !kernel->hooks[i].active)
			return false;
	return true;
}

static int function_arguments(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *type =
	        id < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);

	return type && btf_is_func_proto(type) ? btf_vlen(type) : -1;
}

/* The arguments of the tracepoint, without the context in front of them; -1: it does not exist. */
static int tracepoint_arguments(const struct btf *btf, const char *name)
{
	char text[64];
	const struct btf_type *type;
	int id;

	(void)snprintf(text, sizeof(text), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, text, BTF_KIND_TYPEDEF);
	type = id < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : -1;
}

static bool knows_attach_type(const struct btf *btf, int attach_type)
{
	int id = btf__find_by_name_kind(btf, "bpf_attach_type", BTF_KIND_ENUM);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	/* The last value is the number of them. */
	return type && btf_vlen(type) && btf_enum(type)[btf_vlen(type) - 1].val > attach_type;
}

/* Shapes of the tracepoint at the end of a request: newer than Linux 6.12, and before. */
enum { COMPLETE_ARGUMENTS = 3, OLD_COMPLETE_ARGUMENTS = 7, OLD_SUBMIT_ARGUMENTS = 2 };

/* Older kernels have no map in front of the dentry. */
enum { SETATTR_ARGUMENTS = 3 };

static const char *why_no_function(const struct btf *btf, const char *name)
{
	int arguments = function_arguments(btf, name);

	if (arguments < 0)
		return "this kernel does not have the function";
	if (strcmp(name, "security_inode_setattr") == 0 && arguments != SETATTR_ARGUMENTS)
		return "the function has arguments that the sensor does not know";
	return NULL;
}

/* Why this kernel cannot have the hook, or NULL. */
static const char *why_absent(const struct kernel_side *kernel, const struct btf *btf, size_t hook)
{
	const char *name = strchr(kernel_hook_rows[hook].name, '/') + 1;
	int arguments = tracepoint_arguments(btf, name);

	if (kernel_hook_rows[hook].name == unix_connect ||
	    kernel_hook_rows[hook].name == unix_sendmsg)
		return knows_attach_type(btf, ATTACH_UNIX_SENDMSG)
		               ? NULL
		               : "this kernel has no such programs (Linux 6.7)";
	if (kernel_hook_rows[hook].on_cgroup)
		return NULL;
	if (strstr(kernel_hook_rows[hook].name, by_function))
		return why_no_function(btf, name);
	if (strcmp(name, submit_name) == 0 && kernel->old_submit)
		return NULL;
	if (strcmp(name, "io_uring_complete") == 0 && arguments >= 0 &&
	    arguments != COMPLETE_ARGUMENTS && arguments != OLD_COMPLETE_ARGUMENTS)
		return "the tracepoint has arguments that the sensor does not know";
	return arguments < 0 ? "this kernel does not have the tracepoint" : NULL;
}

void kernel_hooks_adapt(struct kernel_side *kernel)
{
	kernel->skeleton->rodata->io_uring_tells_result = kernel->old_complete;
	kernel->skeleton->rodata->changes_by_time = kernel_has_group(kernel, by_time);
	if (kernel->old_submit)
		(void)bpf_program__set_attach_target(kernel->skeleton->progs.on_io_uring_submit, 0,
		                                     old_submit_name);
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
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf) /* loading says why */
		return;
	kernel->old_submit = tracepoint_arguments(btf, submit_name) < 0 &&
	                     tracepoint_arguments(btf, old_submit_name) == OLD_SUBMIT_ARGUMENTS;
	kernel->old_complete =
	        tracepoint_arguments(btf, "io_uring_complete") == OLD_COMPLETE_ARGUMENTS;
	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		const char *reason =
		        kernel_hook_rows[i].optional ? why_absent(kernel, btf, i) : NULL;

		if (reason)
			kernel_hook_missing(kernel, i, reason);
	}
	btf__free(btf);
	/* Each in the place of the other: these are the last rows. */
	if (kernel_has_group(kernel, by_time)) {
		kernel_drop_hooks(kernel, by_function, "not needed");
		while (strstr(kernel_hook_rows[kernel->hook_count - 1].name, by_function))
			kernel->hook_count--;
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
	return kernel_has_group(kernel, by_time) || kernel_has_group(kernel, by_function);
}

const char *kernel_hook_group(size_t hook)
{
	const char *name = kernel_hook_rows[hook].name;

	return strstr(name, by_time) ? by_time : strstr(name, by_function) ? by_function : name;
}
