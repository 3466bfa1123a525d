// SPDX-License-Identifier: Apache-2.0
/* Asking for a name: E26, E27, E39, E41, E42. The server is this process itself; a question counts
 * as asked when it has arrived there. */
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "evasion.h"

enum { DNS_PORT = 53, MDNS_PORT = 5353, LLMNR_PORT = 5355, OTHER_PORT = 15300, QUERY_MAX = 600 };
enum { DNS_HEADER = 12, LABEL_MAX = 63 };

/* A question for the address (type A, class IN) of `name`; returns its size. */
size_t build_query(uint8_t *out, const char *name)
{
	static const uint8_t header[DNS_HEADER] = {0x12, 0x34, 1, 0, 0, 1};
	static const uint8_t type_and_class[] = {0, 0, 1, 0, 1}; /* behind the empty label */
	size_t size = sizeof(header);
	memcpy(out, header, sizeof(header));
	while (*name) {
		size_t label = strcspn(name, ".");
		out[size++] = (uint8_t)label;
		memcpy(out + size, name, label);
		size += label;
		name += label + (name[label] == '.');
	}
	memcpy(out + size, type_and_class, sizeof(type_and_class));
	return size + sizeof(type_and_class);
}

struct question {
	uint8_t bytes[QUERY_MAX];
	size_t size;
	int client, server;
	struct sockaddr_in to;
};

static int make_question(struct question *question, const struct attempt *attempt, uint16_t port)
{
	*question = (struct question){
	        .to = {.sin_family = AF_INET,
	               .sin_port = htons(port),
	               .sin_addr = {htonl(INADDR_LOOPBACK)}},
	};
	question->size = build_query(question->bytes, attempt->host);
	question->server = listen_local(AF_INET, IPPROTO_UDP, port);
	question->client = socket(AF_INET, SOCK_DGRAM, 0);
	return question->server < 0 ? question->server : 0;
}

static int asked(const struct question *question, ssize_t sent)
{
	if (sent < 0)
		return -errno;
	return expect_bytes(question->server, question->bytes, question->size);
}

static int ask_to(const struct attempt *attempt, uint16_t port)
{
	struct question q;
	int r = make_question(&q, attempt, port);
	if (r < 0)
		return r;
	return asked(&q,
	             sendto(q.client, q.bytes, q.size, 0, (struct sockaddr *)&q.to, sizeof(q.to)));
}

static int by_sendto(struct attempt *attempt)
{
	return ask_to(attempt, DNS_PORT);
}

static int multicast_port(struct attempt *attempt)
{
	return ask_to(attempt, MDNS_PORT);
}

static int link_local_port(struct attempt *attempt)
{
	return ask_to(attempt, LLMNR_PORT);
}

static int other_port(struct attempt *attempt)
{
	return ask_to(attempt, OTHER_PORT);
}

static int by_message(struct attempt *attempt, bool many)
{
	struct question q;
	int r = make_question(&q, attempt, DNS_PORT);
	if (r < 0)
		return r;
	struct iovec parts[2] = {{q.bytes, 7}, {q.bytes + 7, q.size - 7}};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &q.to,
	                                      .msg_namelen = sizeof(q.to),
	                                      .msg_iov = parts,
	                                      .msg_iovlen = 2}};
	return asked(&q, many ? sendmmsg(q.client, &message, 1, 0)
	                      : sendmsg(q.client, &message.msg_hdr, 0));
}

static int by_sendmsg(struct attempt *attempt)
{
	return by_message(attempt, false);
}

static int by_sendmmsg(struct attempt *attempt)
{
	return by_message(attempt, true);
}

static int make_connected(struct question *question, const struct attempt *attempt)
{
	int r = make_question(question, attempt, DNS_PORT);
	if (r == 0)
		r = result_of(connect(question->client, (struct sockaddr *)&question->to,
		                      sizeof(question->to)));
	return r;
}

static int by_write(struct attempt *attempt)
{
	struct question q;
	int r = make_connected(&q, attempt);
	return r < 0 ? r : asked(&q, write(q.client, q.bytes, q.size));
}

static int by_writev(struct attempt *attempt)
{
	struct question q;
	int r = make_connected(&q, attempt);
	struct iovec parts[2] = {{q.bytes, 20}, {q.bytes + 20, q.size - 20}};
	return r < 0 ? r : asked(&q, writev(q.client, parts, 2));
}

/* The datagram is put together by the kernel. */
static int by_more(struct attempt *attempt)
{
	struct question q;
	int r = make_connected(&q, attempt);
	if (r < 0)
		return r;
	if (send(q.client, q.bytes, 15, MSG_MORE) < 0)
		return -errno;
	return asked(&q, send(q.client, q.bytes + 15, q.size - 15, 0));
}

static int by_ring(struct attempt *attempt)
{
	struct question q;
	struct ring ring;
	int r = make_connected(&q, attempt);
	if (r == 0)
		r = ring_make(&ring, 0);
	struct io_uring_sqe entry = {.opcode = IORING_OP_WRITE,
	                             .fd = q.client,
	                             .addr = (uintptr_t)q.bytes,
	                             .len = (uint32_t)q.size};
	if (r == 0)
		r = ring_do(&ring, &entry);
	return r < 0 ? r : asked(&q, r);
}

static int by_int80(struct attempt *attempt)
{
	struct question q;
	int r = make_connected(&q, attempt);
	void *low = low_memory(sizeof(q.bytes));
	enum { WRITE_32 = 4 };
	memcpy(low, q.bytes, q.size);
	if (r == 0)
		r = (int)call32(WRITE_32, q.client, (long)low, (long)q.size, 0);
	return r < 0 ? r : asked(&q, r);
}

/* Several questions go out as one packet that is cut up later. */
static int by_segments(struct attempt *attempt)
{
	struct question q;
	uint8_t twice[2 * QUERY_MAX];
	int r = make_connected(&q, attempt), segment = (int)q.size;
	if (r < 0)
		return r;
	memcpy(twice, q.bytes, q.size);
	memcpy(twice + q.size, q.bytes, q.size);
	enum { UDP_SEGMENT_OPTION = 103 };
	if (setsockopt(q.client, IPPROTO_UDP, UDP_SEGMENT_OPTION, &segment, sizeof(segment)) < 0)
		return -errno;
	return asked(&q, write(q.client, twice, 2 * q.size));
}

static int over_ipv6(struct attempt *attempt)
{
	uint8_t bytes[QUERY_MAX];
	size_t size = build_query(bytes, attempt->host);
	int server = listen_local(AF_INET6, IPPROTO_UDP, DNS_PORT);
	int client = server < 0 ? server : connect_local(AF_INET6, IPPROTO_UDP, DNS_PORT);
	if (client < 0)
		return client;
	return write(client, bytes, size) < 0 ? -errno : expect_bytes(server, bytes, size);
}

/* Over TCP. */

static int over_tcp(const struct attempt *attempt, size_t piece)
{
	uint8_t bytes[QUERY_MAX + 2];
	size_t size = build_query(bytes + 2, attempt->host);
	int ends[2], one = 1, r = stream_pair(DNS_PORT, ends);
	if (r < 0)
		return r;
	bytes[0] = (uint8_t)(size >> 8);
	bytes[1] = (uint8_t)size;
	(void)setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (size_t at = 0; at < size + 2; at += piece) {
		size_t left = size + 2 - at;
		if (write(ends[0], bytes + at, left < piece ? left : piece) < 0)
			return -errno;
	}
	return expect_bytes(ends[1], bytes, size + 2);
}

static int tcp_whole(struct attempt *attempt)
{
	return over_tcp(attempt, QUERY_MAX + 2);
}

static int tcp_size_first(struct attempt *attempt)
{
	return over_tcp(attempt, 2);
}

static int tcp_bytes(struct attempt *attempt)
{
	return over_tcp(attempt, 1);
}

/* Names as freight. */

static int long_name(struct attempt *attempt)
{
	char *host = attempt->host;
	size_t size = 0;
	(void)snprintf(host, sizeof(attempt->host), "%s", attempt->id);
	for (size = strlen(host); size < 253; size++)
		host[size] = size % (LABEL_MAX + 1) == LABEL_MAX ? '.' : 'x';
	host[size] = '\0';
	for (char *c = host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	set_value(attempt, host);
	return ask_to(attempt, DNS_PORT);
}

static int hidden_among_many(struct attempt *attempt)
{
	enum { NAMES = 500 };
	for (int i = 0; i < NAMES; i++) {
		struct attempt other = *attempt;
		(void)snprintf(other.host, sizeof(other.host), "n%d.flood.evasion.test", i);
		int r = i == NAMES / 2 ? ask_to(attempt, DNS_PORT) : ask_to(&other, DNS_PORT);
		if (r < 0)
			return r;
	}
	return 0;
}

static int broken(struct attempt *attempt)
{
	static const char text[] = "this is no question at all, but it is on its way";
	struct question q;
	int r = make_connected(&q, attempt);
	return r < 0 ? r : (int)write(q.client, text, sizeof(text)) < 0 ? -errno : 0;
}

static const struct technique rows[] = {
        {"E26-dns-sendto", MARKER_DNS, by_sendto},   {"E26-dns-sendmsg", MARKER_DNS, by_sendmsg},
        {"E26-dns-mmsg", MARKER_DNS, by_sendmmsg},   {"E26-dns-write", MARKER_DNS, by_write},
        {"E26-dns-writev", MARKER_DNS, by_writev},   {"E26-dns-more", MARKER_DNS, by_more},
        {"E26-dns-gso", MARKER_DNS, by_segments},    {"E06-dns-int80", MARKER_DNS, by_int80},
        {"E27-dns-uring", MARKER_DNS, by_ring},      {"E32-dns-ipv6", MARKER_DNS, over_ipv6},
        {"E39-dns-tcp", MARKER_DNS, tcp_whole},      {"E39-dns-tcp2", MARKER_DNS, tcp_size_first},
        {"E39-dns-tcp1", MARKER_DNS, tcp_bytes},     {"E41-long", MARKER_DNS, long_name},
        {"E41-many", MARKER_DNS, hidden_among_many}, {"E41-broken", MARKER_DNS_BROKEN, broken},
        {"E42-mdns", MARKER_DNS, multicast_port},    {"E42-llmnr", MARKER_DNS, link_local_port},
        {"E42-port", MARKER_DNS, other_port},
};
const struct technique_list name_techniques = TECHNIQUE_LIST(rows);
