// SPDX-License-Identifier: Apache-2.0
/*
 * What the owner of a partition keeps in memory of its runs, so that it need not ask the database
 * for each event: a cache, and nothing more. It can be dropped at any time between transactions and
 * is rebuilt from the tables when the run's next message comes; it must be dropped when a
 * transaction failed or the partition was lost.
 *
 * One thread. Pointers to a run stay valid until it is removed.
 */
#ifndef FANGS_DIFFER_RUN_STATE_H
#define FANGS_DIFFER_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "filter.h"
#include "judgement.h"
#include "key_set.h"
#include "model/run_id.h"
#include "model/severity.h"
#include "run_context.h"
#include "seq_set.h"

struct run_state {
	struct run_id run_id;
	char id[RUN_ID_TEXT_SIZE];
	char *package, *version;
	enum run_purpose purpose;
	int32_t partition;

	/* As the database has it: read again in each transaction. */
	uint32_t attempt;
	bool judged;
	bool final;        /* judged with the runner's result */
	bool has_baseline; /* that it is compared with */
	int64_t line;      /* of the version; or the baseline's lowest one, when it is below that */

	/* How far it was applied. */
	uint32_t progress_attempt; /* the attempt which `seqs` are of; 0: nothing came yet */
	struct seq_set seqs;
	int64_t events_stored;
	struct key_set seen; /* fingerprints that run_fingerprints has */
	struct run_context context;

	const struct filter_rules *rules; /* of the package; valid within a transaction */
	size_t batch_index;               /* this run's entry in the batch; RUN_NOT_IN_BATCH */
	uint64_t used;                    /* counter of transactions, for eviction */
	struct run_state *next;           /* in its bucket */
};
#define RUN_NOT_IN_BATCH SIZE_MAX

enum { RUN_TABLE_BUCKETS = 1024 };

struct run_table {
	struct run_state *buckets[RUN_TABLE_BUCKETS];
	size_t count;
};

void run_table_release(struct run_table *table); /* `= {0}` is an empty table */

struct run_state *run_table_find(const struct run_table *table, const struct run_id *run_id);
/* A new run, owned by the table; `run_id` must not be in it. */
struct run_state *run_table_add(struct run_table *table, const struct run_id *run_id);
void run_table_remove(struct run_table *table, struct run_state *run);
void run_table_drop_partition(struct run_table *table, int32_t partition);

/* Removes the runs that were not used for longest, so that at most `max` are left. */
void run_table_evict(struct run_table *table, size_t max);

/* One that is in no table. */
struct run_state *run_state_create(const struct run_id *run_id);
void run_state_destroy(struct run_state *run);

/* The hash by which `seen` knows a fingerprint. */
struct hash128 run_fingerprint_hash(const struct siphash_key *key, enum category category,
                                    enum actor actor, struct view value);

/* Fills a new run from its row of sql_runs, and what was applied of it from the tables. */
int run_state_load(struct run_state *run, struct db_conn *conn, const PGresult *rows, int row,
                   const struct siphash_key *key, struct error *err);
/* Parts of that: what its row says; the processes of what was applied. */
void run_state_load_names(struct run_state *run, const PGresult *rows, int row);
int run_state_load_processes(struct run_state *run, struct db_conn *conn, struct error *err);
/* Reads again what others may change. */
void run_state_refresh(struct run_state *run, const PGresult *rows, int row);

#endif
