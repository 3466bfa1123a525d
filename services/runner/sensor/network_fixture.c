// SPDX-License-Identifier: Apache-2.0
#include "network_fixture.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel_fixture.h"

static void must(bool ok)
{
	if (!ok)
		_exit(KERNEL_FIXTURE_SKIP);
}

/* NOLINTBEGIN(cert-env33-c): own commands */
void network_fixture_enter(void)
{
	must(unshare(CLONE_NEWNET) == 0);
	must(system("ip link set lo up && ip address add 192.0.2.1/32 dev lo && "
	            "ip -6 address add 2001:db8::1/128 dev lo nodad") == 0);
	/* The kernel adds the route to an IPv6 address a moment later. */
	must(system("for i in $(seq 1000); do ip -6 route get 2001:db8::1 >/dev/null 2>&1 && "
	            "exit 0; sleep 0.01; done; exit 1") == 0);
}
/* NOLINTEND(cert-env33-c) */

union network_address network_fixture_address(const char *ip, uint16_t port)
{
	union network_address address = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

	if (inet_pton(AF_INET, ip, &address.v4.sin_addr) == 1)
		return address;
	address =
	        (union network_address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
	must(inet_pton(AF_INET6, ip, &address.v6.sin6_addr) == 1);
	return address;
}

socklen_t network_fixture_size(const union network_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

int network_fixture_listen(const char *ip, uint16_t port)
{
	union network_address address = network_fixture_address(ip, port);
	int one = 1, fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(fd, &address.any, network_fixture_size(&address)) == 0);
	must(listen(fd, 16) == 0);
	return fd;
}

int32_t network_fixture_io_uring(void (*fill)(struct io_uring_sqe *sqe, void *ctx), void *ctx)
{
	struct io_uring_params params = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	unsigned char *sq, *cq;
	struct io_uring_sqe *sqe;
	int32_t result;

	must(ring >= 0);
	sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, params.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
	           IORING_OFF_SQES);
	must(sq != MAP_FAILED && cq != MAP_FAILED && sqe != MAP_FAILED);
	memset(sqe, 0, sizeof(*sqe));
	fill(sqe, ctx);
	((unsigned *)(void *)(sq + params.sq_off.array))[0] = 0;
	atomic_store((_Atomic unsigned *)(void *)(sq + params.sq_off.tail), 1);
	must(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	result = ((struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes))->res;
	(void)close(ring);
	return result;
}
