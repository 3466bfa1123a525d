// SPDX-License-Identifier: Apache-2.0
#include "stream.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { STREAM_CAPACITY_MIN = 2048 };

void stream_table_init(struct stream_table *table)
{
	*table = (struct stream_table){0};
}

void stream_table_release(struct stream_table *table)
{
	for (size_t i = 0; table->streams && i < STREAMS_MAX; i++)
		stream_reset(&table->streams[i]);
	free(table->streams);
	*table = (struct stream_table){0};
}

struct stream *stream_get(struct stream_table *table, uint64_t cookie, struct stream **ret_evicted)
{
	struct stream *oldest = NULL;

	*ret_evicted = NULL;
	if (!table->streams)
		table->streams = xcalloc(STREAMS_MAX, sizeof(*table->streams));
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &table->streams[i];

		if (stream->cookie == cookie) {
			stream->used = ++table->clock;
			return stream;
		}
		if (!oldest || stream->used < oldest->used)
			oldest = stream;
	}
	if (oldest->cookie && !oldest->finished) {
		*ret_evicted = oldest;
		return NULL;
	}
	stream_reset(oldest);
	oldest->cookie = cookie;
	oldest->used = ++table->clock;
	return oldest;
}

static void stream_reserve(struct stream *stream, uint32_t end)
{
	uint32_t capacity = stream->capacity ? stream->capacity : STREAM_CAPACITY_MIN;

	if (end <= stream->capacity)
		return;
	while (capacity < end)
		capacity *= 2;
	stream->data = xrealloc(stream->data, capacity, 1);
	stream->capacity = capacity;
}

static void ranges_reserve(struct stream *stream)
{
	if (stream->range_count < stream->range_capacity)
		return;
	stream->range_capacity = stream->range_capacity ? 2 * stream->range_capacity : 1;
	stream->ranges = xrealloc(stream->ranges, stream->range_capacity, sizeof(*stream->ranges));
}

/* Adds [start, end) to the filled ranges, melting what it touches. */
static bool stream_mark(struct stream *stream, struct stream_range added)
{
	size_t first = 0, last;

	while (first < stream->range_count && stream->ranges[first].end < added.start)
		first++;
	last = first;
	for (; last < stream->range_count && stream->ranges[last].start <= added.end; last++) {
		struct stream_range range = stream->ranges[last];

		added.start = range.start < added.start ? range.start : added.start;
		added.end = range.end > added.end ? range.end : added.end;
	}
	if (first == last && stream->range_count == STREAM_RANGES_MAX)
		return false;
	ranges_reserve(stream);
	memmove(stream->ranges + first + 1, stream->ranges + last,
	        (stream->range_count - last) * sizeof(*stream->ranges));
	stream->ranges[first] = added;
	stream->range_count += 1 + first - last;
	return true;
}

bool stream_add(struct stream *stream, uint32_t offset, struct view bytes, uint32_t limit)
{
	uint32_t size;

	if (stream->finished || offset >= limit || bytes.size == 0)
		return true;
	size = bytes.size < limit - offset ? (uint32_t)bytes.size : limit - offset;
	if (!stream_mark(stream, (struct stream_range){offset, offset + size}))
		return false;
	stream_reserve(stream, offset + size);
	memcpy(stream->data + offset, bytes.data, size);
	return true;
}

struct view stream_prefix(const struct stream *stream)
{
	if (stream->range_count == 0 || stream->ranges[0].start != 0)
		return (struct view){0};
	return view_of(stream->data, stream->ranges[0].end);
}

void stream_finish(struct stream *stream)
{
	free(stream->data);
	free(stream->ranges);
	stream->data = NULL;
	stream->ranges = NULL;
	stream->capacity = 0;
	stream->range_count = stream->range_capacity = 0;
	stream->finished = true;
}

void stream_reset(struct stream *stream)
{
	free(stream->data);
	free(stream->ranges);
	*stream = (struct stream){0};
}

void stream_table_each(struct stream_table *table, void (*visit)(void *ctx, struct stream *stream),
                       void *ctx)
{
	for (size_t i = 0; table->streams && i < STREAMS_MAX; i++)
		if (table->streams[i].cookie && !table->streams[i].finished)
			visit(ctx, &table->streams[i]);
}
