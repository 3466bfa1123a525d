// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* What an unallocated buffer points at: never written, because capacity is 0. */
static char empty[1];

void buf_init(struct buf *buf, size_t max_bytes)
{
	*buf = (struct buf){.data = empty, .max = max_bytes};
}

void buf_release(struct buf *buf)
{
	if (buf->capacity)
		free(buf->data);
	buf_init(buf, buf->max);
}

void buf_truncate(struct buf *buf, size_t size)
{
	buf->size = size;
	buf->overflowed = false;
	if (buf->capacity)
		buf->data[size] = '\0';
}

void buf_reset(struct buf *buf)
{
	buf_truncate(buf, 0);
}

char *buf_grow(struct buf *buf, size_t size)
{
	if (size > buf->max || buf->size > buf->max - size) {
		buf->overflowed = true;
		return NULL;
	}
	size_t needed = buf->size + size + 1;
	if (needed > buf->capacity) {
		size_t capacity = buf->capacity ? buf->capacity : 64;
		while (capacity < needed)
			capacity *= 2;
		char *data = xrealloc(buf->capacity ? buf->data : NULL, capacity, 1);
		if (!buf->capacity)
			data[0] = '\0';
		buf->data = data;
		buf->capacity = capacity;
	}
	return buf->data + buf->size;
}

void buf_append_view(struct buf *buf, struct view v)
{
	buf_append(buf, v.data, v.size);
}

void buf_append_string(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_append_uint(struct buf *buf, uint64_t number)
{
	enum { DIGITS_MAX = 20, TEN = 10 };
	char digits[DIGITS_MAX];
	size_t at = DIGITS_MAX;
	do {
		digits[--at] = (char)('0' + number % TEN);
		number /= TEN;
	} while (number);
	buf_append(buf, digits + at, DIGITS_MAX - at);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int size = vsnprintf(NULL, 0, format, args);
	if (size >= 0) {
		char *room = buf_reserve(buf, (size_t)size);
		if (room) {
			(void)vsnprintf(room, (size_t)size + 1, format, again);
			buf_advance(buf, (size_t)size);
		}
	}
	va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_consume(struct buf *buf, size_t size)
{
	if (size == 0)
		return;
	memmove(buf->data, buf->data + size, buf->size - size);
	buf->size -= size;
	buf->data[buf->size] = '\0';
}

struct view buf_view(const struct buf *buf)
{
	return view_of(buf->data, buf->size);
}

char *buf_detach(struct buf *buf)
{
	char *data = buf->capacity ? buf->data : xstrdup("");
	buf_init(buf, buf->max);
	return data;
}
