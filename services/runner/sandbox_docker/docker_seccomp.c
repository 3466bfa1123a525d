// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_seccomp.h"

#include <errno.h>

#include "base/view.h"
#include "json/json_writer.h"

enum {
	FAMILY_IPV6 = 10,
	FAMILY_NETLINK = 16, /* the largest that is allowed */
	FAMILY_FIRST_DENIED = 3,
	NETLINK_ROUTE = 0,
	CLONE_FLAGS_ARGUMENT = 0,
};

static const struct word {
	const char *text;
	enum docker_deny deny;
} words[] = {
        {"io_uring", DOCKER_DENY_IO_URING},
        {"compat", DOCKER_DENY_COMPAT},
        {"sockets", DOCKER_DENY_SOCKETS},
};

/* "Significant syscalls blocked by the default profile" of Docker's documentation, without those
 * that depend on arguments, and the calls that mount in newer ways. NULL ends it. */
static const char *const privileged[] = {"acct",
                                         "add_key",
                                         "bpf",
                                         "clock_adjtime",
                                         "clock_settime",
                                         "create_module",
                                         "delete_module",
                                         "finit_module",
                                         "fsconfig",
                                         "fsmount",
                                         "fsopen",
                                         "fspick",
                                         "get_kernel_syms",
                                         "get_mempolicy",
                                         "init_module",
                                         "ioperm",
                                         "iopl",
                                         "kcmp",
                                         "kexec_file_load",
                                         "kexec_load",
                                         "keyctl",
                                         "lookup_dcookie",
                                         "mbind",
                                         "mount",
                                         "mount_setattr",
                                         "move_mount",
                                         "move_pages",
                                         "nfsservctl",
                                         "open_by_handle_at",
                                         "open_tree",
                                         "perf_event_open",
                                         "pivot_root",
                                         "process_vm_readv",
                                         "process_vm_writev",
                                         "query_module",
                                         "quotactl",
                                         "reboot",
                                         "request_key",
                                         "set_mempolicy",
                                         "setns",
                                         "settimeofday",
                                         "stime",
                                         "swapoff",
                                         "swapon",
                                         "_sysctl",
                                         "sysfs",
                                         "umount",
                                         "umount2",
                                         "unshare",
                                         "uselib",
                                         "userfaultfd",
                                         "ustat",
                                         "vhangup",
                                         "vm86",
                                         "vm86old",
                                         NULL};

static const char *const io_uring[] = {"io_uring_setup", "io_uring_enter", "io_uring_register",
                                       NULL};
static const char *const clone3[] = {"clone3", NULL}; /* its flags cannot be looked at */
static const char *const clone_[] = {"clone", NULL};
static const char *const socket_[] = {"socket", NULL};
static const char *const socketcall[] = {"socketcall", NULL}; /* nor can its arguments */

int docker_deny_parse(const char *text, unsigned *ret, struct error *err)
{
	struct view rest = view_of_string(text);
	*ret = 0;
	while (rest.size) {
		struct view word = view_trim(view_split(&rest, ','));
		unsigned before = *ret;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (view_is(word, words[i].text))
				*ret |= words[i].deny;
		if (*ret == before && word.size)
			return error_set_class(err, ERROR_FATAL, EINVAL,
			                       "seccomp_deny: '%.*s' is none of io_uring, compat, "
			                       "sockets, or there twice",
			                       VIEW_ARG(word));
	}
	return 0;
}

static void begin_rule(struct json_writer *w, const char *const *names, int error)
{
	json_object(w);
	json_member(w, "names");
	json_array(w);
	for (; *names; names++)
		json_put_string(w, *names);
	json_end_array(w);
	json_member_string(w, "action", "SCMP_ACT_ERRNO");
	json_member_int(w, "errnoRet", error);
	json_member(w, "args");
	json_array(w);
}

static void end_rule(struct json_writer *w)
{
	json_end_array(w);
	json_end_object(w);
}

static void argument(struct json_writer *w, int index, const char *op, uint64_t value,
                     uint64_t second)
{
	json_object(w);
	json_member_int(w, "index", index);
	json_member_uint(w, "value", value);
	json_member_uint(w, "valueTwo", second);
	json_member_string(w, "op", op);
	json_end_object(w);
}

static void deny(struct json_writer *w, const char *const *names, int error)
{
	begin_rule(w, names, error);
	end_rule(w);
}

/* New namespaces: one rule for each flag. */
static void deny_namespaces(struct json_writer *w)
{
	static const uint64_t flags[] = {0x00020000, 0x02000000, 0x04000000, 0x08000000,
	                                 0x10000000, 0x20000000, 0x40000000};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		begin_rule(w, clone_, EPERM);
		argument(w, CLONE_FLAGS_ARGUMENT, "SCMP_CMP_MASKED_EQ", flags[i], flags[i]);
		end_rule(w);
	}
	deny(w, clone3, ENOSYS);
}

static void deny_sockets(struct json_writer *w)
{
	for (uint64_t family = FAMILY_FIRST_DENIED; family < FAMILY_NETLINK; family++) {
		if (family == FAMILY_IPV6)
			continue;
		begin_rule(w, socket_, EAFNOSUPPORT);
		argument(w, 0, "SCMP_CMP_EQ", family, 0);
		end_rule(w);
	}
	begin_rule(w, socket_, EAFNOSUPPORT);
	argument(w, 0, "SCMP_CMP_GT", FAMILY_NETLINK, 0);
	end_rule(w);
	begin_rule(w, socket_, EPROTONOSUPPORT);
	argument(w, 0, "SCMP_CMP_EQ", FAMILY_NETLINK, 0);
	argument(w, 2, "SCMP_CMP_NE", NETLINK_ROUTE, 0);
	end_rule(w);
	deny(w, socketcall, ENOSYS);
}

/* An architecture that is not listed is killed for its first call. */
static void write_architectures(struct json_writer *w, bool compat)
{
	json_member_raw(
	        w, "archMap",
	        compat ? VIEW_LITERAL(
	                         "[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":"
	                         "[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]},"
	                         "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":"
	                         "[\"SCMP_ARCH_ARM\"]}]")
	               : VIEW_LITERAL("[{\"architecture\":\"SCMP_ARCH_X86_64\"},"
	                              "{\"architecture\":\"SCMP_ARCH_AARCH64\"}]"));
}

void docker_seccomp_write(struct buf *out, unsigned denied)
{
	struct json_writer w = json_writer_on(out);
	buf_append_string(out, "seccomp=");
	json_object(&w);
	json_member_string(&w, "defaultAction", "SCMP_ACT_ALLOW");
	write_architectures(&w, !(denied & DOCKER_DENY_COMPAT));
	json_member(&w, "syscalls");
	json_array(&w);
	deny(&w, privileged, EPERM);
	deny_namespaces(&w);
	if (denied & DOCKER_DENY_IO_URING)
		deny(&w, io_uring, ENOSYS);
	if (denied & DOCKER_DENY_SOCKETS)
		deny_sockets(&w);
	json_end_array(&w);
	json_end_object(&w);
}
