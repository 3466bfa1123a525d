// SPDX-License-Identifier: Apache-2.0
/* Changing files, with and without opening them: E05, E06, E07, E45, E51. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <utime.h>

#include "evasion.h"

static int close_it(int fd)
{
	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

/* A file under the spare name, to begin with. */
static int put_spare(const struct attempt *attempt)
{
	return put_file(attempt->spare, "x", 1, 0644);
}

#ifdef SYS_creat
static int make_by_creat(struct attempt *attempt)
{
	return close_it(result_of(syscall(SYS_creat, attempt->path, 0644)));
}
#endif

static int make_32(struct attempt *attempt)
{
	return close_it((int)call32(8, (long)low_text(attempt->path), 0644, 0, 0));
}

/* No name while it is written. */
static int make_nameless(struct attempt *attempt)
{
	char own[64];
	int fd = open(attempt->directory, O_TMPFILE | O_WRONLY, 0644);
	(void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (fd < 0)
		return -errno;
	return result_of(linkat(AT_FDCWD, own, AT_FDCWD, attempt->path, AT_SYMLINK_FOLLOW));
}

static int rename_to(struct attempt *attempt)
{
	int r = put_spare(attempt);
	return r < 0 ? r : result_of(rename(attempt->spare, attempt->path));
}

/* The file exists: made by a process that the technique is not. */
static int put_path(void *ctx)
{
	const struct attempt *attempt = ctx;
	as_preparer();
	return put_file(attempt->path, "x", 1, 0644);
}

static int exchange(struct attempt *attempt)
{
	enum { EXCHANGE = 2 };
	int r = in_child(put_path, attempt);
	if (r == 0)
		r = put_spare(attempt);
	return r < 0 ? r
	             : result_of(syscall(SYS_renameat2, AT_FDCWD, attempt->spare, AT_FDCWD,
	                                 attempt->path, EXCHANGE));
}

static int link_to(struct attempt *attempt)
{
	int r = put_spare(attempt);
	return r < 0 ? r : result_of(link(attempt->spare, attempt->path));
}

static int symlink_to(struct attempt *attempt)
{
	return result_of(symlink("/etc/passwd", attempt->path));
}

static int make_directory(struct attempt *attempt)
{
	return result_of(mkdir(attempt->path, 0755));
}

static int make_pipe(struct attempt *attempt)
{
	return result_of(mkfifo(attempt->path, 0644));
}

static int make_socket(struct attempt *attempt)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", attempt->path);
	return result_of(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static int on_existing(struct attempt *attempt, int (*act)(const struct attempt *attempt))
{
	int r = in_child(put_path, attempt);
	return r < 0 ? r : act(attempt);
}

static int do_unlink(const struct attempt *attempt)
{
	return result_of(unlink(attempt->path));
}

static int remove_it(struct attempt *attempt)
{
	return on_existing(attempt, do_unlink);
}

static int do_truncate(const struct attempt *attempt)
{
	return result_of(truncate(attempt->path, 0));
}

static int truncate_it(struct attempt *attempt)
{
	return on_existing(attempt, do_truncate);
}

static int do_chmod(const struct attempt *attempt)
{
	return result_of(chmod(attempt->path, 0755));
}

static int chmod_it(struct attempt *attempt)
{
	return on_existing(attempt, do_chmod);
}

static int do_utimes(const struct attempt *attempt)
{
	const struct utimbuf old = {1, 1};
	return result_of(utime(attempt->path, &old));
}

static int age_it(struct attempt *attempt)
{
	return on_existing(attempt, do_utimes);
}

static int do_append(const struct attempt *attempt)
{
	int fd = open(attempt->path, O_WRONLY | O_APPEND);
	return fd < 0 ? -errno : result_of(write(fd, "y", 1)) == 1 ? close_it(fd) : -EIO;
}

static int append_it(struct attempt *attempt)
{
	return on_existing(attempt, do_append);
}

static int do_rename_away(const struct attempt *attempt)
{
	return result_of(rename(attempt->path, attempt->spare));
}

static int move_away(struct attempt *attempt)
{
	return on_existing(attempt, do_rename_away);
}

/* The same by 32-bit calls. */

static int rename_32(struct attempt *attempt)
{
	int r = put_spare(attempt);
	return r < 0 ? r
	             : (int)call32(38, (long)low_text(attempt->spare),
	                           (long)low_text(attempt->path), 0, 0);
}

static int link_32(struct attempt *attempt)
{
	int r = put_spare(attempt);
	return r < 0 ? r
	             : (int)call32(9, (long)low_text(attempt->spare), (long)low_text(attempt->path),
	                           0, 0);
}

/* And through io_uring. */

static int by_ring(const struct io_uring_sqe *entry)
{
	struct ring ring;
	int r = ring_make(&ring, 0);
	return r < 0 ? r : ring_do(&ring, entry);
}

static int ring_rename(struct attempt *attempt)
{
	const struct io_uring_sqe entry = {.opcode = IORING_OP_RENAMEAT,
	                                   .fd = AT_FDCWD,
	                                   .addr = (uintptr_t)attempt->spare,
	                                   .len = (uint32_t)AT_FDCWD,
	                                   .addr2 = (uintptr_t)attempt->path};
	int r = put_spare(attempt);
	return r < 0 ? r : by_ring(&entry);
}

static int ring_link(struct attempt *attempt)
{
	const struct io_uring_sqe entry = {.opcode = IORING_OP_LINKAT,
	                                   .fd = AT_FDCWD,
	                                   .addr = (uintptr_t)attempt->spare,
	                                   .len = (uint32_t)AT_FDCWD,
	                                   .addr2 = (uintptr_t)attempt->path};
	int r = put_spare(attempt);
	return r < 0 ? r : by_ring(&entry);
}

static int ring_symlink(struct attempt *attempt)
{
	const struct io_uring_sqe entry = {.opcode = IORING_OP_SYMLINKAT,
	                                   .fd = AT_FDCWD,
	                                   .addr = (uintptr_t) "/etc/passwd",
	                                   .addr2 = (uintptr_t)attempt->path};
	return by_ring(&entry);
}

static int ring_mkdir(struct attempt *attempt)
{
	const struct io_uring_sqe entry = {.opcode = IORING_OP_MKDIRAT,
	                                   .fd = AT_FDCWD,
	                                   .addr = (uintptr_t)attempt->path,
	                                   .len = 0755};
	return by_ring(&entry);
}

static int do_ring_unlink(const struct attempt *attempt)
{
	const struct io_uring_sqe entry = {
	        .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)attempt->path};
	return by_ring(&entry);
}

static int ring_unlink(struct attempt *attempt)
{
	return on_existing(attempt, do_ring_unlink);
}

static int ring_make_file(struct attempt *attempt)
{
	const struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT,
	                                   .fd = AT_FDCWD,
	                                   .addr = (uintptr_t)attempt->path,
	                                   .open_flags = O_WRONLY | O_CREAT,
	                                   .len = 0644};
	return close_it(by_ring(&entry));
}

static const struct technique rows[] = {
#ifdef SYS_creat
        {"E05-creat", MARKER_CHANGE, make_by_creat},
#endif
        {"E05-tmpfile", MARKER_CHANGE, make_nameless},
        {"E06-int80-creat", MARKER_CHANGE, make_32},
        {"E06-int80-move", MARKER_CHANGE, rename_32},
        {"E06-int80-link", MARKER_CHANGE, link_32},
        {"E07-uring-creat", MARKER_CHANGE, ring_make_file},
        {"E07-uring-move", MARKER_CHANGE, ring_rename},
        {"E07-uring-link", MARKER_CHANGE, ring_link},
        {"E07-uring-sym", MARKER_CHANGE, ring_symlink},
        {"E07-uring-mkdir", MARKER_CHANGE, ring_mkdir},
        {"E07-uring-rm", MARKER_CHANGE, ring_unlink},
        {"E45-append", MARKER_CHANGE, append_it},
        {"E51-rename", MARKER_CHANGE, rename_to},
        {"E51-exchange", MARKER_CHANGE, exchange},
        {"E51-away", MARKER_CHANGE, move_away},
        {"E51-link", MARKER_CHANGE, link_to},
        {"E51-symlink", MARKER_CHANGE, symlink_to},
        {"E51-mkdir", MARKER_CHANGE, make_directory},
        {"E51-mkfifo", MARKER_CHANGE, make_pipe},
        {"E51-bind", MARKER_CHANGE, make_socket},
        {"E51-unlink", MARKER_CHANGE, remove_it},
        {"E51-truncate", MARKER_CHANGE, truncate_it},
        {"E51-chmod", MARKER_CHANGE, chmod_it},
        {"E51-utimes", MARKER_CHANGE, age_it},
};
const struct technique_list change_techniques = TECHNIQUE_LIST(rows);
