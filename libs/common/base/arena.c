// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Many arenas live for a long poll's time and hold next to nothing; those that grow do so in few
 * steps. */
enum { FIRST_BLOCK_SIZE = 600, BLOCK_GROWTH = 2, BLOCK_SIZE = 16 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
	arena->blocks = NULL;
}

static void free_blocks(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_release(struct arena *arena)
{
	free_blocks(arena->blocks);
	arena->blocks = NULL;
}

void arena_reset(struct arena *arena)
{
	if (!arena->blocks)
		return;
	struct arena_block *kept = arena->blocks;
	free_blocks(kept->next);
	if (kept->size > BLOCK_SIZE) { /* one huge message must not pin its memory */
		free(kept);
		arena->blocks = NULL;
		return;
	}
	kept->next = NULL;
	kept->used = 0;
}

static struct arena_block *block_create(size_t size)
{
	struct arena_block *block = xmalloc(sizeof(*block) + size);
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

static size_t next_block_size(const struct arena *arena, size_t wanted)
{
	size_t size = arena->blocks ? arena->blocks->size * BLOCK_GROWTH : FIRST_BLOCK_SIZE;

	if (size > BLOCK_SIZE)
		size = BLOCK_SIZE;
	return wanted > size ? wanted : size;
}

static void *alloc_bytes(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	size = (size + align - 1) & ~(align - 1);
	struct arena_block *block = arena->blocks;
	if (!block || block->size - block->used < size) {
		block = block_create(next_block_size(arena, size));
		block->next = arena->blocks;
		arena->blocks = block;
	}
	void *p = block->data + block->used;
	block->used += size;
	return p;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	size_t total = 0;
	if (__builtin_mul_overflow(count, size, &total) || total > SIZE_MAX / 2)
		abort(); /* callers bound sizes from outside */
	void *p = alloc_bytes(arena, total);
	memset(p, 0, total);
	return p;
}

struct view arena_copy(struct arena *arena, struct view v)
{
	char *copy = alloc_bytes(arena, v.size + 1);
	if (v.size)
		memcpy(copy, v.data, v.size);
	copy[v.size] = '\0';
	return view_of(copy, v.size);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	return memcpy(alloc_bytes(arena, size), text, size);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0)
		abort();
	char *text = alloc_bytes(arena, (size_t)size + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)size + 1, format, args);
	va_end(args);
	return text;
}
