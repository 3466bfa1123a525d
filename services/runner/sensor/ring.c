// SPDX-License-Identifier: Apache-2.0
#include "ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RING_ALIGN = 8 };

int ring_open(struct ring *ring, int map_fd, size_t size, struct error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	*ring = (struct ring){.size = size};
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return error_set_errno(err, errno, "cannot map the sensor's ring buffer");
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int code = errno;

		(void)munmap(consumer, page);
		return error_set_errno(err, code,
		                       "cannot map %zu bytes of the sensor's ring buffer", size);
	}
	ring->consumer = consumer;
	ring->producer = producer;
	ring->data = (const uint8_t *)producer + page;
	ring->mapped = page + 2 * size;
	ring->position = atomic_load_explicit(ring->consumer, memory_order_acquire);
	return 0;
}

void ring_close(struct ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->mapped) {
		(void)munmap((void *)ring->consumer, page);
		(void)munmap((void *)(uintptr_t)ring->producer, ring->mapped);
	}
	*ring = (struct ring){0};
}

/* The length word in front of each record, with the kernel's two flags. */
static uint32_t ring_length_word(const struct ring *ring)
{
	const uint8_t *at = ring->data + (ring->position & (ring->size - 1));

	return atomic_load_explicit((const _Atomic uint32_t *)(const void *)at,
	                            memory_order_acquire);
}

static void ring_skip(struct ring *ring, uint32_t length)
{
	uint64_t whole = (uint64_t)length + BPF_RINGBUF_HDR_SZ;

	ring->position += (whole + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	atomic_store_explicit(ring->consumer, ring->position, memory_order_release);
}

enum ring_state ring_peek(struct ring *ring, struct view *ret)
{
	while (ring->position < ring_produced(ring)) {
		uint32_t word = ring_length_word(ring);
		uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return RING_BUSY;
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			*ret = view_of(ring->data + (ring->position & (ring->size - 1)) +
			                       BPF_RINGBUF_HDR_SZ,
			               length);
			return RING_READY;
		}
		ring_skip(ring, length);
	}
	return RING_EMPTY;
}

void ring_pop(struct ring *ring)
{
	ring_skip(ring, ring_length_word(ring) & ~BPF_RINGBUF_BUSY_BIT);
}

uint64_t ring_produced(const struct ring *ring)
{
	return atomic_load_explicit(ring->producer, memory_order_acquire);
}

uint64_t ring_consumed(const struct ring *ring)
{
	return atomic_load_explicit(ring->consumer, memory_order_acquire);
}
