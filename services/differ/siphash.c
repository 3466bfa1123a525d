// SPDX-License-Identifier: Apache-2.0
#include "siphash.h"

#include <endian.h>

enum { WORD_BYTES = 8, BLOCK_ROUNDS = 2, FINAL_ROUNDS = 4, WIDE_MARK = 0xee, SECOND_MARK = 0xdd };

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void rounds(struct state *s, int count)
{
	for (int i = 0; i < count; i++) {
		s->v0 += s->v1;
		s->v1 = rotate_left(s->v1, 13) ^ s->v0;
		s->v0 = rotate_left(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate_left(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate_left(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate_left(s->v1, 17) ^ s->v2;
		s->v2 = rotate_left(s->v2, 32);
	}
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, BLOCK_ROUNDS);
	s->v0 ^= word;
}

static uint64_t word_at(const char *data)
{
	uint64_t word;
	memcpy(&word, data, sizeof(word));
	return le64toh(word);
}

/* The bytes behind the last whole word, and the size in the top byte. */
static uint64_t last_word(struct view v)
{
	uint64_t word = (uint64_t)(v.size & 0xff) << 56;
	for (size_t i = v.size - v.size % WORD_BYTES, shift = 0; i < v.size; i++, shift += 8)
		word |= (uint64_t)(uint8_t)v.data[i] << shift;
	return word;
}

struct hash128 siphash128(const struct siphash_key *key, struct view v)
{
	struct state s = {
	        key->k0 ^ UINT64_C(0x736f6d6570736575),
	        key->k1 ^ UINT64_C(0x646f72616e646f6d) ^ WIDE_MARK,
	        key->k0 ^ UINT64_C(0x6c7967656e657261),
	        key->k1 ^ UINT64_C(0x7465646279746573),
	};
	for (size_t i = 0; i + WORD_BYTES <= v.size; i += WORD_BYTES)
		absorb(&s, word_at(v.data + i));
	absorb(&s, last_word(v));

	struct hash128 hash;
	s.v2 ^= WIDE_MARK;
	rounds(&s, FINAL_ROUNDS);
	hash.low = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= SECOND_MARK;
	rounds(&s, FINAL_ROUNDS);
	hash.high = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return hash;
}
