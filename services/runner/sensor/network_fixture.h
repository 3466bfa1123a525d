// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with the real kernel: a network namespace of the test's own, and io_uring by hand. To
 * be called in the process that acts; what fails ends it with KERNEL_FIXTURE_SKIP.
 */
#ifndef FANGS_SENSOR_NETWORK_FIXTURE_H
#define FANGS_SENSOR_NETWORK_FIXTURE_H

#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* In the new namespace the loopback device also has 192.0.2.1 and 2001:db8::1. */
void network_fixture_enter(void);

union network_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* `ip` as text, of either family. */
union network_address network_fixture_address(const char *ip, uint16_t port);
socklen_t network_fixture_size(const union network_address *address);

/* A TCP listener. */
int network_fixture_listen(const char *ip, uint16_t port);

/* Fills in a request, submits it, waits; its result. `fill` gets `ctx`. */
int32_t network_fixture_io_uring(void (*fill)(struct io_uring_sqe *sqe, void *ctx), void *ctx);

#endif
