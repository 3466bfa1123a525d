// SPDX-License-Identifier: Apache-2.0
/* The partition of a key, as Kafka's Java client and librdkafka's "murmur2_random" choose it. */
#include "bus/bus.h"

static uint32_t little_endian(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t murmur2(const unsigned char *data, size_t size)
{
	const uint32_t seed = 0x9747b28c;
	const uint32_t m = 0x5bd1e995;
	uint32_t hash = seed ^ (uint32_t)size;
	for (; size >= 4; data += 4, size -= 4) {
		uint32_t k = little_endian(data) * m;
		k ^= k >> 24;
		hash = hash * m ^ k * m;
	}
	for (size_t i = size; i > 0; i--)
		hash ^= (uint32_t)data[i - 1] << (8 * (i - 1));
	if (size)
		hash *= m;
	hash ^= hash >> 13;
	hash *= m;
	return hash ^ hash >> 15;
}

int32_t bus_partition_of_key(struct view key, int32_t partitions)
{
	uint32_t hash = murmur2((const unsigned char *)key.data, key.size);
	return (int32_t)(hash & INT32_MAX) % partitions;
}
