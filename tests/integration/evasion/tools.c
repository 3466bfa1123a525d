// SPDX-License-Identifier: Apache-2.0
/* What the techniques share: files, 32-bit calls, io_uring without a library. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evasion.h"

int result_of(long r)
{
	return r == -1 ? -errno : (int)r;
}

void set_value(struct attempt *attempt, const char *value)
{
	(void)snprintf(attempt->value, sizeof(attempt->value), "%s", value);
}

void as_preparer(void)
{
	(void)prctl(PR_SET_NAME, "preparer");
}

int expect_content(const struct attempt *attempt, int fd)
{
	if (fd < 0)
		return fd;
	char expected[EVASION_TEXT_MAX];
	char content[EVASION_TEXT_MAX];
	int size = snprintf(expected, sizeof(expected), "secret of %s\n", attempt->id);
	ssize_t got = pread(fd, content, sizeof(content), 0);
	(void)close(fd);
	if (got < 0)
		return -errno;
	return got == size && memcmp(content, expected, (size_t)got) == 0 ? 0 : -EBADMSG;
}

int put_file(const char *path, const void *content, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, content, size);
	(void)close(fd);
	return written == (ssize_t)size ? 0 : -EIO;
}

int copy_file(const char *from, const char *to, mode_t mode)
{
	static char block[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	ssize_t got = in < 0 || out < 0 ? -1 : 1;
	while (got > 0 && (got = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)got) != got)
			got = -1;
	int r = got < 0 ? -errno : 0;
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return r;
}

int exists(const char *path)
{
	return result_of(access(path, F_OK));
}

int in_child(int (*act)(void *ctx), void *ctx)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(-act(ctx) & 0xff);
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* 32-bit calls. */

void *low_memory(size_t size)
{
#ifdef MAP_32BIT
	int where = MAP_32BIT;
#else
	int where = 0;
#endif
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | where,
	                    -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

char *low_text(const char *text)
{
	size_t size = strlen(text) + 1;
	char *low = low_memory(size);
	return low ? memcpy(low, text, size) : NULL;
}

long call32(long nr, long a, long b, long c, long d)
{
#ifdef __x86_64__
	long r = nr;
	__asm__ volatile("int $0x80"
	                 : "+a"(r)
	                 : "b"(a), "c"(b), "d"(c), "S"(d)
	                 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
#else
	(void)nr, (void)a, (void)b, (void)c, (void)d;
	return -ENOSYS;
#endif
}

/* io_uring. */

static void *ring_map(const struct ring *ring, size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
	            offset);
}

int ring_make(struct ring *ring, unsigned setup_flags)
{
	struct io_uring_params params = {.flags = setup_flags, .sq_thread_idle = 1000};
	*ring = (struct ring){.flags = setup_flags};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring->fd < 0)
		return -errno;
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = ring_map(ring, sq_size, IORING_OFF_SQ_RING);
	char *cq = ring_map(ring, cq_size, IORING_OFF_CQ_RING);
	ring->sqes =
	        ring_map(ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -ENOMEM;
	ring->sq_tail = (unsigned *)(void *)(sq + params.sq_off.tail);
	ring->sq_mask = (unsigned *)(void *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (unsigned *)(void *)(sq + params.sq_off.array);
	ring->sq_flags = (unsigned *)(void *)(sq + params.sq_off.flags);
	ring->cq_head = (unsigned *)(void *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned *)(void *)(cq + params.cq_off.tail);
	ring->cq_mask = (unsigned *)(void *)(cq + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
	return 0;
}

static int ring_submit(const struct ring *ring)
{
	unsigned flags = IORING_ENTER_GETEVENTS;
	if (ring->flags & IORING_SETUP_SQPOLL) {
		/* The kernel's thread has taken it, or sleeps and must be woken. */
		if (!(__atomic_load_n(ring->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_NEED_WAKEUP))
			return result_of(
			        syscall(SYS_io_uring_enter, ring->fd, 0, 1, flags, NULL, 0));
		flags |= IORING_ENTER_SQ_WAKEUP;
	}
	return result_of(syscall(SYS_io_uring_enter, ring->fd, 1, 1, flags, NULL, 0));
}

int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned tail = *ring->sq_tail;
	unsigned index = tail & *ring->sq_mask;
	ring->sqes[index] = *entry;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	int r = ring_submit(ring);
	if (r < 0)
		return r;
	unsigned head = *ring->cq_head;
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head)
		(void)usleep(100);
	r = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return r;
}
