// SPDX-License-Identifier: Apache-2.0
/* The sensor with the real kernel: changes of files by other entries into the kernel than the
 * system calls of a 64-bit program. Skipped (77) without root. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "act_fixture.h"
#include "kernel_fixture.h"

/* The fixture watches /mnt/in/. */
#define IN "/mnt/in/"

/* A ring for one request at a time, by hand. */
struct small_ring {
	int fd;
	unsigned char *rings;
	struct io_uring_sqe *sqe;
	struct io_uring_params params;
	unsigned done;
};

static void small_ring_open(struct small_ring *ring)
{
	size_t size;

	*ring = (struct small_ring){0};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		_exit(KERNEL_FIXTURE_SKIP);
	size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings =
	        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqe = mmap(NULL, ring->params.sq_entries * sizeof(*ring->sqe), PROT_READ | PROT_WRITE,
	                 MAP_SHARED, ring->fd, IORING_OFF_SQES);
}

static void small_ring_do(struct small_ring *ring, const struct io_uring_sqe *request)
{
	const struct io_uring_cqe *cqes;
	_Atomic unsigned *tail =
	        (_Atomic unsigned *)(void *)(ring->rings + ring->params.sq_off.tail);

	ring->sqe[0] = *request;
	for (unsigned i = 0; i < ring->params.sq_entries; i++)
		((unsigned *)(void *)(ring->rings + ring->params.sq_off.array))[i] = 0;
	atomic_fetch_add(tail, 1);
	act_need(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1
	                 ? 0
	                 : -1);
	cqes = (void *)(ring->rings + ring->params.cq_off.cqes);
	act_need(cqes[ring->done++ % ring->params.cq_entries].res);
	atomic_fetch_add((_Atomic unsigned *)(void *)(ring->rings + ring->params.cq_off.head), 1);
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static struct io_uring_sqe two_names(uint8_t opcode, const char *from, const char *to)
{
	return (struct io_uring_sqe){.opcode = opcode,
	                             .fd = AT_FDCWD,
	                             .addr = address(from),
	                             .len = (uint32_t)AT_FDCWD,
	                             .addr2 = address(to)};
}

static int act_io_uring(void *ctx)
{
	struct small_ring ring;
	struct io_uring_sqe mkdir_request = {.opcode = IORING_OP_MKDIRAT,
	                                     .fd = AT_FDCWD,
	                                     .addr = address(IN "io-m"),
	                                     .len = 0755};
	struct io_uring_sqe unlink_request = {
	        .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = address(IN "io-l")};
	struct io_uring_sqe symlink_request = {.opcode = IORING_OP_SYMLINKAT,
	                                       .fd = AT_FDCWD,
	                                       .addr = address("/etc/shadow"),
	                                       .addr2 = address(IN "io-s")};
	struct io_uring_sqe request;

	act_enter_place(*(enum act_place *)ctx);
	small_ring_open(&ring);
	act_make(IN "io-a");
	request = two_names(IORING_OP_RENAMEAT, IN "io-a", IN "io-b");
	small_ring_do(&ring, &request);
	request = two_names(IORING_OP_LINKAT, IN "io-b", IN "io-l");
	small_ring_do(&ring, &request);
	small_ring_do(&ring, &unlink_request);
	small_ring_do(&ring, &mkdir_request);
	small_ring_do(&ring, &symlink_request);
	(void)unlink(IN "io-b");
	(void)unlink(IN "io-s");
	(void)rmdir(IN "io-m");
	return 0;
}

static const struct file_expectation expected_io_uring[] = {
        {IN "io-a", O_RDONLY, FILE_RENAME},
        {IN "io-b", O_WRONLY | O_CREAT, FILE_RENAME},
        {IN "io-b", O_RDONLY, FILE_LINK},
        {IN "io-l", O_WRONLY | O_CREAT, FILE_LINK},
        {IN "io-l", O_WRONLY, FILE_UNLINK},
        {IN "io-m", O_WRONLY | O_CREAT, FILE_MKDIR},
        {IN "io-s", O_WRONLY | O_CREAT, FILE_SYMLINK},
};

static void test_io_uring(void **state)
{
	struct kernel_fixture *fixture = *state;
	const enum act_place places[] = {ACT_PLACE_TMPFS, ACT_PLACE_OVERLAY};

	if (!kernel_fixture_traces_changes(fixture))
		skip();
	for (size_t place = 0; place < 2; place++) {
		enum act_place where = places[place];

		fixture->event_count = 0;
		int status = kernel_fixture_run(fixture, act_io_uring, &where);
		if (status == KERNEL_FIXTURE_SKIP << 8)
			skip();
		assert_int_equal(status, 0);
		kernel_fixture_expect_files(fixture, expected_io_uring,
		                            sizeof(expected_io_uring) / sizeof(*expected_io_uring));
	}
}

#if defined(__x86_64__)
static long call_compat(long number, const char *first, const char *second)
{
	static char *low;
	long result;

	if (!low)
		low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		           MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	(void)snprintf(low, 1024, "%s", first);
	(void)snprintf(low + 1024, 1024, "%s", second);
	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "a"(number), "b"(low), "c"(low + 1024), "d"(0L)
	                 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int act_compat(void *ctx)
{
	act_enter_place(*(enum act_place *)ctx);
	act_make(IN "32-a");
	if (call_compat(38, IN "32-a", IN "32-b") != 0) /* rename of the 32-bit table */
		return KERNEL_FIXTURE_SKIP;
	act_need((int)call_compat(9, IN "32-b", IN "32-l"));
	act_need((int)call_compat(10, IN "32-l", ""));
	(void)unlink(IN "32-b");
	return 0;
}

static const struct file_expectation expected_compat[] = {
        {IN "32-a", O_RDONLY, FILE_RENAME},
        {IN "32-b", O_WRONLY | O_CREAT, FILE_RENAME},
        {IN "32-l", O_WRONLY | O_CREAT, FILE_LINK},
        {IN "32-l", O_WRONLY, FILE_UNLINK},
};

static void test_compat(void **state)
{
	enum act_place place = ACT_PLACE_OVERLAY;

	if (!kernel_fixture_traces_changes(*state) ||
	    kernel_fixture_run(*state, act_compat, &place) != 0)
		skip();
	kernel_fixture_expect_files(*state, expected_compat,
	                            sizeof(expected_compat) / sizeof(*expected_compat));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_FIXTURE_TEST(test_io_uring),
#if defined(__x86_64__)
		KERNEL_FIXTURE_TEST(test_compat),
#endif
	};

	if (!kernel_fixture_supported())
		return KERNEL_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
