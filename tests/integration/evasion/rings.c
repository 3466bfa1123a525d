// SPDX-License-Identifier: Apache-2.0
/* Reading a file through io_uring: E07, E08, and E22 by it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evasion.h"

static int uring_open(struct attempt *attempt, unsigned setup_flags)
{
	struct ring ring;
	int r = ring_make(&ring, setup_flags);
	struct io_uring_sqe entry = {
	        .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)attempt->path};
	return r < 0 ? r : expect_content(attempt, ring_do(&ring, &entry));
}

static int uring_openat(struct attempt *attempt)
{
	return uring_open(attempt, 0);
}

static int uring_sqpoll(struct attempt *attempt)
{
	return uring_open(attempt, IORING_SETUP_SQPOLL);
}

static int uring_async(struct attempt *attempt)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT,
	                             .flags = IOSQE_ASYNC,
	                             .fd = AT_FDCWD,
	                             .addr = (uintptr_t)attempt->path};
	return r < 0 ? r : expect_content(attempt, ring_do(&ring, &entry));
}

static int uring_openat2(struct attempt *attempt)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	struct open_how how = {.flags = O_RDONLY};
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT2,
	                             .fd = AT_FDCWD,
	                             .addr = (uintptr_t)attempt->path,
	                             .len = sizeof(how),
	                             .off = (uintptr_t)&how};
	return r < 0 ? r : expect_content(attempt, ring_do(&ring, &entry));
}

/* Reads through the ring what is open at `fd` of the ring's table or the process's. */
static int uring_read(struct attempt *attempt, struct ring *ring, int fd, uint8_t flags)
{
	char content[EVASION_TEXT_MAX] = "";
	struct io_uring_sqe entry = {.opcode = IORING_OP_READ,
	                             .flags = flags,
	                             .fd = fd,
	                             .addr = (uintptr_t)content,
	                             .len = sizeof(content) - 1};
	int r = ring_do(ring, &entry);
	if (r < 0)
		return r;
	return strstr(content, attempt->id) ? 0 : -EBADMSG;
}

/* Into the ring's own table: there is never a descriptor. */
static int uring_direct(struct attempt *attempt)
{
	struct ring ring;
	int table[1] = {-1};
	int r = ring_make(&ring, 0);
	if (r == 0)
		r = result_of(
		        syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, table, 1));
	if (r < 0)
		return r;
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT,
	                             .fd = AT_FDCWD,
	                             .addr = (uintptr_t)attempt->path,
	                             .file_index = 1};
	r = ring_do(&ring, &entry);
	return r < 0 ? r : uring_read(attempt, &ring, 0, IOSQE_FIXED_FILE);
}

static int uring_read_inherited(struct attempt *attempt)
{
	int fd = open(attempt->path, O_RDONLY);
	struct ring ring;
	int r = ring_make(&ring, 0);
	return r < 0 ? r : uring_read(attempt, &ring, fd, 0);
}

static int probe_uring(struct attempt *attempt)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	struct io_uring_sqe entry = {
	        .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)attempt->path};
	if (r == 0)
		r = ring_do(&ring, &entry);
	return r == -ENOENT ? 0 : r;
}

static int ring_itself(struct attempt *attempt)
{
	struct ring ring;
	set_value(attempt, "io_uring");
	return ring_make(&ring, 0);
}

static const struct technique rows[] = {
        {"E07-uring-setup", MARKER_INTERFACE, ring_itself},
        {"E07-uring", MARKER_READ, uring_openat},
        {"E07-uring-at2", MARKER_READ, uring_openat2},
        {"E07-uring-async", MARKER_READ, uring_async},
        {"E07-uring-poll", MARKER_READ, uring_sqpoll},
        {"E07-uring-fixed", MARKER_READ, uring_direct},
        {"E08-uring-read", MARKER_READ, uring_read_inherited},
        {"E22-uring", MARKER_PROBE, probe_uring},
};
const struct technique_list ring_techniques = TECHNIQUE_LIST(rows);
