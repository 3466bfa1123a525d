// SPDX-License-Identifier: Apache-2.0
/* Reaching an address: E24 to E33, E40. All of them are this host's own; each technique has a
 * listener of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "evasion.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { IPPROTO_DCCP_NUMBER = 33 };

struct address {
	struct sockaddr_storage storage;
	socklen_t size;
};

static struct address local(int family, uint16_t port)
{
	struct address address = {0};
	if (family == AF_INET6) {
		struct sockaddr_in6 *in6 = (void *)&address.storage;
		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
		                             .sin6_port = htons(port),
		                             .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		address.size = sizeof(*in6);
	} else {
		struct sockaddr_in *in = (void *)&address.storage;
		*in = (struct sockaddr_in){.sin_family = AF_INET,
		                           .sin_port = htons(port),
		                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
		address.size = sizeof(*in);
	}
	return address;
}

static struct sockaddr *pointer(struct address *address)
{
	return (struct sockaddr *)&address->storage;
}

int listen_local(int family, int protocol, uint16_t port)
{
	struct address at = local(family, port);
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1;
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, pointer(&at), at.size) < 0 || (type == SOCK_STREAM && listen(fd, 4) < 0)) {
		int code = errno;
		(void)close(fd);
		return -code;
	}
	return fd;
}

int connect_local(int family, int protocol, uint16_t port)
{
	struct address to = local(family, port);
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0 || connect(fd, pointer(&to), to.size) < 0)
		return -errno;
	return fd;
}

int stream_pair(uint16_t port, int ends[2])
{
	int server = listen_local(AF_INET, IPPROTO_TCP, port);
	if (server < 0)
		return server;
	ends[0] = connect_local(AF_INET, IPPROTO_TCP, port);
	ends[1] = ends[0] < 0 ? ends[0] : result_of(accept(server, NULL, NULL));
	(void)close(server);
	return ends[1] < 0 ? ends[1] : 0;
}

int expect_bytes(int end, const void *bytes, size_t size)
{
	uint8_t got[2 * EVASION_HELLO_MAX];
	size_t have = 0;
	while (have < size) {
		ssize_t r = recv(end, got + have, sizeof(got) - have, 0);
		if (r <= 0)
			return r < 0 ? -errno : -EPIPE;
		have += (size_t)r;
	}
	return have == size && memcmp(got, bytes, size) == 0 ? 0 : -EBADMSG;
}

/* Is there somebody on the line? */
static int expect_peer(int server)
{
	int peer = server < 0 ? server : result_of(accept(server, NULL, NULL));
	return peer < 0 ? peer : 0;
}

static int tcp(struct attempt *attempt)
{
	int ends[2];
	return stream_pair(attempt->port, ends);
}

static int non_blocking(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address to = local(AF_INET, attempt->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connect(fd, pointer(&to), to.size) < 0 && errno != EINPROGRESS)
		return -errno;
	return expect_peer(server);
}

static int refused(struct attempt *attempt)
{
	int fd = connect_local(AF_INET, IPPROTO_TCP, attempt->port);
	return fd == -ECONNREFUSED ? 0 : -EEXIST;
}

static int unreachable(struct attempt *attempt)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
	                          .sin6_port = htons(attempt->port),
	                          /* 2001:db8::1, of the documentation range */
	                          .sin6_addr = {{{0x20, 1, 0xd, 0xb8, [15] = 1}}}};
	(void)snprintf(attempt->value, sizeof(attempt->value), "2001:db8::1:%u", attempt->port);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* No way there, or on the way: tried it is. */
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == ENETUNREACH ||
	                       errno == EINPROGRESS || errno == EADDRNOTAVAIL
	               ? 0
	               : -errno;
}

static int connect_32(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address *to = low_memory(sizeof(*to));
	uint32_t *arguments = low_memory(3 * sizeof(*arguments));
	*to = local(AF_INET, attempt->port);
	arguments[0] = (uint32_t)socket(AF_INET, SOCK_STREAM, 0);
	arguments[1] = (uint32_t)(uintptr_t)&to->storage;
	arguments[2] = to->size;
	enum { SOCKETCALL = 102, SOCKETCALL_CONNECT = 3 };
	int r = (int)call32(SOCKETCALL, SOCKETCALL_CONNECT, (long)arguments, 0, 0);
	return r < 0 ? r : expect_peer(server);
}

static int uring_connect(struct attempt *attempt)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address to = local(AF_INET, attempt->port);
	struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT,
	                             .fd = socket(AF_INET, SOCK_STREAM, 0),
	                             .addr = (uintptr_t)&to.storage,
	                             .off = to.size};
	if (r == 0)
		r = ring_do(&ring, &entry);
	return r < 0 ? r : expect_peer(server);
}

/* Socket and connect, both through the ring. */
static int uring_socket(struct attempt *attempt)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address to = local(AF_INET, attempt->port);
	struct io_uring_sqe make = {.opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM};
	if (r == 0)
		r = ring_do(&ring, &make);
	if (r < 0)
		return r;
	struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT,
	                             .fd = r,
	                             .addr = (uintptr_t)&to.storage,
	                             .off = to.size};
	r = ring_do(&ring, &entry);
	return r < 0 ? r : expect_peer(server);
}

static int fast_open(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address to = local(AF_INET, attempt->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t r = sendto(fd, "x", 1, MSG_FASTOPEN, pointer(&to), to.size);
	return r < 0 ? -errno : expect_peer(server);
}

static int fast_open_message(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct address to = local(AF_INET, attempt->port);
	struct iovec part = {"x", 1};
	struct msghdr message = {
	        .msg_name = &to.storage, .msg_namelen = to.size, .msg_iov = &part, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return sendmsg(fd, &message, MSG_FASTOPEN) < 0 ? -errno : expect_peer(server);
}

/* Datagrams. */

enum send_way { BY_SENDTO, BY_SENDMSG, BY_SENDMMSG, BY_CONNECT_WRITE, BY_RING, BY_RING_ZC };

static ssize_t send_datagram(int fd, struct address *to, enum send_way way)
{
	struct iovec part = {"x", 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &to->storage,
	                                      .msg_namelen = to->size,
	                                      .msg_iov = &part,
	                                      .msg_iovlen = 1}};
	struct io_uring_sqe entry = {.opcode = IORING_OP_SENDMSG,
	                             .fd = fd,
	                             .addr = (uintptr_t)&message.msg_hdr,
	                             .len = 1};
	struct ring ring;
	switch (way) {
	case BY_SENDTO:
		return sendto(fd, "x", 1, 0, pointer(to), to->size);
	case BY_SENDMSG:
		return sendmsg(fd, &message.msg_hdr, 0);
	case BY_SENDMMSG:
		return sendmmsg(fd, &message, 1, 0);
	case BY_CONNECT_WRITE:
		return connect(fd, pointer(to), to->size) < 0 ? -1 : write(fd, "x", 1);
	case BY_RING_ZC:
		entry.opcode = IORING_OP_SENDMSG_ZC;
		break;
	default:
		break;
	}
	errno = -ring_make(&ring, 0);
	if (errno == 0)
		errno = -ring_do(&ring, &entry);
	return errno > 0 && errno < 4096 ? -1 : 1;
}

static int datagram(struct attempt *attempt, int family, enum send_way way)
{
	int server = listen_local(family, IPPROTO_UDP, attempt->port);
	struct address to = local(family, attempt->port);
	int fd = socket(family, SOCK_DGRAM, 0);
	if (server < 0)
		return server;
	if (family == AF_INET6)
		(void)snprintf(attempt->value, sizeof(attempt->value), "::1:%u", attempt->port);
	return send_datagram(fd, &to, way) < 0 ? -errno : expect_bytes(server, "x", 1);
}

static int udp_sendto(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_SENDTO);
}

static int udp_sendmsg(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_SENDMSG);
}

static int udp_sendmmsg(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_SENDMMSG);
}

static int udp_connected(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_CONNECT_WRITE);
}

static int udp_uring(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_RING);
}

static int udp_uring_zc(struct attempt *attempt)
{
	return datagram(attempt, AF_INET, BY_RING_ZC);
}

static int udp6_sendto(struct attempt *attempt)
{
	return datagram(attempt, AF_INET6, BY_SENDTO);
}

static int udp6_connected(struct attempt *attempt)
{
	return datagram(attempt, AF_INET6, BY_CONNECT_WRITE);
}

/* IPv6 and mapped addresses. */

static int tcp6(struct attempt *attempt)
{
	int server = listen_local(AF_INET6, IPPROTO_TCP, attempt->port);
	(void)snprintf(attempt->value, sizeof(attempt->value), "::1:%u", attempt->port);
	int fd = server < 0 ? server : connect_local(AF_INET6, IPPROTO_TCP, attempt->port);
	return fd < 0 ? fd : expect_peer(server);
}

static struct sockaddr_in6 mapped(uint16_t port)
{
	return (struct sockaddr_in6){
	        .sin6_family = AF_INET6,
	        .sin6_port = htons(port),
	        .sin6_addr = {{{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}}};
}

static int tcp_mapped(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	struct sockaddr_in6 to = mapped(attempt->port);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return expect_peer(server);
}

static int udp_mapped(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_UDP, attempt->port);
	struct sockaddr_in6 to = mapped(attempt->port);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return expect_bytes(server, "x", 1);
}

static int mptcp(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_MPTCP, attempt->port);
	int fd = server < 0 ? server : connect_local(AF_INET, IPPROTO_MPTCP, attempt->port);
	return fd < 0 ? fd : expect_peer(server);
}

static int sctp(struct attempt *attempt)
{
	int server = listen_local(AF_INET, IPPROTO_SCTP, attempt->port);
	int fd = server < 0 ? server : connect_local(AF_INET, IPPROTO_SCTP, attempt->port);
	return fd < 0 ? fd : 0;
}

/* DNS over TLS: a resolver of one's own shows as its destination. */
static int tls_resolver(struct attempt *attempt)
{
	enum { DOT_PORT = 853 };
	int ends[2];
	(void)snprintf(attempt->value, sizeof(attempt->value), "127.0.0.1:%d", DOT_PORT);
	return stream_pair(DOT_PORT, ends);
}

/* Other families. */

static int any_socket(struct attempt *attempt, const char *value, int family, int type,
                      int protocol)
{
	set_value(attempt, value);
	return result_of(socket(family, type, protocol)) < 0 ? -errno : 0;
}

static int raw(struct attempt *attempt)
{
	return any_socket(attempt, "raw:1", AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int ping(struct attempt *attempt)
{
	struct address to = local(AF_INET, 0);
	uint8_t echo[16] = {8};
	set_value(attempt, "127.0.0.1:0");
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0 || sendto(fd, echo, sizeof(echo), 0, pointer(&to), to.size) < 0)
		return -errno;
	return recv(fd, echo, sizeof(echo), 0) > 0 ? 0 : -errno;
}

static int packet(struct attempt *attempt)
{
	enum { EVERY_PROTOCOL = 0x0300 };
	return any_socket(attempt, "packet", AF_PACKET, SOCK_RAW, EVERY_PROTOCOL);
}

static int packet_in_own_namespaces(struct attempt *attempt)
{
	int r = result_of(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	return r < 0 ? r : packet(attempt);
}

static int vsock(struct attempt *attempt)
{
	struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = 2, .svm_port = 1};
	int r = any_socket(attempt, "vsock", AF_VSOCK, SOCK_STREAM, 0);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	return r;
}

static int netlink(struct attempt *attempt)
{
	return any_socket(attempt, "netlink:15", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

static int algorithm(struct attempt *attempt)
{
	return any_socket(attempt, "alg", AF_ALG, SOCK_SEQPACKET, 0);
}

static int express(struct attempt *attempt)
{
	return any_socket(attempt, "xdp", AF_XDP, SOCK_RAW, 0);
}

static int dccp(struct attempt *attempt)
{
	enum { DCCP_TYPE = 6 };
	return any_socket(attempt, "ip:33", AF_INET, DCCP_TYPE, IPPROTO_DCCP_NUMBER);
}

/* Of a socket at the technique's path, which is set as value, too. */
static struct sockaddr_un unix_address(struct attempt *attempt)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", attempt->path);
	(void)snprintf(attempt->value, sizeof(attempt->value), "unix:%s", at.sun_path);
	return at;
}

static int unix_socket(struct attempt *attempt)
{
	struct sockaddr_un at = unix_address(attempt);
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(server, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(server, 1) < 0 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return 0;
}

/* A name that no file system knows. */
static int unix_abstract(struct attempt *attempt)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int name = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "%s", attempt->id);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)name);
	(void)snprintf(attempt->value, sizeof(attempt->value), "unix:@%s", attempt->id);
	if (bind(server, (struct sockaddr *)&at, size) < 0 || listen(server, 1) < 0 ||
	    connect(fd, (struct sockaddr *)&at, size) < 0)
		return -errno;
	return 0;
}

static int unix_datagram(struct attempt *attempt)
{
	struct sockaddr_un at = unix_address(attempt);
	int server = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(server, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    sendto(fd, "x", 1, 0, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return 0;
}

static const struct technique rows[] = {
        {"E00-connect", MARKER_CONNECT, tcp},
        {"E00-non-block", MARKER_CONNECT, non_blocking},
        {"E00-refused", MARKER_CONNECT, refused},
        {"E06-int80-conn", MARKER_CONNECT, connect_32},
        {"E24-uring", MARKER_CONNECT, uring_connect},
        {"E24-uring-sock", MARKER_CONNECT, uring_socket},
        {"E25-fast-open", MARKER_CONNECT, fast_open},
        {"E25-fast-msg", MARKER_CONNECT, fast_open_message},
        {"E26-sendto", MARKER_CONNECT, udp_sendto},
        {"E26-sendmsg", MARKER_CONNECT, udp_sendmsg},
        {"E26-sendmmsg", MARKER_CONNECT, udp_sendmmsg},
        {"E26-connected", MARKER_CONNECT, udp_connected},
        {"E27-uring", MARKER_CONNECT, udp_uring},
        {"E27-uring-zc", MARKER_CONNECT, udp_uring_zc},
        {"E28-raw", MARKER_INTERFACE, raw},
        {"E28-ping", MARKER_CONNECT, ping},
        {"E29-packet", MARKER_INTERFACE, packet},
        {"E29-packet-ns", MARKER_INTERFACE, packet_in_own_namespaces},
        {"E30-vsock", MARKER_INTERFACE, vsock},
        {"E30-netlink", MARKER_INTERFACE, netlink},
        {"E30-alg", MARKER_INTERFACE, algorithm},
        {"E30-xdp", MARKER_INTERFACE, express},
        {"E30-unix", MARKER_INTERFACE, unix_socket},
        {"E30-unix-name", MARKER_INTERFACE, unix_abstract},
        {"E30-unix-send", MARKER_INTERFACE, unix_datagram},
        {"E31-mapped", MARKER_CONNECT, tcp_mapped},
        {"E31-mapped-udp", MARKER_CONNECT, udp_mapped},
        {"E32-tcp6", MARKER_CONNECT, tcp6},
        {"E32-udp6", MARKER_CONNECT, udp6_sendto},
        {"E32-udp6-conn", MARKER_CONNECT, udp6_connected},
        {"E32-unreachable", MARKER_CONNECT, unreachable},
        {"E33-mptcp", MARKER_CONNECT, mptcp},
        {"E33-sctp", MARKER_CONNECT, sctp},
        {"E33-dccp", MARKER_INTERFACE, dccp},
        {"E40-dot", MARKER_CONNECT, tls_resolver},
};
const struct technique_list network_techniques = TECHNIQUE_LIST(rows);
