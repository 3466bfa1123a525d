// SPDX-License-Identifier: Apache-2.0
#include "key_set.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { CAPACITY_MIN = 256 };

void key_set_release(struct key_set *set)
{
	free(set->slots);
	*set = (struct key_set){0};
}

static uint64_t word_of(struct hash128 key)
{
	return key.low ? key.low : 1;
}

/* The word's slot, or the free one where it belongs. */
static uint64_t *find(const struct key_set *set, uint64_t word)
{
	size_t at = (size_t)word & (set->capacity - 1);
	while (set->slots[at] && set->slots[at] != word)
		at = (at + 1) & (set->capacity - 1);
	return &set->slots[at];
}

static void grow(struct key_set *set)
{
	struct key_set larger = {.capacity = set->capacity ? 2 * set->capacity : CAPACITY_MIN,
	                         .count = set->count};
	larger.slots = xcalloc(larger.capacity, sizeof(*larger.slots));
	for (size_t i = 0; i < set->capacity; i++) {
		if (set->slots[i])
			*find(&larger, set->slots[i]) = set->slots[i];
	}
	free(set->slots);
	*set = larger;
}

bool key_set_add(struct key_set *set, struct hash128 key)
{
	if (4 * (set->count + 1) > 3 * set->capacity)
		grow(set);
	uint64_t word = word_of(key), *slot = find(set, word);
	if (*slot)
		return false;
	*slot = word;
	set->count++;
	return true;
}

bool key_set_has(const struct key_set *set, struct hash128 key)
{
	return set->count > 0 && *find(set, word_of(key));
}
