// SPDX-License-Identifier: Apache-2.0
/*
 * Memory with the lifetime of one message or one request: allocate freely, reset once.
 *
 * Invariants: what an arena returned stays valid and in place until arena_reset() or
 * arena_release(); nothing is freed singly. One thread uses an arena at a time.
 */
#ifndef FANGS_BASE_ARENA_H
#define FANGS_BASE_ARENA_H

#include <stddef.h>

#include "base/view.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);
void arena_reset(struct arena *arena); /* keeps one block for the next round */

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
struct view arena_copy(struct arena *arena, struct view v); /* NUL-terminated behind its size */
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
