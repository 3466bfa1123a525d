// SPDX-License-Identifier: Apache-2.0
#include "run_state.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"

void run_table_release(struct run_table *table)
{
	for (size_t i = 0; i < RUN_TABLE_BUCKETS; i++) {
		while (table->buckets[i])
			run_table_remove(table, table->buckets[i]);
	}
}

static struct run_state **bucket_of(struct run_table *table, const struct run_id *run_id)
{
	uint64_t hash = view_hash(view_of(run_id->bytes, sizeof(run_id->bytes)));
	return &table->buckets[hash % RUN_TABLE_BUCKETS];
}

struct run_state *run_table_find(const struct run_table *table, const struct run_id *run_id)
{
	struct run_state *run = *bucket_of((struct run_table *)table, run_id);
	while (run && !run_id_equal(&run->run_id, run_id))
		run = run->next;
	return run;
}

struct run_state *run_state_create(const struct run_id *run_id)
{
	struct run_state *run = xcalloc(1, sizeof(*run));
	run->run_id = *run_id;
	run_id_format(run_id, run->id);
	run->batch_index = RUN_NOT_IN_BATCH;
	return run;
}

void run_state_destroy(struct run_state *run)
{
	free(run->package);
	free(run->version);
	seq_set_release(&run->seqs);
	key_set_release(&run->seen);
	run_context_release(&run->context);
	free(run);
}

struct run_state *run_table_add(struct run_table *table, const struct run_id *run_id)
{
	struct run_state **bucket = bucket_of(table, run_id);
	struct run_state *run = run_state_create(run_id);
	run->next = *bucket;
	*bucket = run;
	table->count++;
	return run;
}

void run_table_remove(struct run_table *table, struct run_state *run)
{
	struct run_state **link = bucket_of(table, &run->run_id);
	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	table->count--;
	run_state_destroy(run);
}

void run_table_drop_partition(struct run_table *table, int32_t partition)
{
	for (size_t i = 0; i < RUN_TABLE_BUCKETS; i++) {
		struct run_state *run = table->buckets[i];
		while (run) {
			struct run_state *next = run->next;
			if (run->partition == partition)
				run_table_remove(table, run);
			run = next;
		}
	}
}

static int compare_used(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* The use up to which runs have to go, so that `max` of them stay. */
static uint64_t oldest_use(const struct run_table *table, size_t max)
{
	size_t count = 0;
	AUTO(free) uint64_t *uses = xmalloc(table->count * sizeof(*uses));
	for (size_t i = 0; i < RUN_TABLE_BUCKETS; i++) {
		for (const struct run_state *run = table->buckets[i]; run; run = run->next)
			uses[count++] = run->used;
	}
	qsort(uses, count, sizeof(*uses), compare_used);
	return uses[count - max - 1];
}

void run_table_evict(struct run_table *table, size_t max)
{
	if (table->count <= max)
		return;
	uint64_t limit = oldest_use(table, max);
	for (size_t i = 0; i < RUN_TABLE_BUCKETS; i++) {
		struct run_state *run = table->buckets[i];
		while (run) {
			struct run_state *next = run->next;
			if (run->used <= limit)
				run_table_remove(table, run);
			run = next;
		}
	}
}

struct hash128 run_fingerprint_hash(const struct siphash_key *key, enum category category,
                                    enum actor actor, struct view value)
{
	/* Another key for each pair, so that equal values do not meet. */
	struct siphash_key own = {key->k0 ^ ((uint64_t)category << 8 | (uint64_t)actor), key->k1};
	return siphash128(&own, value);
}
