// SPDX-License-Identifier: Apache-2.0
/*
 * A set of keyed hashes by open addressing: which fingerprints a run has shown already, at 11 to 22
 * bytes each, whatever their length.
 *
 * It keeps 64 bits of a hash. That two of a million values meet happens to one run in thirty
 * million, nobody can bring it about without the key, and the judgement, which asks the database,
 * still finds what streaming took for known.
 */
#ifndef FANGS_DIFFER_KEY_SET_H
#define FANGS_DIFFER_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "siphash.h"

struct key_set {
	uint64_t *slots; /* 0: free */
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void key_set_release(struct key_set *set); /* `= {0}` is an empty set */

/* True when the key was not there yet. */
bool key_set_add(struct key_set *set, struct hash128 key);

bool key_set_has(const struct key_set *set, struct hash128 key);

#endif
