// SPDX-License-Identifier: Apache-2.0
/*
 * A set of 128-bit hashes by open addressing: which fingerprints a run has shown already, at 16 to
 * 32 bytes each, whatever their length.
 */
#ifndef FANGS_DIFFER_KEY_SET_H
#define FANGS_DIFFER_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "siphash.h"

struct key_set {
	struct hash128 *slots; /* all bits zero: free */
	size_t capacity;       /* a power of two, or 0 */
	size_t count;
};

void key_set_release(struct key_set *set); /* `= {0}` is an empty set */

/* True when the key was not there yet. */
bool key_set_add(struct key_set *set, struct hash128 key);

bool key_set_has(const struct key_set *set, struct hash128 key);

#endif
