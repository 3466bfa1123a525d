// SPDX-License-Identifier: Apache-2.0
#include "bus/assignment.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { ASK_AGAIN_MS = 1000 };

void assignment_release(struct assignment *assignment)
{
	free(assignment->items);
	*assignment = (struct assignment){0};
}

struct assigned_partition *assignment_find(struct assignment *assignment, int32_t partition)
{
	for (size_t i = 0; i < assignment->count; i++)
		if (assignment->items[i].partition == partition)
			return &assignment->items[i];
	return NULL;
}

struct assigned_partition *assignment_add(struct assignment *assignment, int32_t partition)
{
	if (assignment->count == assignment->space) {
		assignment->space = assignment->space ? assignment->space * 2 : 16;
		assignment->items =
		        xrealloc(assignment->items, assignment->space, sizeof(*assignment->items));
	}
	struct assigned_partition *item = &assignment->items[assignment->count++];
	*item = (struct assigned_partition){.partition = partition};
	return item;
}

void assignment_remove(struct assignment *assignment, int32_t partition)
{
	struct assigned_partition *item = assignment_find(assignment, partition);
	if (!item)
		return;
	struct assigned_partition *last = &assignment->items[assignment->count - 1];
	for (; item < last; item++)
		item[0] = item[1];
	assignment->count--;
}

bool assignment_locate(struct assignment *assignment, const struct bus_consumer_options *options)
{
	bool located = false;
	for (size_t i = 0; i < assignment->count; i++) {
		struct assigned_partition *item = &assignment->items[i];
		int64_t now = clock_monotonic_ms();
		if (item->known || now < item->ask_at_ms)
			continue;
		item->next = options->assigned ? options->assigned(options->ctx, item->partition)
		                               : BUS_OFFSET_BEGINNING;
		item->known = item->next != BUS_OFFSET_FAILED;
		item->ask_at_ms = now + ASK_AGAIN_MS;
		located |= item->known;
	}
	return located;
}

void assignment_revoke(struct assignment *assignment, const struct bus_consumer_options *options,
                       int32_t partition)
{
	assignment_remove(assignment, partition);
	if (options->revoked)
		options->revoked(options->ctx, partition);
}

void assignment_revoke_all(struct assignment *assignment,
                           const struct bus_consumer_options *options)
{
	while (assignment->count)
		assignment_revoke(assignment, options,
		                  assignment->items[assignment->count - 1].partition);
}
