// SPDX-License-Identifier: Apache-2.0
/*
 * A growing byte buffer with a stated maximum.
 *
 * Invariants: `data` is never NULL after buf_init() (an empty buffer points at ""), data[size] is
 * always NUL, and size never exceeds `max`. An append that would exceed `max` appends nothing and
 * marks the buffer `overflowed`; writers append freely and check once at the end.
 */
#ifndef FANGS_BASE_BUF_H
#define FANGS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/view.h"

struct buf {
	char *data;
	size_t size;
	size_t capacity; /* 0 while nothing is allocated */
	size_t max;
	bool overflowed;
};

/* Life: buf_init() allocates nothing; buf_release() frees and leaves an initialised buffer. */
void buf_init(struct buf *buf, size_t max_bytes);
void buf_release(struct buf *buf);
void buf_reset(struct buf *buf); /* keeps the allocation */

/* Room for `size` more bytes at data + size, which the caller fills and then adds to `size` by
 * buf_advance(). NULL (and overflowed) when it would exceed max. */
char *buf_grow(struct buf *buf, size_t size); /* the same, where there may be none yet */
static inline char *buf_reserve(struct buf *buf, size_t size)
{
	bool fits = size < buf->capacity - buf->size && size <= buf->max - buf->size;
	return fits ? buf->data + buf->size : buf_grow(buf, size);
}
static inline void buf_advance(struct buf *buf, size_t size)
{
	buf->size += size;
	if (buf->capacity)
		buf->data[buf->size] = '\0';
}

/* Use. */
static inline void buf_append(struct buf *buf, const void *data, size_t size)
{
	char *room = size ? buf_reserve(buf, size) : NULL;
	if (!room)
		return;
	memcpy(room, data, size);
	buf_advance(buf, size);
}
static inline void buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
}
void buf_append_view(struct buf *buf, struct view v);
void buf_append_string(struct buf *buf, const char *text);
void buf_append_uint(struct buf *buf, uint64_t number); /* in decimal */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

/* Removes the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);

/* Back to the first `size` bytes, at most the present size, not overflowed: takes back appends. */
void buf_truncate(struct buf *buf, size_t size);

/* Inspect. */
struct view buf_view(const struct buf *buf);

/* Hands the NUL-terminated storage to the caller, who frees it; the buffer is empty afterwards. */
char *buf_detach(struct buf *buf);

#endif
