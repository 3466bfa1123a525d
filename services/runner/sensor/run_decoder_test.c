// SPDX-License-Identifier: Apache-2.0
#include "run_decoder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hello_fixture.h"
#include "quic_fixture.h"

enum { LINES_MAX = 65536, RECORD_MAX = 32768, PID = 100 };

/* Events as lines of text, to compare with. */
struct fixture {
	struct run_decoder decoder;
	struct buf lines;
	uint64_t done_cookie;
	_Alignas(8) char record[RECORD_MAX];
	size_t size;
};

static void on_event(void *ctx, const struct event *event)
{
	struct fixture *fixture = ctx;
	struct buf *out = &fixture->lines;
	char ip[EVENT_IP_TEXT_MAX];

	buf_printf(out, "%s %s", actor_name(event->process.actor), event_type_name(event->type));
	switch (event->type) {
	case EVENT_FILE:
		buf_printf(out, " %.*s tags %u result %d%s%s", VIEW_ARG(event->file.path),
		           event->process.tags, event->file.result,
		           event->file.truncated ? " cut" : "",
		           event->file.operation == FILE_STAT ? " stat" : "");
		break;
	case EVENT_EXEC:
		buf_printf(out, " %.*s", VIEW_ARG(event->exec.path));
		for (size_t i = 0; i < event->exec.argc; i++)
			buf_printf(out, " [%.*s]", VIEW_ARG(event->exec.argv[i]));
		if (event->exec.result)
			buf_printf(out, " result %d", event->exec.result);
		break;
	case EVENT_CONNECT:
		event_format_ip(event->connect.family, event->connect.address, ip);
		if (event->connect.interface.size)
			buf_printf(out, " <%.*s>", VIEW_ARG(event->connect.interface));
		else
			buf_printf(out, " %s %u", ip, event->connect.port);
		if (event->connect.name.size)
			buf_printf(out, " name %.*s", VIEW_ARG(event->connect.name));
		if (event->connect.result)
			buf_printf(out, " result %d", event->connect.result);
		break;
	case EVENT_DNS:
		buf_printf(out, " %.*s%s", VIEW_ARG(event->dns.name),
		           event->dns.parse_failed ? " bad" : "");
		if (event->dns.response)
			buf_printf(out, " is %.*s", VIEW_ARG(event->dns.answers));
		break;
	case EVENT_TLS:
		buf_printf(out, " %.*s%s%s%s", VIEW_ARG(event->tls.sni),
		           event->tls.protocol == EVENT_TLS_OVER_QUIC ? " quic" : "",
		           event->tls.ech ? " ech" : "", event->tls.parse_failed ? " bad" : "");
		if (event->tls.tunnel.size)
			buf_printf(out, " through %.*s", VIEW_ARG(event->tls.tunnel));
		break;
	default:
		fail();
	}
	buf_append_char(out, '\n');
}

static void on_stream_done(void *ctx, uint64_t cookie)
{
	((struct fixture *)ctx)->done_cookie = cookie;
}

static int setup(void **state)
{
	static const struct watched_path watched[] = {{"/etc/", false}, {"/root/.ssh/", true}};
	static struct fixture fixture;
	struct run_decoder_options options = {
	        .watched_paths = watched,
	        .watched_path_count = 2,
	        .command_actor = ACTOR_MANAGER,
	        .on_event = on_event,
	        .on_stream_done = on_stream_done,
	        .ctx = &fixture,
	};
	struct error err;

	fixture.done_cookie = 0;
	buf_init(&fixture.lines, LINES_MAX);
	assert_int_equal(run_decoder_init(&fixture.decoder, &options, &err), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	run_decoder_release(&fixture->decoder);
	buf_release(&fixture->lines);
	return 0;
}

/* Compares with what was handed out since the last time. */
static void expect(struct fixture *fixture, const char *lines)
{
	assert_string_equal(fixture->lines.data, lines);
	buf_reset(&fixture->lines);
}

/* Begins a record of `size` bytes, its text to follow. */
static void *begin(struct fixture *fixture, enum record_kind kind, unsigned flags, size_t size)
{
	struct record_header *header = (void *)fixture->record;

	memset(fixture->record, 0, size);
	fixture->size = size;
	*header = (struct record_header){
	        .kind = (uint8_t)kind, .flags = (uint8_t)flags, .pid = PID, .start_ns = PID};
	memcpy(header->comm, "node", 4);
	return fixture->record;
}

static size_t add_text(struct fixture *fixture, struct view text)
{
	if (text.size)
		memcpy(fixture->record + fixture->size, text.data, text.size);
	fixture->size += text.size;
	return text.size;
}

static void give(struct fixture *fixture)
{
	run_decoder_record(&fixture->decoder, view_of(fixture->record, fixture->size));
}

static void give_file(struct fixture *fixture, enum record_kind kind, unsigned flags,
                      const char *base, const char *name, int32_t result)
{
	struct record_file *file = begin(fixture, kind, flags, sizeof(*file));

	file->result = result;
	file->path_size = (uint16_t)add_text(fixture, view_of_string(base));
	file->name_size = (uint16_t)add_text(fixture, view_of_string(name));
	give(fixture);
}

static void give_exec(struct fixture *fixture, const char *path, const char *script,
                      const char *base, struct view argv)
{
	struct record_exec *exec = begin(fixture, RECORD_EXEC, 0, sizeof(*exec));

	exec->path_size = (uint16_t)add_text(fixture, view_of_string(path));
	exec->name_size = (uint16_t)add_text(fixture, view_of_string(script));
	exec->base_size = (uint16_t)add_text(fixture, view_of_string(base));
	exec->argv_size = (uint16_t)add_text(fixture, argv);
	give(fixture);
}

static void test_opened_files(void **state)
{
	struct fixture *fixture = *state;

	give_file(fixture, RECORD_FILE, 0, "/etc/hosts", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/root/.ssh/id_rsa", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_PROC_SELF | RECORD_CRED, "/proc/77/environ", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_CUT, "/deep/down", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_OUTSIDE, "/not/watched", "", 3);
	give_file(fixture, RECORD_FILE, RECORD_OUTSIDE, "/etc/outside", "", 3);
	expect(fixture, "manager file_access /etc/hosts tags 1 result 3\n"
	                "manager file_access /root/.ssh/id_rsa tags 3 result 3\n"
	                "manager file_access /proc/self/environ tags 3 result 3\n"
	                "manager file_access /deep/down tags 1 result 3 cut\n"
	                "manager file_access /etc/outside tags 1 result 3\n");
	assert_int_equal(fixture->decoder.stats.cut, 1);
}

static void test_failed_opens_are_matched_here(void **state)
{
	struct fixture *fixture = *state;

	give_file(fixture, RECORD_FILE_FAILED, 0, "/root", ".ssh/./id_rsa", -ENOENT);
	give_file(fixture, RECORD_FILE_FAILED, 0, "", "/usr/../etc/x", -EACCES);
	give_file(fixture, RECORD_FILE_FAILED, 0, "", "/usr/x", -ENOENT);
	expect(fixture, "manager file_access /root/.ssh/id_rsa tags 3 result -2\n"
	                "manager file_access /etc/x tags 1 result -13\n");
}

static void give_look(struct fixture *fixture, const char *base, const char *name, int32_t result)
{
	struct record_file *file = begin(fixture, RECORD_FILE_FAILED, 0, sizeof(*file));

	file->operation = RECORD_STAT;
	file->result = result;
	file->path_size = (uint16_t)add_text(fixture, view_of_string(base));
	file->name_size = (uint16_t)add_text(fixture, view_of_string(name));
	give(fixture);
}

/* Of what is no credential nobody wants to know who looks at it. */
static void test_looks(void **state)
{
	struct fixture *fixture = *state;

	give_look(fixture, "", "/etc/./hosts", 0);
	give_look(fixture, "/root", "x/../.ssh/id_rsa", 0);
	give_look(fixture, "", "/root/.ssh/id_dsa", -ENOENT);
	expect(fixture, "manager file_access /root/.ssh/id_rsa tags 3 result 0 stat\n"
	                "manager file_access /root/.ssh/id_dsa tags 3 result -2 stat\n");
}

/* The queue of the second witness is read when the record of the process's fork is not there yet.
 */
static void test_witnessed_before_the_fork_is_known(void **state)
{
	struct fixture *fixture = *state;
	const struct witnessed witnessed = {
	        .pid = PID, .inode = 7, .path = VIEW_LITERAL("/etc/hosts")};
	const struct witnessed strange = {
	        .pid = PID + 1, .inode = 7, .path = VIEW_LITERAL("/etc/hosts")};

	run_decoder_witnessed(&fixture->decoder, &witnessed);
	run_decoder_witnessed(&fixture->decoder, &strange);
	run_decoder_turn(&fixture->decoder);
	(void)begin(fixture, RECORD_FORK, 0, sizeof(struct record_fork));
	give(fixture);
	run_decoder_turn(&fixture->decoder);
	expect(fixture, "manager file_access /etc/hosts tags 1 result -2147483648\n");
	run_decoder_turn(&fixture->decoder);
	expect(fixture, "");
}

static void test_exec(void **state)
{
	struct fixture *fixture = *state;

	give_exec(fixture, "/usr/bin/env", "", "", VIEW_LITERAL("env\0\0two words\0"));
	give_exec(fixture, "/usr/bin/dash", "./x.sh", "/tmp", VIEW_LITERAL("sh\0./x.sh\0"));
	give_exec(fixture, "/bin/cut", "", "", VIEW_LITERAL("no end"));
	expect(fixture, "manager exec /usr/bin/env [env] [] [two words]\n"
	                "manager exec /tmp/x.sh [sh] [./x.sh]\n"
	                "manager exec /usr/bin/dash [sh] [./x.sh]\n"
	                "manager exec /bin/cut [no end]\n");
}

/* What the container runtime does in the run's cgroup before the sandbox's first program runs, be
 * it under whatever name, is nobody's. */
static void test_set_up_is_left_out(void **state)
{
	struct fixture *fixture = *state;
	struct record_connect *connect;

	process_tree_await(&fixture->decoder.tree, VIEW_LITERAL("docker-init"));
	give_exec(fixture, "/", "", "", VIEW_LITERAL("runc\0init\0"));
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/etc/passwd", "", 3);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/x", -ENOENT);
	connect = begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));
	connect->to.family = 2;
	give(fixture);
	give_exec(fixture, "/usr/sbin/docker-init", "", "", VIEW_LITERAL("docker-init\0"));
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
	give_file(fixture, RECORD_FILE, RECORD_CRED, "/etc/passwd", "", 3);
	/* A package that runs something of that name is seen. */
	give_exec(fixture, "/usr/sbin/docker-init", "", "", VIEW_LITERAL("docker-init\0"));
	expect(fixture, "manager file_access /etc/passwd tags 3 result 3\n"
	                "manager exec /usr/sbin/docker-init [docker-init]\n");
}

static void test_search_along_path_is_one_attempt(void **state)
{
	struct fixture *fixture = *state;

	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/curl", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/bin/curl", -ENOENT);
	expect(fixture, "");
	give_exec(fixture, "/opt/curl", "", "", VIEW_LITERAL("curl\0"));
	expect(fixture, "manager exec /opt/curl [curl]\n");
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/wget", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/bin/wget", -ENOENT);
	give_file(fixture, RECORD_EXEC_FAILED, 0, "/tmp", "./own", -EACCES);
	expect(fixture, "manager exec wget result -2\n");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "manager exec /tmp/own result -13\n");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
	assert_int_equal(fixture->decoder.stats.exec_failed, 5);
}

static void test_exit_ends_a_search(void **state)
{
	struct fixture *fixture = *state;

	give_file(fixture, RECORD_EXEC_FAILED, 0, "", "/usr/bin/curl", -ENOENT);
	(void)begin(fixture, RECORD_EXIT, 0, sizeof(struct record_exit));
	give(fixture);
	expect(fixture, "manager exec /usr/bin/curl result -2\n");
	assert_int_equal(fixture->decoder.tree.alive, 0);
}

static void test_connect(void **state)
{
	struct fixture *fixture = *state;
	struct record_connect *connect = begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));

	connect->to.family = 2;
	connect->to.port = 31337;
	memcpy(connect->to.address, "\xc0\x00\x02\x01", 4);
	give(fixture);
	expect(fixture, "manager net_connect 192.0.2.1 31337\n");
	connect->to.family = 1;
	give(fixture);
	expect(fixture, "");
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

/* TCP from thread `cookie` to 192.0.2.1. */
static void give_tcp(struct fixture *fixture, uint64_t cookie, uint64_t ts_ns)
{
	struct record_connect *connect = begin(fixture, RECORD_CONNECT, 0, sizeof(*connect));

	connect->header.ts_ns = ts_ns;
	connect->header.tid = (uint32_t)cookie;
	connect->cookie = cookie;
	connect->to.family = 2;
	connect->to.protocol = 6;
	connect->to.port = (uint16_t)cookie;
	memcpy(connect->to.address, "\xc0\x00\x02\x01", 4);
	give(fixture);
}

static void give_end(struct fixture *fixture, uint64_t cookie, uint32_t tid, int32_t result)
{
	struct record_connected *end = begin(fixture, RECORD_CONNECTED, 0, sizeof(*end));

	end->header.tid = tid;
	end->cookie = cookie;
	end->result = result;
	give(fixture);
}

static void test_ends_of_connects(void **state)
{
	struct fixture *fixture = *state;

	give_tcp(fixture, 1, 0);
	give_tcp(fixture, 2, 0);
	give_tcp(fixture, 3, 0);
	give_tcp(fixture, 4, 0);
	expect(fixture, "");
	give_end(fixture, 2, 0, 0);
	give_end(fixture, 3, 0, -ECONNREFUSED);
	give_end(fixture, 0, 4, -ENETUNREACH); /* of the thread's call */
	give_end(fixture, 2, 0, 0);            /* again: nothing waits for it */
	expect(fixture, "manager net_connect 192.0.2.1 2 result 1\n"
	                "manager net_connect 192.0.2.1 3 result -111\n"
	                "manager net_connect 192.0.2.1 4 result -101\n");
	give_tcp(fixture, 5, UINT64_C(3000000000)); /* the first has waited long enough */
	expect(fixture, "manager net_connect 192.0.2.1 1\n");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "manager net_connect 192.0.2.1 5\n");
}

static void give_interface(struct fixture *fixture, uint32_t kind, uint32_t family, uint32_t type,
                           uint32_t protocol, int32_t result)
{
	struct record_interface *interface =
	        begin(fixture, RECORD_INTERFACE, 0, sizeof(*interface));

	interface->kind = kind;
	interface->family = family;
	interface->type = type;
	interface->protocol = protocol;
	interface->result = result;
	give(fixture);
}

static void test_other_interfaces(void **state)
{
	struct fixture *fixture = *state;

	give_interface(fixture, RECORD_INTERFACE_SOCKET, 40, 1, 0, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 16, 3, 15, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 2, 3, 1, -EPERM);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 10, 5, 132, 3);
	give_interface(fixture, RECORD_INTERFACE_SOCKET, 31, 3, 1, -EAFNOSUPPORT);
	give_interface(fixture, RECORD_INTERFACE_IO_URING, 0, 0, 0, -ENOSYS);
	give_interface(fixture, RECORD_INTERFACE_COMPAT, 0, 0, 0, 0);
	give_interface(fixture, RECORD_INTERFACE_KILLED, 0, 0, 0, 0);
	expect(fixture, "manager net_connect <vsock> result 1\n"
	                "manager net_connect <netlink:15> result 1\n"
	                "manager net_connect <raw:1> result -1\n"
	                "manager net_connect <ip:132> result 1\n"
	                "manager net_connect <family:31> result -97\n"
	                "manager net_connect <io_uring> result -38\n"
	                "manager net_connect <32-bit> result 1\n"
	                "manager net_connect <sigsys>\n");
	give_interface(fixture, RECORD_INTERFACE_VM_READ, 0, 0, 0, 7);
	give_interface(fixture, RECORD_INTERFACE_VM_WRITE, 0, 0, 0, -ESRCH);
	give_interface(fixture, RECORD_INTERFACE_PTRACE, 0, 0, 0, -EPERM);
	give_interface(fixture, RECORD_INTERFACE_PIDFD_GETFD, 0, 0, 0, 4);
	expect(fixture, "manager net_connect <process_vm_readv> result 1\n"
	                "manager net_connect <process_vm_writev> result -3\n"
	                "manager net_connect <ptrace> result -1\n"
	                "manager net_connect <pidfd_getfd> result 1\n");
	give_interface(fixture, RECORD_INTERFACE_KIND_COUNT, 0, 0, 0, 0);
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

static void give_unix(struct fixture *fixture, enum record_interface_kind kind, struct view path,
                      struct view name, int32_t result)
{
	struct record_interface *interface =
	        begin(fixture, RECORD_INTERFACE, 0, sizeof(*interface));

	interface->kind = kind;
	interface->family = 1;
	interface->result = result;
	interface->path_size = (uint16_t)add_text(fixture, path);
	interface->name_size = (uint16_t)add_text(fixture, name);
	give(fixture);
}

static void test_unix_sockets(void **state)
{
	static const struct view none;
	struct fixture *fixture = *state;

	give_unix(fixture, RECORD_INTERFACE_UNIX, VIEW_LITERAL("/run/docker.sock"), none, 0);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("\0abstract"), 0);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/run/x\0rest"), -EACCES);
	give_unix(fixture, RECORD_INTERFACE_UNIX, VIEW_LITERAL("/tmp/a"), VIEW_LITERAL("../s\0"),
	          -ENOENT);
	give_unix(fixture, RECORD_INTERFACE_UNIX_SEND, none, VIEW_LITERAL("/dev/log"), 0);
	expect(fixture, "manager net_connect <unix:/run/docker.sock> result 1\n"
	                "manager net_connect <unix:@abstract> result 1\n"
	                "manager net_connect <unix:/run/x> result -13\n"
	                "manager net_connect <unix:/tmp/s> result -2\n"
	                "manager net_connect <unix:/dev/log>\n");
	/* What the C library tries in every program. */
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/var/run/nscd/socket"),
	          -ENOENT);
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, none, -EINVAL);
	expect(fixture, "");
	give_unix(fixture, RECORD_INTERFACE_UNIX, none, VIEW_LITERAL("/var/run/nscd/socket"), 0);
	expect(fixture, "manager net_connect <unix:/var/run/nscd/socket> result 1\n");
	assert_int_equal(fixture->decoder.stats.malformed, 0);
	give_unix(fixture, RECORD_INTERFACE_PTRACE, VIEW_LITERAL("/text"), none, 0);
	assert_int_equal(fixture->decoder.stats.malformed, 1);
}

static void give_payload_of(struct fixture *fixture, uint64_t cookie, enum record_kind kind,
                            uint16_t purpose, uint16_t port, uint32_t offset, struct view data)
{
	struct record_payload *payload = begin(fixture, kind, RECORD_NO_TASK, sizeof(*payload));

	payload->cookie = cookie;
	payload->to.family = 2;
	payload->to.port = port;
	payload->purpose = purpose;
	payload->offset = offset;
	payload->size = (uint32_t)add_text(fixture, data);
	fixture->size += 40; /* the reservation is larger than what it holds */
	give(fixture);
}

static void give_payload(struct fixture *fixture, enum record_kind kind, uint16_t purpose,
                         uint16_t port, uint32_t offset, struct view data)
{
	give_payload_of(fixture, 9, kind, purpose, port, offset, data);
}

#define QUERY                                                                                      \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                     \
	"a\x04test\x00\x00\x01\x00\x01"

static void test_datagrams(void **state)
{
	struct fixture *fixture = *state;

	give_exec(fixture, "/usr/bin/x", "", "", VIEW_LITERAL("x\0"));
	expect(fixture, "manager exec /usr/bin/x [x]\n");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL(QUERY));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL("garbage"));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0, VIEW_LITERAL(QUERY));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0,
	             VIEW_LITERAL("\0\0\0\0\0\1\0\0\0\0\0\0\x3f"));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 5353, 0,
	             VIEW_LITERAL("\0\0\x84\0\0\0\0\0\0\0\0\0"));
	expect(fixture, "manager dns_query a.test\n"
	                "manager dns_query  bad\n"
	                "manager dns_query a.test\n");
	assert_int_equal(fixture->decoder.stats.parse_failed, 1);
	assert_int_equal(fixture->decoder.stats.unattributed, 0);
}

#define ANSWER                                                                                     \
	"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01"                                     \
	"a\x04test\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00"    \
	"\x02"                                                                                     \
	"\x01"

static void test_answers_name_addresses(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t in = RECORD_INGRESS | 9;

	give_exec(fixture, "/usr/bin/x", "", "", VIEW_LITERAL("x\0"));
	buf_reset(&fixture->lines);
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0, VIEW_LITERAL(QUERY));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0,
	                VIEW_LITERAL(ANSWER));
	give_tcp(fixture, 1, 0);
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "manager dns_query a.test\n"
	                "manager dns_query a.test is 192.0.2.1\n"
	                "manager net_connect 192.0.2.1 1 name a.test\n");
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 53, 0,
	                VIEW_LITERAL("garbage"));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS_LIKE, 99, 0,
	                VIEW_LITERAL("garbage"));
	give_payload_of(fixture, in, RECORD_DATAGRAM, RECORD_PURPOSE_DNS, 5353, 0,
	                VIEW_LITERAL(QUERY)); /* somebody else's */
	expect(fixture, "manager dns_query  bad is \n");
}

static void test_dns_on_a_port_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	struct view message = VIEW_LITERAL("\x00\x18" QUERY);

	for (uint32_t i = 0; i < message.size; i++)
		give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, i,
		             view_of(message.data + i, 1));
	expect(fixture, "unknown dns_query a.test\n");
	give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, 0,
	                VIEW_LITERAL("\0\0"));
	assert_int_equal(fixture->done_cookie, 0);
	give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_DNS_LIKE, 999, 2,
	                VIEW_LITERAL("some other protocol"));
	assert_int_equal(fixture->done_cookie, 10);
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
}

static void test_quic(void **state)
{
	struct fixture *fixture = *state;
	uint8_t hello[HELLO_FIXTURE_MAX], frames[QUIC_FIXTURE_MAX], bytes[QUIC_FIXTURE_MAX];
	struct quic_fixture packet = {.version = QUIC_VERSION_2,
	                              .destination = VIEW_LITERAL("12345678")};
	size_t size = quic_fixture_hello(hello, "evil.test", 1700), half = 1000;
	struct view piece = view_of(frames, quic_fixture_crypto(frames, 0, view_of(hello, half)));

	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	expect(fixture, "");
	packet.number++;
	piece.size = quic_fixture_crypto(frames, half, view_of(hello + half, size - half));
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	expect(fixture, "unknown tls_sni evil.test quic\n");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             VIEW_LITERAL("\xc0\x1a\x2a\x3a\x4a\x04idid"));
	expect(fixture, "unknown tls_sni  quic bad\n");
	packet.destination = VIEW_LITERAL("another");
	give_payload(fixture, RECORD_DATAGRAM, RECORD_PURPOSE_QUIC, 443, 0,
	             view_of(bytes, quic_fixture_initial(bytes, &packet, piece, 0)));
	expect(fixture, "");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "unknown tls_sni  quic bad\n");
}

static void test_dns_stream(void **state)
{
	struct fixture *fixture = *state;
	struct view message = VIEW_LITERAL("\x00\x18" QUERY "\x00\x18" QUERY "\x00\x63xyz");

	for (uint32_t i = 0; i < message.size; i++)
		give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_DNS, 53, i,
		             view_of(message.data + i, 1));
	expect(fixture, "unknown dns_query a.test\nunknown dns_query a.test\n");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "unknown dns_query  bad\n");
	assert_int_equal(fixture->done_cookie, 9);
}

static void test_tls_stream(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "evil.test", 1700, 500);

	/* The second half first. */
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 1000,
	             view_of(bytes + 1000, size - 1000));
	expect(fixture, "");
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, 1000));
	expect(fixture, "unknown tls_sni evil.test\n");
	assert_int_equal(fixture->done_cookie, 9);
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, 1000));
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
}

static void test_unfinished_hello_is_reported(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "evil.test", 0, 0);

	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 443, 0, view_of(bytes, size / 2));
	expect(fixture, "");
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "unknown tls_sni  bad\n");
}

static void test_not_tls_at_all_is_silence(void **state)
{
	struct fixture *fixture = *state;

	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_TLS, 9000, 0,
	             VIEW_LITERAL("\x16 other protocol"));
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
}

static void give_proxy(struct fixture *fixture, uint32_t *offset, struct view bytes)
{
	give_payload(fixture, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 3128, *offset, bytes);
	*offset += (uint32_t)bytes.size;
}

static void test_tls_through_a_proxy(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, "inside.test", 1700, 0);
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT evil.test:443 HTTP/1.1\r\nA: b"));
	expect(fixture, "unknown tls_sni evil.test through evil.test:443\n");
	give_proxy(fixture, &offset, VIEW_LITERAL("\r\n\r\n"));
	/* Refused; with a password now. */
	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT 2nd.test:8443 HTTP/1.1\r\n\r\n"));
	expect(fixture, "unknown tls_sni 2nd.test through 2nd.test:8443\n");
	for (size_t i = 0; i < size; i++)
		give_proxy(fixture, &offset, view_of(bytes + i, 1));
	expect(fixture, "unknown tls_sni inside.test through 2nd.test:8443\n");
	assert_int_equal(fixture->done_cookie, 9);
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
}

static void test_proxy_of_proxies(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[HELLO_FIXTURE_MAX];
	size_t size = hello_make(bytes, NULL, 0, 0);
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("\5\1\0"));
	give_proxy(fixture, &offset, VIEW_LITERAL("\5\1\0\3\6a.test\4\x38"));
	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT [2001:db8::1]:443 HTTP/1.0\n\n"));
	give_proxy(fixture, &offset, view_of(bytes, size));
	expect(fixture, "unknown tls_sni a.test through a.test:1080\n"
	                "unknown tls_sni 2001:db8::1 through [2001:db8::1]:443\n"
	                "unknown tls_sni  through [2001:db8::1]:443\n");
	assert_int_equal(fixture->done_cookie, 9);
}

static void test_odd_requests_to_proxies(void **state)
{
	static char endless[40000] = "CONNECT ";
	struct fixture *fixture = *state;
	uint32_t offset = 0;

	give_proxy(fixture, &offset, VIEW_LITERAL("CONNECT a.test:99999 HTTP/1.1\r\n\r\nmore"));
	expect(fixture, "unknown tls_sni  bad\n");
	assert_int_equal(fixture->done_cookie, 9);
	memset(endless + strlen(endless), 'a', sizeof(endless) - strlen(endless));
	for (uint32_t at = 0; at < sizeof(endless); at += sizeof(endless) / 4)
		give_payload_of(fixture, 10, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 80, at,
		                view_of(endless + at, sizeof(endless) / 4));
	expect(fixture, "unknown tls_sni  bad\n");
	/* Others say so, too: NATS. */
	give_payload_of(fixture, 11, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 4222, 0,
	                VIEW_LITERAL("CONNECT {\"verbose\":false}\r\nPING\r\n"));
	assert_int_equal(fixture->done_cookie, 11);
	give_payload_of(fixture, 12, RECORD_SEGMENT, RECORD_PURPOSE_PROXY, 4222, 0,
	                VIEW_LITERAL("CONNECT half"));
	run_decoder_flush(&fixture->decoder);
	expect(fixture, "");
	assert_int_equal(fixture->done_cookie, 12);
}

static void test_every_cut_of_a_record_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct run_decoder_stats *stats = &fixture->decoder.stats;

	give_exec(fixture, "/usr/bin/dash", "./x.sh", "/tmp", VIEW_LITERAL("sh\0./x.sh\0"));
	buf_reset(&fixture->lines);
	for (size_t size = 0; size < fixture->size; size++)
		run_decoder_record(&fixture->decoder, view_of(fixture->record, size));
	expect(fixture, "");
	assert_int_equal(stats->malformed, fixture->size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_opened_files, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_failed_opens_are_matched_here, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_looks, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_witnessed_before_the_fork_is_known, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_exec, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_set_up_is_left_out, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_search_along_path_is_one_attempt, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_exit_ends_a_search, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_connect, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_ends_of_connects, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_other_interfaces, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_unix_sockets, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_datagrams, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_answers_name_addresses, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_dns_on_a_port_of_its_own, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_quic, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_dns_stream, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_tls_stream, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_unfinished_hello_is_reported, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_not_tls_at_all_is_silence, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_tls_through_a_proxy, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_proxy_of_proxies, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_odd_requests_to_proxies, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_every_cut_of_a_record_is_refused, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
