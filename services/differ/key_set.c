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

static bool is_free(struct hash128 slot)
{
	return slot.low == 0 && slot.high == 0;
}

/* The key's slot, or the free one where it belongs. */
static struct hash128 *find(const struct key_set *set, struct hash128 key)
{
	size_t at = (size_t)key.low & (set->capacity - 1);
	while (!is_free(set->slots[at]) && !hash128_equal(set->slots[at], key))
		at = (at + 1) & (set->capacity - 1);
	return &set->slots[at];
}

static void grow(struct key_set *set)
{
	struct key_set larger = {.capacity = set->capacity ? 2 * set->capacity : CAPACITY_MIN,
	                         .count = set->count};
	larger.slots = xcalloc(larger.capacity, sizeof(*larger.slots));
	for (size_t i = 0; i < set->capacity; i++) {
		if (!is_free(set->slots[i]))
			*find(&larger, set->slots[i]) = set->slots[i];
	}
	free(set->slots);
	*set = larger;
}

bool key_set_add(struct key_set *set, struct hash128 key)
{
	if (is_free(key))
		key.low = 1;
	if (4 * (set->count + 1) > 3 * set->capacity)
		grow(set);
	struct hash128 *slot = find(set, key);
	if (!is_free(*slot))
		return false;
	*slot = key;
	set->count++;
	return true;
}

bool key_set_has(const struct key_set *set, struct hash128 key)
{
	if (is_free(key))
		key.low = 1;
	return set->count > 0 && !is_free(*find(set, key));
}
