// SPDX-License-Identifier: Apache-2.0
/*
 * Reader of one BPF ring buffer. libbpf's own reader only calls back for whatever it finds; ours
 * shows the oldest record and its position, because two rings are read in the order of their time
 * stamps and a drain must know how far it came.
 *
 * Invariants: a record that was peeked stays in place until ring_pop(). One thread peeks and pops;
 * ring_produced() may be called by any.
 */
#ifndef FANGS_SENSOR_RING_H
#define FANGS_SENSOR_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"

struct ring {
	_Atomic uint64_t *consumer;       /* shared with the kernel: how far we read */
	const _Atomic uint64_t *producer; /* shared with the kernel: how far is reserved */
	const uint8_t *data;              /* the ring, mapped twice in a row */
	uint64_t position; /* of the oldest record; what *consumer says or will say */
	size_t size;       /* power of two */
	size_t mapped;     /* bytes of the producer's mapping; 0: not ours to unmap */
};

int ring_open(struct ring *ring, int map_fd, size_t size, struct error *err);
void ring_close(struct ring *ring); /* accepts a zeroed one */

enum ring_state { RING_EMPTY, RING_READY, RING_BUSY };

/* READY: `*ret` is the oldest record. BUSY: it is being written at this moment. */
enum ring_state ring_peek(struct ring *ring, struct view *ret);

/* Gives the place of the record that was peeked back to the kernel. */
void ring_pop(struct ring *ring);

/* Positions grow for ever: all that was recorded before a call of ring_produced() has been popped
 * once ring_consumed() reaches what it returned. */
uint64_t ring_produced(const struct ring *ring);
uint64_t ring_consumed(const struct ring *ring);

#endif
