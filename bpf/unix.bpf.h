// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Connects to UNIX sockets: of one that was made the path at which the listener is bound, walked
 * from the kernel's own dentry, or its abstract name; of one that failed the name as given. And
 * datagrams that are sent to one by name. Once a process, address and result.
 */
#ifndef FANGS_BPF_UNIX_H
#define FANGS_BPF_UNIX_H

#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "path.bpf.h"

enum {
	UNIX_AF = 1,
	UNIX_NAME_MAX = 108,
	UNIX_FAMILY_SIZE = 2,
	UNIX_S_IFMT = 0170000,
	UNIX_S_IFSOCK = 0140000,
	UNIX_PROCEED = 1,          /* verdict: we only look */
	UNIX_SENT = 1,             /* in unix_key.result, of datagrams */
	UNIX_RESTART_FIRST = -512, /* -ERESTART* and below: not the end of the call */
};

struct unix_key {
	__u64 start_ns;
	__u64 inode; /* of a listener with a path */
	__u32 pid;
	__u32 device;
	__s32 result; /* 0 or -errno */
	char name[UNIX_NAME_MAX];
};
_Static_assert(sizeof(struct unix_key) == 136, "unix_key");

/* What has been told. 4096 entries, 900 KiB; full: the least recently used goes and is told
 * again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct unix_key);
	__type(value, __u8);
} unix_told SEC(".maps");

struct unix_scratch {
	struct path_buffer path;
	struct unix_key key;
	struct record_interface record;
	char text[2 * RECORD_PATH_MAX];
};

/* One for each program that uses it, and CPU: one can be interrupted by another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct unix_scratch);
} unix_scratches SEC(".maps");

enum unix_user { UNIX_USER_CALL, UNIX_USER_IO_URING };

/* A connect in progress: what the kernel itself has of it. Between its end and that of the call
 * another thread can put another socket behind the descriptor. */
struct unix_begun {
	__u64 sock; /* address */
	__u64 cookie;
	__u32 size;
	char name[UNIX_NAME_MAX];
};

/* By thread. 1024 entries, 200 KiB; full: the least recently used goes, and what the process says
 * counts. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct unix_begun);
} unix_begun SEC(".maps");

/* A connect that has ended. */
struct unix_connect {
	__u64 file; /* of the socket */
	__u64 name; /* struct sockaddr_un in the process's memory */
	__u32 name_size;
	__s32 result;
	__u32 user; /* enum unix_user */
	__u32 reserved;
};

static __always_inline struct sock *unix_socket_of(struct file *file)
{
	struct socket *socket;
	struct sock *sock;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & UNIX_S_IFMT) != UNIX_S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sock = BPF_CORE_READ(socket, sk);
	return BPF_CORE_READ(sock, __sk_common.skc_family) == UNIX_AF ? sock : 0;
}

/* True when it was told before; else it counts as told from now on. */
static __always_inline int unix_repeats(struct unix_key *key)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u8 told = 1;

	key->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	key->pid = (__u32)BPF_CORE_READ(task, tgid);
	return bpf_map_update_elem(&unix_told, key, &told, BPF_NOEXIST) != 0;
}

static __always_inline void unix_emit(struct unix_scratch *scratch, const struct scope *scope,
                                      __u64 path_size, __u64 name_size)
{
	struct record_interface *record = &scratch->record;

	__builtin_memset(record, 0, sizeof(*record));
	fill_current(&record->header, RECORD_INTERFACE, scope);
	record->kind = RECORD_INTERFACE_UNIX;
	record->result = scratch->key.result;
	record->family = UNIX_AF;
	record->path_size = (__u16)path_size;
	record->name_size = (__u16)name_size;
	path_size = bounded(path_size + name_size, RECORD_PATH_MAX + UNIX_NAME_MAX);
	if (emit(&priority_ring, &record->header, sizeof(*record) + path_size))
		bpf_map_delete_elem(&unix_told, &scratch->key);
}

/* Copies scratch->key.name behind `path_size` bytes of text. */
static __always_inline void unix_tell_name(struct unix_scratch *scratch, const struct scope *scope,
                                           __u64 path_size, __u64 name_size)
{
	path_size = bounded(path_size, RECORD_PATH_MAX);
	bpf_probe_read_kernel(scratch->text + path_size, UNIX_NAME_MAX, scratch->key.name);
	unix_emit(scratch, scope, path_size, bounded(name_size, UNIX_NAME_MAX));
}

/* The peer holds the listener's address. False: there is none any more. */
static __always_inline int unix_connected(struct unix_scratch *scratch, const struct scope *scope,
                                          struct sock *sock)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sock, peer);
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)peer, addr);
	struct dentry *dentry = BPF_CORE_READ((struct unix_sock *)peer, path.dentry);
	struct vfsmount *mount = BPF_CORE_READ((struct unix_sock *)peer, path.mnt);
	__u64 size = (__u32)BPF_CORE_READ(address, len);

	if (!address || size <= UNIX_FAMILY_SIZE)
		return 0; /* disconnected, or a pair without a name */
	size = bounded(size - UNIX_FAMILY_SIZE, UNIX_NAME_MAX);
	bpf_probe_read_kernel(scratch->key.name, (__u32)size,
	                      (char *)address + bpf_core_field_offset(struct unix_address, name) +
	                              UNIX_FAMILY_SIZE);
	if (dentry) {
		scratch->key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		scratch->key.device = BPF_CORE_READ(dentry, d_sb, s_dev);
	}
	if (unix_repeats(&scratch->key))
		return 1;
	if (!dentry) {
		unix_tell_name(scratch, scope, 0, size);
		return 1;
	}
	path_build_at(&scratch->path, (struct task_struct *)bpf_get_current_task(), dentry,
	              mount_of(mount));
	unix_emit(scratch, scope, path_copy(&scratch->path, scratch->text), 0);
	return 1;
}

/* False: the name cannot be read. */
static __always_inline int unix_read_name(struct unix_scratch *scratch, const struct scope *scope,
                                          const struct unix_connect *connect, __u64 size)
{
	struct run_counters *run;

	if (bpf_probe_read_user(scratch->key.name, (__u32)size,
	                        (void *)(connect->name + UNIX_FAMILY_SIZE)) == 0)
		return 1;
	run = counters_of(scope->slot);
	if (run)
		run->unreadable++;
	return 0;
}

/* By its name as given, and the directory that it starts from. */
static __always_inline void unix_by_name(struct unix_scratch *scratch, const struct scope *scope,
                                         const struct unix_connect *connect,
                                         const struct unix_begun *begun)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u64 size = begun ? begun->size : connect->name_size, path_size = 0;

	if (size <= UNIX_FAMILY_SIZE)
		return;
	size = bounded(size - UNIX_FAMILY_SIZE, UNIX_NAME_MAX);
	if (begun)
		__builtin_memcpy(scratch->key.name, begun->name, UNIX_NAME_MAX);
	else if (!unix_read_name(scratch, scope, connect, size))
		return;
	if (unix_repeats(&scratch->key))
		return;
	if (scratch->key.name[0] != '/' && scratch->key.name[0] != '\0') {
		path_build(&scratch->path, task, &fs->pwd);
		path_size = path_copy(&scratch->path, scratch->text);
	}
	unix_tell_name(scratch, scope, path_size, size);
}

/* The socket that the connect was begun with, if it still is that one. */
static __always_inline struct sock *unix_begun_with(const struct unix_begun *begun)
{
	struct sock *sock = (struct sock *)begun->sock;

	return (__u64)BPF_CORE_READ(sock, __sk_common.skc_cookie.counter) == begun->cookie ? sock
	                                                                                   : 0;
}

static __always_inline void unix_tell(const struct scope *scope, const struct unix_connect *connect,
                                      const struct unix_begun *begun)
{
	struct sock *sock =
	        begun ? unix_begun_with(begun) : unix_socket_of((struct file *)connect->file);
	struct unix_scratch *scratch;
	__u32 user = connect->user;

	scratch = sock || begun ? bpf_map_lookup_elem(&unix_scratches, &user) : 0;
	if (!scratch)
		return;
	__builtin_memset(&scratch->key, 0, sizeof(scratch->key));
	scratch->key.result = connect->result < 0 ? connect->result : 0;
	if (connect->result >= 0 && sock && unix_connected(scratch, scope, sock))
		return;
	if (connect->result < 0 || begun)
		unix_by_name(scratch, scope, connect, begun);
}

/* Not inlined: the verifier looks at it once. */
__attribute__((noinline)) int unix_connect_ended(const struct scope *scope,
                                                 const struct unix_connect *connect)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct unix_begun *begun = bpf_map_lookup_elem(&unix_begun, &thread);

	if (!scope || !connect)
		return 0;
	/* Requests of io_uring hold their file, and several may end at once. */
	if (connect->result > UNIX_RESTART_FIRST)
		unix_tell(scope, connect, connect->user == UNIX_USER_CALL ? begun : 0);
	if (begun)
		bpf_map_delete_elem(&unix_begun, &thread);
	return 0;
}

/* Attached as BPF_CGROUP_UNIX_CONNECT (Linux 6.7), as on_sendmsg_unix is. */
SEC("cgroup/connect4")
int on_connect_unix(struct bpf_sock_addr *context)
{
	struct bpf_sock_addr_kern *call = (void *)context;
	__u64 thread = bpf_get_current_pid_tgid(), size = BPF_CORE_READ(call, uaddrlen);
	char *name = BPF_CORE_READ(call, uaddr);
	struct unix_begun begun = {};

	if (!scope_of_task() || size <= UNIX_FAMILY_SIZE)
		return UNIX_PROCEED;
	begun.size = (__u32)size;
	begun.sock = (__u64)BPF_CORE_READ(call, sk);
	begun.cookie = bpf_get_socket_cookie(context);
	size = bounded(size - UNIX_FAMILY_SIZE, UNIX_NAME_MAX);
	bpf_probe_read_kernel(begun.name, (__u32)size, name + UNIX_FAMILY_SIZE);
	bpf_map_update_elem(&unix_begun, &thread, &begun, BPF_ANY);
	return UNIX_PROCEED;
}

/* On the stack: this program can interrupt itself. */
struct unix_send {
	struct unix_key key;
	struct record_interface record;
	char name[UNIX_NAME_MAX];
};

/* Attached as BPF_CGROUP_UNIX_SENDMSG (Linux 6.7), for which older libbpf has no name: user space
 * says so. Its context is what the kernel has of the call, the name copied already. */
SEC("cgroup/sendmsg4")
int on_sendmsg_unix(struct bpf_sock_addr *context)
{
	struct bpf_sock_addr_kern *call = (void *)context;
	__u64 size = BPF_CORE_READ(call, uaddrlen);
	char *name = BPF_CORE_READ(call, uaddr);
	struct scope *scope = scope_of_task();
	struct unix_send send = {};

	if (!scope || size <= UNIX_FAMILY_SIZE)
		return UNIX_PROCEED;
	size = bounded(size - UNIX_FAMILY_SIZE, UNIX_NAME_MAX);
	bpf_probe_read_kernel(send.key.name, (__u32)size, name + UNIX_FAMILY_SIZE);
	send.key.result = UNIX_SENT;
	if (unix_repeats(&send.key))
		return UNIX_PROCEED;
	__builtin_memcpy(send.name, send.key.name, sizeof(send.name));
	fill_current(&send.record.header, RECORD_INTERFACE, scope);
	send.record.kind = RECORD_INTERFACE_UNIX_SEND;
	send.record.family = UNIX_AF;
	send.record.name_size = (__u16)size;
	if (emit(&priority_ring, &send.record.header, sizeof(send.record) + size))
		bpf_map_delete_elem(&unix_told, &send.key);
	return UNIX_PROCEED;
}

#endif
