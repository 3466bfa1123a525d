// SPDX-License-Identifier: Apache-2.0
/* What another process has open or in its memory: E14 to E16. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evasion.h"

/* A descriptor from another process. */

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return result_of(sendmsg(socket, &message, 0));
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof(control)};
	int fd = -1;
	if (recvmsg(socket, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
		return -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static int passed_fd(struct attempt *attempt)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
		return -errno;
	if (fork() == 0)
		_exit(send_fd(ends[0], open(attempt->path, O_RDONLY)) < 0);
	int fd = receive_fd(ends[1]);
	(void)wait(NULL);
	return expect_content(attempt, fd);
}

static int stolen_fd(struct attempt *attempt)
{
	int fds[2];
	if (pipe(fds) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(attempt->path, O_RDONLY);
		(void)!write(fds[1], &fd, sizeof(fd));
		(void)pause();
	}
	int theirs = -1;
	(void)!read(fds[0], &theirs, sizeof(theirs));
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = expect_content(attempt, result_of(syscall(SYS_pidfd_getfd, process, theirs, 0)));
	(void)kill(pid, SIGKILL);
	(void)wait(NULL);
	return r;
}

/* The memory of another process. */

static pid_t sleeper(void)
{
	pid_t pid = fork();
	if (pid == 0)
		(void)pause();
	return pid;
}

static int end_sleeper(pid_t pid, long result)
{
	int code = result < 0 ? -errno : 0;
	(void)kill(pid, SIGKILL);
	(void)wait(NULL);
	return code;
}

static int read_of_process(struct attempt *attempt, const char *name)
{
	char path[64], byte;
	pid_t pid = sleeper();
	(void)snprintf(attempt->value, sizeof(attempt->value), "/proc/self/%s", name);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY);
	int r = fd < 0 ? -errno : 0;
	if (r == 0 &&
	    pread(fd, &byte, 1, strcmp(name, "mem") == 0 ? (off_t)(uintptr_t)&path : 0) < 0)
		r = -errno;
	(void)kill(pid, SIGKILL);
	(void)wait(NULL);
	return r;
}

static int process_memory(struct attempt *attempt)
{
	return read_of_process(attempt, "mem");
}

static int process_environment(struct attempt *attempt)
{
	return read_of_process(attempt, "environ");
}

static int thread_memory(struct attempt *attempt)
{
	char name[64];
	pid_t pid = sleeper();
	(void)snprintf(attempt->value, sizeof(attempt->value), "/proc/self/mem");
	(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/mem", pid, pid);
	return end_sleeper(pid, open(name, O_RDONLY));
}

static int own_environment(struct attempt *attempt)
{
	set_value(attempt, "/proc/self/environ");
	return result_of(open("/proc/self/environ", O_RDONLY)) < 0 ? -errno : 0;
}

/* That these ways are used at all is told, too. */

static int memory_of_child(struct attempt *attempt)
{
	char secret[EVASION_TEXT_MAX] = "", copy[EVASION_TEXT_MAX] = "";
	(void)snprintf(secret, sizeof(secret), "%s", attempt->id);
	set_value(attempt, "process_vm_readv");
	pid_t pid = sleeper();
	struct iovec here = {copy, sizeof(copy)}, there = {secret, sizeof(secret)};
	return end_sleeper(pid, syscall(SYS_process_vm_readv, pid, &here, 1L, &there, 1L, 0L));
}

static int write_to_child(struct attempt *attempt)
{
	char byte = 0;
	set_value(attempt, "process_vm_writev");
	pid_t pid = sleeper();
	struct iovec here = {&byte, 1}, there = {&byte, 1};
	return end_sleeper(pid, syscall(SYS_process_vm_writev, pid, &here, 1L, &there, 1L, 0L));
}

static int trace_child(struct attempt *attempt)
{
	long word = 0x5ec4e7;
	set_value(attempt, "ptrace");
	pid_t pid = sleeper();
	long r = ptrace(PTRACE_ATTACH, pid, NULL, NULL);
	if (r == 0 && waitpid(pid, NULL, 0) == pid)
		r = ptrace(PTRACE_PEEKDATA, pid, &word, NULL) == word ? 0 : -1;
	return end_sleeper(pid, r);
}

static int descriptor_of_child(struct attempt *attempt)
{
	set_value(attempt, "pidfd_getfd");
	pid_t pid = sleeper();
	long process = syscall(SYS_pidfd_open, pid, 0);
	return end_sleeper(pid, process < 0 ? -1 : syscall(SYS_pidfd_getfd, process, 0, 0));
}

static const struct technique rows[] = {
        {"E14-scm-rights", MARKER_READ, passed_fd},
        {"E14-pidfd-getfd", MARKER_READ, stolen_fd},
        {"E15-proc-mem", MARKER_READ, process_memory},
        {"E15-thread-mem", MARKER_READ, thread_memory},
        {"E15-environ", MARKER_READ, process_environment},
        {"E15-vm-readv", MARKER_INTERFACE, memory_of_child},
        {"E15-vm-writev", MARKER_INTERFACE, write_to_child},
        {"E15-ptrace", MARKER_INTERFACE, trace_child},
        {"E15-pidfd-getfd", MARKER_INTERFACE, descriptor_of_child},
        {"E16-environ", MARKER_READ, own_environment},
};
const struct technique_list process_techniques = TECHNIQUE_LIST(rows);
