// SPDX-License-Identifier: Apache-2.0
/* Naming a TLS server: E33 to E37, E43. A hello counts as sent when its bytes have arrived. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "evasion.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* The ClientHello. -------------------------------------------------------------------------- */

enum {
	RECORD_HEADER = 5,
	HANDSHAKE_HEADER = 4,
	EXTENSION_NAME = 0,
	EXTENSION_KEY_SHARE = 0x33,
	EXTENSION_ECH = 0xfe0d,
	KEY_SHARE_SIZE = 1216 + 40, /* as with ML-KEM */
	ECH_SIZE = 180,
};

static void put(struct hello *hello, const void *bytes, size_t size)
{
	memcpy(hello->bytes + hello->size, bytes, size);
	hello->size += size;
}

static void put_number(struct hello *hello, size_t number, int bytes)
{
	while (bytes-- > 0)
		hello->bytes[hello->size++] = (uint8_t)(number >> (8 * bytes));
}

static void put_filler(struct hello *hello, size_t size)
{
	while (size-- > 0)
		hello->bytes[hello->size++] = 0x5a;
}

static void put_name(struct hello *hello, const char *name)
{
	size_t size = strlen(name);
	put_number(hello, EXTENSION_NAME, 2);
	put_number(hello, size + 5, 2);
	put_number(hello, size + 3, 2);
	put_number(hello, 0, 1);
	put_number(hello, size, 2);
	put(hello, name, size);
}

static void put_extension(struct hello *hello, unsigned type, size_t size)
{
	put_number(hello, type, 2);
	put_number(hello, size, 2);
	put_filler(hello, size);
}

static void set_number(struct hello *hello, size_t at, size_t number, int bytes)
{
	size_t end = hello->size;
	hello->size = at;
	put_number(hello, number, bytes);
	hello->size = end;
}

void build_hello(struct hello *hello, const char *name, unsigned shape)
{
	static const uint8_t suites_and_compression[] = {0, 4, 0x13, 1, 0x13, 2, 1, 0};
	static const uint8_t start[] = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
	*hello = (struct hello){0};
	put(hello, start, sizeof(start));
	put_filler(hello, 32);
	put_number(hello, 32, 1);
	put_filler(hello, 32);
	put(hello, suites_and_compression, sizeof(suites_and_compression));
	size_t extensions = hello->size;
	put_number(hello, 0, 2);
	if (shape & HELLO_LARGE)
		put_extension(hello, EXTENSION_KEY_SHARE, KEY_SHARE_SIZE);
	if (shape & HELLO_ECH)
		put_extension(hello, EXTENSION_ECH, ECH_SIZE);
	if (!(shape & HELLO_UNNAMED))
		put_name(hello, name);
	if (shape & HELLO_LARGE)
		put_extension(hello, EXTENSION_KEY_SHARE + 1, KEY_SHARE_SIZE / 4);
	set_number(hello, extensions, hello->size - extensions - 2, 2);
	set_number(hello, RECORD_HEADER + 1, hello->size - RECORD_HEADER - HANDSHAKE_HEADER, 3);
	set_number(hello, 3, hello->size - RECORD_HEADER, 2);
}

/* The same in several records. */
static void cut_records(const struct hello *whole, struct hello *cut, size_t piece)
{
	*cut = (struct hello){0};
	for (size_t at = RECORD_HEADER; at < whole->size; at += piece) {
		size_t left = whole->size - at, size = left < piece ? left : piece;
		put_number(cut, 0x160301, 3);
		put_number(cut, size, 2);
		put(cut, whole->bytes + at, size);
	}
}

/* Ways to send it. -------------------------------------------------------------------------- */

struct line {
	struct hello hello;
	int ends[2];
};

static int open_line(struct line *line, const struct attempt *attempt, unsigned shape)
{
	int one = 1, r = stream_pair(attempt->port, line->ends);
	build_hello(&line->hello, attempt->host, shape);
	if (r == 0)
		(void)setsockopt(line->ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return r;
}

static int sent(const struct line *line, long r)
{
	return r < 0 ? -errno : expect_bytes(line->ends[1], line->hello.bytes, line->hello.size);
}

static int in_pieces(struct line *line, size_t piece)
{
	for (size_t at = 0; at < line->hello.size; at += piece) {
		size_t left = line->hello.size - at;
		if (write(line->ends[0], line->hello.bytes + at, left < piece ? left : piece) < 0)
			return -errno;
	}
	return sent(line, 0);
}

static int shaped(struct attempt *attempt, unsigned shape, size_t piece)
{
	struct line line;
	int r = open_line(&line, attempt, shape);
	return r < 0 ? r : in_pieces(&line, piece);
}

static int by_write(struct attempt *attempt)
{
	return shaped(attempt, HELLO_PLAIN, EVASION_HELLO_MAX);
}

static int two_writes(struct attempt *attempt)
{
	return shaped(attempt, HELLO_PLAIN, 60);
}

static int header_apart(struct attempt *attempt)
{
	return shaped(attempt, HELLO_PLAIN, RECORD_HEADER);
}

static int byte_by_byte(struct attempt *attempt)
{
	return shaped(attempt, HELLO_PLAIN, 1);
}

static int large(struct attempt *attempt)
{
	return shaped(attempt, HELLO_LARGE, EVASION_HELLO_MAX);
}

static int large_in_pieces(struct attempt *attempt)
{
	return shaped(attempt, HELLO_LARGE, 100);
}

static int encrypted(struct attempt *attempt)
{
	return shaped(attempt, HELLO_ECH, EVASION_HELLO_MAX);
}

static int unnamed(struct attempt *attempt)
{
	return shaped(attempt, HELLO_UNNAMED, EVASION_HELLO_MAX);
}

static int unnamed_encrypted(struct attempt *attempt)
{
	return shaped(attempt, HELLO_UNNAMED | HELLO_ECH, EVASION_HELLO_MAX);
}

static int in_records(struct attempt *attempt, size_t record, size_t piece)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	struct hello whole = line.hello;
	cut_records(&whole, &line.hello, record);
	return r < 0 ? r : in_pieces(&line, piece);
}

static int two_records(struct attempt *attempt)
{
	return in_records(attempt, 70, EVASION_HELLO_MAX);
}

static int many_records(struct attempt *attempt)
{
	return in_records(attempt, 3, 7);
}

static int broken(struct attempt *attempt)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	enum { EXTENSIONS_AT = RECORD_HEADER + HANDSHAKE_HEADER + 2 + 32 + 33 + 8 };
	line.hello.bytes[EXTENSIONS_AT] = 0xff; /* more extensions than there are */
	return r < 0 ? r : in_pieces(&line, EVASION_HELLO_MAX);
}

static int by_writev(struct attempt *attempt)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	struct iovec parts[3] = {{line.hello.bytes, 3},
	                         {line.hello.bytes + 3, 50},
	                         {line.hello.bytes + 53, line.hello.size - 53}};
	return r < 0 ? r : sent(&line, writev(line.ends[0], parts, 3));
}

static int by_message(struct attempt *attempt, bool many)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	struct iovec parts[2] = {{line.hello.bytes, 9},
	                         {line.hello.bytes + 9, line.hello.size - 9}};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}};
	if (r < 0)
		return r;
	return sent(&line, many ? sendmmsg(line.ends[0], &message, 1, 0)
	                        : sendmsg(line.ends[0], &message.msg_hdr, 0));
}

static int by_sendmsg(struct attempt *attempt)
{
	return by_message(attempt, false);
}

static int by_sendmmsg(struct attempt *attempt)
{
	return by_message(attempt, true);
}

static int by_more(struct attempt *attempt)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	if (r < 0)
		return r;
	if (send(line.ends[0], line.hello.bytes, 30, MSG_MORE) < 0)
		return -errno;
	return sent(&line, send(line.ends[0], line.hello.bytes + 30, line.hello.size - 30, 0));
}

static int by_sendfile(struct attempt *attempt)
{
	struct line line;
	off_t at = 0;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	int file = memfd_create("hello", MFD_CLOEXEC);
	if (r < 0 || write(file, line.hello.bytes, line.hello.size) < 0)
		return r < 0 ? r : -errno;
	return sent(&line, sendfile(line.ends[0], file, &at, line.hello.size));
}

/* By way of a pipe, which takes the process's pages themselves. */
static int by_splice(struct attempt *attempt)
{
	struct line line;
	int pipes[2], r = open_line(&line, attempt, HELLO_PLAIN);
	struct iovec part = {line.hello.bytes, line.hello.size};
	if (r < 0 || pipe(pipes) < 0 || vmsplice(pipes[1], &part, 1, 0) < 0)
		return r < 0 ? r : -errno;
	return sent(&line, splice(pipes[0], NULL, line.ends[0], NULL, line.hello.size, 0));
}

static int zero_copy(struct attempt *attempt)
{
	struct line line;
	int one = 1, r = open_line(&line, attempt, HELLO_PLAIN);
	if (r < 0 || setsockopt(line.ends[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) < 0)
		return r < 0 ? r : -errno;
	return sent(&line, send(line.ends[0], line.hello.bytes, line.hello.size, MSG_ZEROCOPY));
}

static int ring_send(struct attempt *attempt, uint8_t opcode)
{
	struct line line;
	struct ring ring;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	if (r == 0)
		r = ring_make(&ring, 0);
	struct io_uring_sqe entry = {.opcode = opcode,
	                             .fd = line.ends[0],
	                             .addr = (uintptr_t)line.hello.bytes,
	                             .len = (uint32_t)line.hello.size};
	if (r == 0)
		r = ring_do(&ring, &entry);
	return r < 0 ? r : sent(&line, r);
}

static int by_ring_write(struct attempt *attempt)
{
	return ring_send(attempt, IORING_OP_WRITE);
}

static int by_ring_send(struct attempt *attempt)
{
	return ring_send(attempt, IORING_OP_SEND);
}

static int by_ring_zero_copy(struct attempt *attempt)
{
	return ring_send(attempt, IORING_OP_SEND_ZC);
}

static int by_int80(struct attempt *attempt)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	void *low = low_memory(sizeof(line.hello.bytes));
	enum { WRITE_32 = 4 };
	memcpy(low, line.hello.bytes, line.hello.size);
	if (r == 0)
		r = (int)call32(WRITE_32, line.ends[0], (long)low, (long)line.hello.size, 0);
	return r < 0 ? r : sent(&line, r);
}

static int other_stream(struct attempt *attempt, int family, int protocol)
{
	struct line line;
	int server = listen_local(family, protocol, attempt->port);
	build_hello(&line.hello, attempt->host, HELLO_PLAIN);
	line.ends[0] = server < 0 ? server : connect_local(family, protocol, attempt->port);
	if (line.ends[0] < 0)
		return line.ends[0];
	line.ends[1] = accept(server, NULL, NULL);
	return sent(&line, write(line.ends[0], line.hello.bytes, line.hello.size));
}

static int over_ipv6(struct attempt *attempt)
{
	return other_stream(attempt, AF_INET6, IPPROTO_TCP);
}

static int over_mptcp(struct attempt *attempt)
{
	return other_stream(attempt, AF_INET, IPPROTO_MPTCP);
}

/* With the request to connect itself. */
static int fast_open(struct attempt *attempt)
{
	struct line line;
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(attempt->port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int server = listen_local(AF_INET, IPPROTO_TCP, attempt->port);
	build_hello(&line.hello, attempt->host, HELLO_PLAIN);
	line.ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t r = sendto(line.ends[0], line.hello.bytes, line.hello.size, MSG_FASTOPEN,
	                   (struct sockaddr *)&to, sizeof(to));
	if (r < 0 || (line.ends[1] = accept(server, NULL, NULL)) < 0)
		return -errno;
	return sent(&line, r);
}

/* Through a proxy: the stream does not begin with the hello. */
static int behind(struct attempt *attempt, const char *request, size_t size)
{
	struct line line;
	int r = open_line(&line, attempt, HELLO_PLAIN);
	if (r < 0 || write(line.ends[0], request, size) < 0)
		return r < 0 ? r : -errno;
	r = expect_bytes(line.ends[1], request, size);
	return r < 0 ? r : sent(&line, write(line.ends[0], line.hello.bytes, line.hello.size));
}

static int behind_proxy(struct attempt *attempt)
{
	static const char request[] = "CONNECT elsewhere.test:443 HTTP/1.1\r\n\r\n";
	return behind(attempt, request, sizeof(request) - 1);
}

static int behind_socks(struct attempt *attempt)
{
	static const char request[] = "\5\1\0\5\1\0\3\16elsewhere.test\1\xbb";
	return behind(attempt, request, sizeof(request) - 1);
}

/* What is asked of the proxy, without a hello after it. */
static int asked_of_proxy(struct attempt *attempt)
{
	char request[EVASION_TEXT_MAX];
	struct line line;
	int size = snprintf(request, sizeof(request), "CONNECT %s:443 HTTP/1.1\r\n\r\n",
	                    attempt->host);
	int r = open_line(&line, attempt, HELLO_PLAIN);
	if (r < 0 || write(line.ends[0], request, (size_t)size) < 0)
		return r < 0 ? r : -errno;
	return expect_bytes(line.ends[1], request, (size_t)size);
}

static const struct technique rows[] = {
        {"E34-write", MARKER_TLS, by_write},
        {"E34-writev", MARKER_TLS, by_writev},
        {"E34-sendmsg", MARKER_TLS, by_sendmsg},
        {"E34-sendmmsg", MARKER_TLS, by_sendmmsg},
        {"E34-more", MARKER_TLS, by_more},
        {"E34-sendfile", MARKER_TLS, by_sendfile},
        {"E34-splice", MARKER_TLS, by_splice},
        {"E34-zero-copy", MARKER_TLS, zero_copy},
        {"E34-uring-write", MARKER_TLS, by_ring_write},
        {"E34-uring-send", MARKER_TLS, by_ring_send},
        {"E34-uring-zc", MARKER_TLS, by_ring_zero_copy},
        {"E06-tls-int80", MARKER_TLS, by_int80},
        {"E25-tls-fast", MARKER_TLS, fast_open},
        {"E32-tls-ipv6", MARKER_TLS, over_ipv6},
        {"E33-tls-mptcp", MARKER_TLS, over_mptcp},
        {"E35-two-writes", MARKER_TLS, two_writes},
        {"E35-header", MARKER_TLS, header_apart},
        {"E35-bytes", MARKER_TLS, byte_by_byte},
        {"E35-records", MARKER_TLS, two_records},
        {"E35-records-3", MARKER_TLS, many_records},
        {"E35-large", MARKER_TLS, large},
        {"E35-large-cut", MARKER_TLS, large_in_pieces},
        {"E36-ech", MARKER_TLS, encrypted},
        {"E36-ech-only", MARKER_TLS_UNNAMED, unnamed_encrypted},
        {"E37-no-name", MARKER_TLS_UNNAMED, unnamed},
        {"E37-broken", MARKER_TLS_BROKEN, broken},
        {"E43-proxy", MARKER_TLS, behind_proxy},
        {"E43-proxy-asked", MARKER_TLS, asked_of_proxy},
        {"E43-socks", MARKER_TLS, behind_socks},
};
const struct technique_list tls_techniques = TECHNIQUE_LIST(rows);
