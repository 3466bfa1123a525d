// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: ways into it that are no connection, used or refused. Skipped
 * (77) without root. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_fixture.h"
#include "network_fixture.h"

enum { VSOCK = 40, XDP = 44, ALG = 38, DONE = 1, X32_BIT = 0x40000000 };

static const struct event *expect(struct kernel_fixture *fixture, const char *interface)
{
	const struct event *event = kernel_fixture_expect(fixture, EVENT_CONNECT, interface);

	assert_int_equal(event->process.pid, fixture->last_pid);
	return event;
}

/* Tries each; the test learns what came of it. */
struct attempt {
	int family, type, protocol;
	const char *interface;
};

static const struct attempt attempts[] = {
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw:1"},
        {AF_INET6, SOCK_RAW, IPPROTO_RAW, "raw:255"},
        {AF_PACKET, SOCK_RAW, 0, "packet"},
        {VSOCK, SOCK_STREAM, 0, "vsock"},
        {AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, "netlink:15"},
        {ALG, SOCK_SEQPACKET, 0, "alg"},
        {XDP, SOCK_RAW, 0, "xdp"},
        {31, SOCK_RAW, 1, "family:31"},
        {AF_INET, SOCK_STREAM, 132, "ip:132"},
};
enum { ATTEMPTS = sizeof(attempts) / sizeof(*attempts) };

static int act_sockets(void *ctx)
{
	int pipe_end = *(int *)ctx;

	for (size_t i = 0; i < ATTEMPTS; i++) {
		int fd = socket(attempts[i].family, attempts[i].type, attempts[i].protocol);
		int32_t result = fd < 0 ? -errno : DONE;

		(void)!write(pipe_end, &result, sizeof(result));
	}
	/* What everybody has is not told. */
	(void)socket(AF_UNIX, SOCK_STREAM, 0);
	(void)socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	(void)socket(AF_INET, SOCK_DGRAM, 0);
	(void)socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	return 0;
}

static void test_sockets(void **state)
{
	struct kernel_fixture *fixture = *state;
	struct sensor_stats stats;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(kernel_fixture_run(fixture, act_sockets, &ends[1]), 0);
	for (size_t i = 0; i < ATTEMPTS; i++) {
		int32_t result = 0;

		assert_int_equal(read(ends[0], &result, sizeof(result)), sizeof(result));
		assert_int_equal(expect(fixture, attempts[i].interface)->connect.result, result);
	}
	sensor_run_stats(fixture->run, &stats);
	assert_int_equal(stats.events[EVENT_CONNECT], ATTEMPTS);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void fill_socket(struct io_uring_sqe *sqe, void *ctx)
{
	(void)ctx;
	sqe->opcode = 45; /* IORING_OP_SOCKET */
	sqe->fd = VSOCK;
	sqe->off = SOCK_STREAM;
}

static int act_io_uring(void *ctx)
{
	(void)ctx;
	return network_fixture_io_uring(fill_socket, NULL) == -EINVAL ? KERNEL_FIXTURE_SKIP : 0;
}

static void test_socket_by_io_uring(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (kernel_fixture_run(fixture, act_io_uring, NULL) != 0)
		skip();
	assert_int_equal(expect(fixture, "io_uring")->connect.result, DONE);
	(void)expect(fixture, "vsock");
}

/* Into a child, twice each; the first of some fails. */
static int act_into_another(void *ctx)
{
	char secret = 's', copy = 0;
	struct iovec here = {&copy, 1}, there = {&secret, 1};
	pid_t child = fork();
	int pidfd;

	(void)ctx;
	if (child == 0)
		for (;;)
			(void)pause();
	(void)syscall(SYS_process_vm_readv, -1, &here, 1L, &there, 1L, 0L);
	for (int i = 0; i < 2; i++)
		(void)syscall(SYS_process_vm_readv, child, &here, 1L, &there, 1L, 0L);
	(void)syscall(SYS_process_vm_writev, child, &here, 1L, &there, 1L, 0L);
	(void)ptrace(PTRACE_SEIZE, -1, NULL, NULL);
	(void)ptrace(PTRACE_SEIZE, child, NULL, NULL);
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	(void)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return copy == 's' ? 0 : KERNEL_FIXTURE_SKIP;
}

static size_t count_of(struct kernel_fixture *fixture, const char *interface, int32_t result)
{
	const struct event *event;
	size_t from = 0, count = 0;

	while ((event = kernel_fixture_find(fixture, EVENT_CONNECT, interface, &from)))
		count += event->connect.result == result;
	return count;
}

static void test_calls_into_another_process(void **state)
{
	struct kernel_fixture *fixture = *state;

	if (kernel_fixture_run(fixture, act_into_another, NULL) != 0)
		skip();
	assert_int_equal(count_of(fixture, "process_vm_readv", -ESRCH), 1);
	assert_int_equal(count_of(fixture, "process_vm_readv", DONE), 1);
	assert_int_equal(count_of(fixture, "process_vm_writev", DONE), 1);
	assert_int_equal(count_of(fixture, "ptrace", -ESRCH), 1);
	assert_int_equal(count_of(fixture, "ptrace", DONE), 1);
	assert_int_equal(count_of(fixture, "pidfd_getfd", DONE), 1);
}

#if defined(__x86_64__)
enum { COMPAT_GETPID = 20, COMPAT_SOCKET = 359, COMPAT_SOCKETCALL = 102 };

static long call_compat(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "a"(number), "b"(a), "c"(b), "d"(c)
	                 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int act_compat(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 3; i++)
		(void)call_compat(COMPAT_GETPID, 0, 0, 0);
	return call_compat(COMPAT_SOCKET, VSOCK, SOCK_STREAM, 0) == -ENOSYS ? KERNEL_FIXTURE_SKIP
	                                                                    : 0;
}

static void test_compat_calls_are_told_once(void **state)
{
	struct kernel_fixture *fixture = *state;
	size_t from = 0;

	if (kernel_fixture_run(fixture, act_compat, NULL) != 0)
		skip();
	(void)expect(fixture, "vsock");
	assert_non_null(kernel_fixture_find(fixture, EVENT_CONNECT, "32-bit", &from));
	assert_null(kernel_fixture_find(fixture, EVENT_CONNECT, "32-bit", &from));
}

static int act_x32(void *ctx)
{
	(void)ctx;
	(void)syscall(X32_BIT | SYS_getpid);
	return 0;
}

static void test_x32_calls_are_told(void **state)
{
	struct kernel_fixture *fixture = *state;

	assert_int_equal(kernel_fixture_run(fixture, act_x32, NULL), 0);
	(void)expect(fixture, "x32");
}

/* As a container runtime's profile does: another architecture kills, io_uring and vsock are not
 * there. */
static void restrict_calls(void)
{
	struct sock_filter filter[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VSOCK, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(KERNEL_FIXTURE_SKIP);
}

static int act_refused(void *ctx)
{
	(void)ctx;
	restrict_calls();
	(void)syscall(SYS_io_uring_setup, 4, NULL);
	(void)socket(VSOCK, SOCK_STREAM, 0);
	(void)call_compat(COMPAT_GETPID, 0, 0, 0);
	return 1; /* not reached */
}

static void test_what_seccomp_refuses_is_told(void **state)
{
	struct kernel_fixture *fixture = *state;
	int status = kernel_fixture_run(fixture, act_refused, NULL);

	if (!WIFSIGNALED(status))
		skip();
	assert_int_equal(WTERMSIG(status), SIGSYS);
	assert_int_equal(expect(fixture, "io_uring")->connect.result, -ENOSYS);
	assert_int_equal(expect(fixture, "vsock")->connect.result, -EPERM);
	(void)expect(fixture, "sigsys");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_FIXTURE_TEST(test_sockets),
		KERNEL_FIXTURE_TEST(test_socket_by_io_uring),
		KERNEL_FIXTURE_TEST(test_calls_into_another_process),
#if defined(__x86_64__)
		KERNEL_FIXTURE_TEST(test_compat_calls_are_told_once),
		KERNEL_FIXTURE_TEST(test_x32_calls_are_told),
		KERNEL_FIXTURE_TEST(test_what_seccomp_refuses_is_told),
#endif
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
