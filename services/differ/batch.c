// SPDX-License-Identifier: Apache-2.0
#include "batch.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "deviation.h"
#include "model/event_wire.h"

enum {
	EVENTS_PER_INSERT = 2048, /* the database writes them while the next ones are read */
	BYTES_PER_INSERT = 4 << 20,
	LINE_MAX_BYTES = 4 << 20, /* 64 arguments of 4 kB, each byte escaped to six */
	CHUNK_BYTES = 256 << 10,  /* reached: the chunk takes no more */
	SLOTS_MIN = 1024,
	CHAIN_MAX_BYTES = PROCESS_CHAIN_MAX * (PROCESS_NAME_MAX + 4),
};

static void chunks_init(struct event_chunks *chunks)
{
	db_array_init(&chunks->first_ids, DB_ARRAY_INT8);
	db_array_init(&chunks->runs, DB_ARRAY_INT4);
	db_array_init(&chunks->times, DB_ARRAY_INT8);
	db_array_init(&chunks->types, DB_ARRAY_TEXT);
	db_array_init(&chunks->data, DB_ARRAY_TEXT);
	chunks->events = 0;
	chunks->count = 0;
}

static void chunks_release(struct event_chunks *chunks)
{
	db_array_release(&chunks->first_ids);
	db_array_release(&chunks->runs);
	db_array_release(&chunks->times);
	db_array_release(&chunks->types);
	db_array_release(&chunks->data);
}

void batch_init(struct batch *batch)
{
	*batch = (struct batch){0};
	arena_init(&batch->arena);
	chunks_init(&batch->chunks);
	buf_init(&batch->chunks.lines, CHUNK_BYTES + LINE_MAX_BYTES);
}

void batch_release(struct batch *batch)
{
	arena_release(&batch->arena);
	chunks_release(&batch->chunks);
	buf_release(&batch->chunks.lines);
	free(batch->runs);
	free(batch->sightings);
	free(batch->slots);
	free(batch->raises);
}

void batch_clear_events(struct batch *batch)
{
	chunks_release(&batch->chunks);
	chunks_init(&batch->chunks);
}

void batch_reset(struct batch *batch)
{
	for (size_t i = 0; i < batch->run_count; i++) {
		if (batch->runs[i].run)
			batch->runs[i].run->batch_index = RUN_NOT_IN_BATCH;
	}
	batch->run_count = 0;
	batch->sighting_count = 0;
	batch->raise_count = 0;
	if (batch->slots)
		memset(batch->slots, 0, batch->slot_capacity * sizeof(*batch->slots));
	if (batch->chunks.events + batch->chunks.count)
		batch_clear_events(batch);
	arena_reset(&batch->arena);
}

struct batch_run *batch_run_of(struct batch *batch, struct run_state *run)
{
	if (run->batch_index != RUN_NOT_IN_BATCH)
		return &batch->runs[run->batch_index];
	if (batch->run_count == batch->run_capacity) {
		batch->run_capacity = batch->run_capacity ? 2 * batch->run_capacity : 16;
		batch->runs = xrealloc(batch->runs, batch->run_capacity, sizeof(*batch->runs));
	}
	run->batch_index = batch->run_count++;
	batch->runs[run->batch_index] = (struct batch_run){.run = run};
	return &batch->runs[run->batch_index];
}

bool batch_chunk_takes(const struct batch *batch, const struct batch_run *entry, int64_t ts_ns)
{
	const struct event_chunks *chunks = &batch->chunks;
	return chunks->count > 0 && chunks->count < CHUNK_EVENTS_MAX &&
	       chunks->run == entry->run->batch_index && chunks->ts_ns == ts_ns &&
	       chunks->lines.size < CHUNK_BYTES;
}

void batch_open_chunk(struct batch *batch, const struct batch_run *entry, int64_t first_id,
                      int64_t ts_ns)
{
	struct event_chunks *chunks = &batch->chunks;
	chunks->first_id = first_id;
	chunks->ts_ns = ts_ns;
	chunks->run = (uint32_t)entry->run->batch_index;
	buf_reset(&chunks->lines);
}

void batch_close_chunk(struct batch *batch)
{
	struct event_chunks *chunks = &batch->chunks;
	if (chunks->count == 0)
		return;
	db_array_add_int8(&chunks->first_ids, chunks->first_id);
	db_array_add_int4(&chunks->runs, (int32_t)chunks->run + 1);
	db_array_add_int8(&chunks->times, chunks->ts_ns);
	db_array_add(&chunks->types, view_of(chunks->kinds, chunks->count));
	db_array_add(&chunks->data, buf_view(&chunks->lines));
	chunks->events += chunks->count;
	chunks->count = 0;
}

int64_t batch_add_event(struct batch *batch, const struct event *event)
{
	struct event_chunks *chunks = &batch->chunks;
	if (chunks->count > 0)
		buf_append_char(&chunks->lines, '\n');
	size_t before = chunks->lines.size;
	event_write_row_json(&chunks->lines, event);
	/* Cannot be: decoding bounds every member. Then the event at least counts. */
	if (chunks->lines.overflowed) {
		buf_truncate(&chunks->lines, before);
		buf_append_string(&chunks->lines, "null");
	}
	bool known = event->wire_type < EVENT_TYPE_COUNT;
	chunks->kinds[chunks->count] = (char)('0' + (known ? event->wire_type : EVENT_UNKNOWN));
	return chunks->first_id + (int64_t)chunks->count++;
}

bool batch_events_full(const struct batch *batch)
{
	return batch->chunks.events >= EVENTS_PER_INSERT ||
	       batch->chunks.data.buf.size >= BYTES_PER_INSERT;
}

/* The slot of that sighting, or the free one where it belongs. */
static uint32_t *find_slot(const struct batch *batch, uint32_t run, struct hash128 hash)
{
	/* the same value in two runs must not fall into one chain of slots */
	size_t at = (size_t)(hash.low + run * UINT64_C(0x9e3779b97f4a7c15));
	for (;;) {
		at &= batch->slot_capacity - 1;
		uint32_t *slot = &batch->slots[at];
		if (*slot == 0)
			return slot;
		const struct sighting *other = &batch->sightings[*slot - 1];
		if (other->run == run && hash128_equal(other->hash, hash))
			return slot;
		at++;
	}
}

static void grow_slots(struct batch *batch)
{
	free(batch->slots);
	batch->slot_capacity = batch->slot_capacity ? 2 * batch->slot_capacity : SLOTS_MIN;
	batch->slots = xcalloc(batch->slot_capacity, sizeof(*batch->slots));
	for (size_t i = 0; i < batch->sighting_count; i++)
		*find_slot(batch, batch->sightings[i].run, batch->sightings[i].hash) =
		        (uint32_t)i + 1;
}

static struct sighting *add_sighting(struct batch *batch)
{
	if (batch->sighting_count == batch->sighting_capacity) {
		batch->sighting_capacity =
		        batch->sighting_capacity ? 2 * batch->sighting_capacity : SLOTS_MIN;
		batch->sightings = xrealloc(batch->sightings, batch->sighting_capacity,
		                            sizeof(*batch->sightings));
	}
	return &batch->sightings[batch->sighting_count++];
}

void batch_raise(struct batch *batch, const struct raise *raise)
{
	if (batch->raise_count == batch->raise_capacity) {
		batch->raise_capacity = batch->raise_capacity ? 2 * batch->raise_capacity : 16;
		batch->raises =
		        xrealloc(batch->raises, batch->raise_capacity, sizeof(*batch->raises));
	}
	batch->raises[batch->raise_count++] = *raise;
}

void batch_raise_seen(struct batch *batch, const struct batch_run *entry,
                      const struct fingerprint *fingerprint)
{
	if (mark_severity(fingerprint->mark) != SEVERITY_CRIT)
		return;
	batch_raise(batch,
	            &(struct raise){
	                    .run = (uint32_t)entry->run->batch_index,
	                    .id = deviation_id(&batch->arena, entry->run->id, fingerprint->category,
	                                       fingerprint->actor, fingerprint->value),
	                    .mark = fingerprint->mark,
	            });
}

struct sighting *batch_see(struct batch *batch, const struct batch_run *entry, struct hash128 hash,
                           const struct fingerprint *fingerprint, int64_t event_id, int64_t count)
{
	if (2 * (batch->sighting_count + 1) > batch->slot_capacity)
		grow_slots(batch);
	uint32_t run = (uint32_t)entry->run->batch_index;
	uint32_t *slot = find_slot(batch, run, hash);
	if (*slot) {
		struct sighting *known = &batch->sightings[*slot - 1];
		known->count += count;
		known->cred |= fingerprint->cred;
		if (known->mark == MARK_NONE && fingerprint->mark != MARK_NONE) {
			known->mark = fingerprint->mark;
			batch_raise_seen(batch, entry, fingerprint);
		}
		return NULL;
	}
	struct sighting *sighting = add_sighting(batch);
	*slot = (uint32_t)batch->sighting_count;
	*sighting = (struct sighting){
	        .hash = hash,
	        .run = run,
	        .category = fingerprint->category,
	        .actor = fingerprint->actor,
	        .value = arena_copy(&batch->arena, fingerprint->value),
	        .count = count,
	        .first_event_id = event_id,
	        .cred = fingerprint->cred,
	        .mark = fingerprint->mark,
	};
	bool folded = !view_equal(fingerprint->value, fingerprint->compatible);
	sighting->compatible =
	        folded ? arena_copy(&batch->arena, fingerprint->compatible) : sighting->value;
	return sighting;
}

const char *batch_chain(struct arena *arena, const struct run_state *run, uint32_t pid)
{
	AUTO(buf) struct buf chain;
	buf_init(&chain, CHAIN_MAX_BYTES);
	process_table_chain(&run->context.processes, pid, &chain);
	return arena_copy(arena, buf_view(&chain)).data;
}
