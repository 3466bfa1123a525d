// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Destinations, from the kernel's own copy of the address: connect and the first send to each
 * destination, TCP and UDP, whatever call made it. How a TCP connect ended. And who owns a socket,
 * for the packets.
 */
#ifndef FANGS_BPF_SOCKETS_H
#define FANGS_BPF_SOCKETS_H

#include "emit.bpf.h"
#include "kernel.bpf.h"

enum {
	SOCKETS_AF_INET = 2,
	SOCKETS_AF_INET6 = 10,
	SOCKETS_IPPROTO_UDP = 17,
	SOCKETS_PROCEED = 1, /* verdict of every program here: we only look */
	SOCKETS_TCP_ESTABLISHED = 1,
	SOCKETS_TCP_SYN_SENT = 2,
	SOCKETS_TCP_CLOSE = 7,
};

struct socket_owner {
	__u64 start_ns;
	__u32 pid, tid;
	struct scope scope;       /* generation 0: not known */
	struct record_address to; /* last destination, as the process named it */
};

/* Cookie -> owner: who created it, then who connected or sent last. 16384 entries, 1 MiB; full: the
 * least recently used goes, its packets are reported without a process (counted). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct socket_owner);
} owners SEC(".maps");

static __always_inline void fill_owner(struct socket_owner *owner)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 ids = bpf_get_current_pid_tgid();

	owner->pid = (__u32)(ids >> 32);
	owner->tid = (__u32)ids;
	owner->start_ns = BPF_CORE_READ(task, group_leader, start_time);
}

SEC("cgroup/sock_create")
int on_socket(struct bpf_sock *socket)
{
	__u64 cookie = bpf_get_socket_cookie(socket);
	struct socket_owner owner = {};

	fill_owner(&owner);
	bpf_map_update_elem(&owners, &cookie, &owner, BPF_ANY);
	return SOCKETS_PROCEED;
}

static __always_inline int address_equal(const struct record_address *a,
                                         const struct record_address *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* `to->address` and `to->family` are set. */
static __always_inline int destination(struct bpf_sock_addr *ctx, struct record_address *to,
                                       int is_send)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct record_connect record = {};
	struct socket_owner owner = {}, *known;
	struct scope *scope;

	to->port = bpf_ntohs((__u16)ctx->user_port);
	to->protocol = (__u8)ctx->protocol;
	scope = scope_of_task();
	if (!scope)
		return SOCKETS_PROCEED;
	fill_owner(&owner);
	owner.scope = *scope;
	owner.to = *to;
	known = bpf_map_lookup_elem(&owners, &cookie);
	if (known && is_send && known->pid == owner.pid && address_equal(&known->to, to))
		return SOCKETS_PROCEED; /* repeats carry nothing */
	bpf_map_update_elem(&owners, &cookie, &owner, BPF_ANY);
	/* A UDP connect to port 0 sends nothing: the resolver asks for a source address so. */
	if (!is_send && to->port == 0 && to->protocol == SOCKETS_IPPROTO_UDP)
		return SOCKETS_PROCEED;
	fill_current(&record.header, RECORD_CONNECT, scope);
	record.cookie = cookie;
	record.to = *to;
	emit(&priority_ring, &record.header, sizeof(record));
	return SOCKETS_PROCEED;
}

static __always_inline int destination4(struct bpf_sock_addr *ctx, int is_send)
{
	struct record_address to = {.family = SOCKETS_AF_INET};
	__u32 address = ctx->user_ip4;

	__builtin_memcpy(to.address, &address, sizeof(address));
	return destination(ctx, &to, is_send);
}

static __always_inline int destination6(struct bpf_sock_addr *ctx, int is_send)
{
	struct record_address to = {.family = SOCKETS_AF_INET6};
	__u32 address[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	__builtin_memcpy(to.address, address, sizeof(address));
	return destination(ctx, &to, is_send);
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	return destination4(ctx, 0);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	return destination6(ctx, 0);
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	return destination4(ctx, 1);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
	return destination6(ctx, 1);
}

/* The end of a connect that went on after its call had returned, or of any other. The socket is its
 * owner's, whoever is running now. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_socket_state, struct sock *socket, int before, int now)
{
	struct record_connected record = {};
	struct socket_owner *owner;

	if (!depth_count || before != SOCKETS_TCP_SYN_SENT ||
	    (now != SOCKETS_TCP_ESTABLISHED && now != SOCKETS_TCP_CLOSE))
		return 0;
	record.cookie = bpf_get_socket_cookie(socket);
	owner = bpf_map_lookup_elem(&owners, &record.cookie);
	if (!owner || owner->scope.generation == 0)
		return 0;
	fill_scope(&record.header, RECORD_CONNECTED, &owner->scope);
	record.header.flags = RECORD_NO_TASK;
	record.header.pid = owner->pid;
	record.header.tid = owner->tid;
	record.header.start_ns = owner->start_ns;
	record.result = now == SOCKETS_TCP_ESTABLISHED ? 0 : -BPF_CORE_READ(socket, sk_err);
	if (now == SOCKETS_TCP_CLOSE && record.result == 0)
		return 0; /* given up by the process itself */
	emit(&priority_ring, &record.header, sizeof(record));
	return 0;
}

#endif
