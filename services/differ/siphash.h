// SPDX-License-Identifier: Apache-2.0
/*
 * SipHash-2-4 with 128 bits: a hash for keys that an attacker chooses. With a secret key nobody can
 * make two values meet, so that one would hide the other.
 */
#ifndef FANGS_DIFFER_SIPHASH_H
#define FANGS_DIFFER_SIPHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

struct hash128 {
	uint64_t low, high;
};

struct siphash_key {
	uint64_t k0, k1;
};

struct hash128 siphash128(const struct siphash_key *key, struct view v);

static inline bool hash128_equal(struct hash128 a, struct hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

#endif
