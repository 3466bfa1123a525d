// SPDX-License-Identifier: Apache-2.0
/*
 * What one transaction will write: collected in memory message by message, then written by
 * writer.h. Everything in it lives until batch_reset().
 */
#ifndef FANGS_DIFFER_BATCH_H
#define FANGS_DIFFER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "db/db.h"
#include "fingerprint.h"
#include "judgement.h"
#include "model/result.h"
#include "run_state.h"

/* The end of a run, as its result message said. */
struct run_end {
	uint32_t attempt;
	uint64_t last_seq;
	int64_t sent_at_ns;
	const char *runner_id;
	struct run_result result; /* text cleaned, in the arena */
};

/* A verdict, for the log once it is committed. */
struct run_verdict {
	struct judgement judgement;
	int64_t deviations; /* of the whole run */
};

struct batch_run {
	struct run_state *run;
	bool progressed;                   /* run_progress must be written */
	const struct run_end *end;         /* NULL: no result in this batch */
	size_t deviations;                 /* new ones in this batch */
	const struct run_verdict *verdict; /* NULL: not judged in this batch */
};

/* A fingerprint of a run as this batch saw it, however often. */
struct sighting {
	struct hash128 hash;
	uint32_t run; /* index */
	enum category category;
	enum actor actor;
	struct view value, compatible;
	int64_t count;
	int64_t first_event_id;
	bool cred;
	enum mark mark;
	bool fresh; /* the run did not have it before this batch */
	/* Of fresh ones that may deviate, else NULL and 0. */
	const char *process; /* chain */
	const char *command;
	uint32_t tree;
};

/* Something came to light that makes earlier deviations worse. */
struct raise {
	uint32_t run;   /* index */
	const char *id; /* of one deviation; NULL: all that `tree` has to do with the network */
	uint32_t tree;
	enum mark mark;
};

/* Rows of `event_chunks`. Events are added to the one that is open; the arrays have the others. */
enum { CHUNK_EVENTS_MAX = 64 }; /* as the schema has it */
struct event_chunks {
	struct db_array first_ids, runs, times, types, data;
	size_t events; /* in the arrays */

	/* The open one; without events it stands for none. */
	int64_t first_id, ts_ns;
	uint32_t run;
	size_t count;
	char kinds[CHUNK_EVENTS_MAX];
	struct buf lines; /* one of JSON for each event */
};

struct batch {
	struct arena arena;
	struct batch_run *runs;
	size_t run_count, run_capacity;
	struct event_chunks chunks;
	struct sighting *sightings;
	size_t sighting_count, sighting_capacity;
	struct raise *raises;
	size_t raise_count, raise_capacity;
	uint32_t *slots; /* hash table: index + 1 into sightings */
	size_t slot_capacity;
};

void batch_init(struct batch *batch);
void batch_release(struct batch *batch);
/* Empty again. Its runs, where an entry still has one, are told that they are in no batch. */
void batch_reset(struct batch *batch);

/* The run's entry, made if needed. The pointer is valid until the next call. */
struct batch_run *batch_run_of(struct batch *batch, struct run_state *run);

/* The open chunk is of that run and moment, and has room. */
bool batch_chunk_takes(const struct batch *batch, const struct batch_run *entry, int64_t ts_ns);
/* Opens one for the ids from `first_id` on. No chunk is open. */
void batch_open_chunk(struct batch *batch, const struct batch_run *entry, int64_t first_id,
                      int64_t ts_ns);
void batch_close_chunk(struct batch *batch); /* if there is one */
/* Adds an event to the open chunk. Returns its id. */
int64_t batch_add_event(struct batch *batch, const struct event *event);
bool batch_events_full(const struct batch *batch); /* time to write them */
void batch_clear_events(struct batch *batch);      /* they were written */

void batch_raise(struct batch *batch, const struct raise *raise);

/* What was reported of that fingerprint in an earlier batch, or in this one. */
void batch_raise_seen(struct batch *batch, const struct batch_run *entry,
                      const struct fingerprint *fingerprint);

/* Counts more events with that fingerprint. A mark that the sighting did not have raises what was
 * reported of it. Returns the sighting when it is new in this batch,
 * with `fresh` and `process` left to the caller, or NULL. The pointer is valid until the next call.
 */
struct sighting *batch_see(struct batch *batch, const struct batch_run *entry, struct hash128 hash,
                           const struct fingerprint *fingerprint, int64_t event_id, int64_t count);

/* The chain of processes that ends in `pid`, as the run's table has it now; "" when it is unknown.
 */
const char *batch_chain(struct arena *arena, const struct run_state *run, uint32_t pid);

#endif
