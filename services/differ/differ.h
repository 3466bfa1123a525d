// SPDX-License-Identifier: Apache-2.0
/*
 * The differ: reads the topic `events`, and is the only writer of what follows from it (events,
 * fingerprints, deviations, baselines, verdicts).
 *
 *   worker.c     consumes: partitions, batches of messages, what to do when one fails
 *   transact.c   one transaction: messages, rows, offsets
 *   apply.c      one message into the batch: attempts, batch numbers, events, fingerprints
 *   load.c       the state of the runs that a batch is about
 *   writer.c     the batch into tables; finds what no baseline knows
 *   finish.c     judges runs whose result came
 *   quiet.c      judges runs whose runner posts no result
 *   reanalyse.c  judges runs again after a rule changed (rules_apply.c)
 *   control.c    holds verdicts until a version of the baseline was run again
 *   learn.c      what varies from run to run of one version
 *   prune.c      removes old events
 *   age.c        removes old values from baselines
 *
 * One thread owns all of it. Any number of processes may run: a partition of the topic has one
 * owner at a time, and a transaction of one that lost its partition fails on the offset.
 */
#ifndef FANGS_DIFFER_DIFFER_H
#define FANGS_DIFFER_DIFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "allow_list.h"
#include "batch.h"
#include "bus/bus.h"
#include "config/config.h"
#include "db/db.h"
#include "differ_metrics.h"
#include "fingerprint.h"
#include "id_pool.h"
#include "model/event_codec.h"
#include "model/messages.h"
#include "run_state.h"
#include "service/service.h"

#define DIFFER_NAME "fangs-differ" /* of the service and of its consumer group */

struct differ_config {
	int64_t batch_messages;
	int64_t batch_bytes;
	int64_t cached_runs;
	int64_t quiet_ms;
	int64_t retention_ms; /* of events; 0: forever */
	int64_t seed_runs;
	bool control;
	int64_t control_limit_ms;
	int64_t baseline_max_runs, baseline_max_age_ms; /* 0: forever */
};
extern const struct config_option differ_options[]; /* fills struct differ_config */
extern const size_t differ_option_count;

enum { DIFFER_PARTITIONS_MAX = 4096 };

struct partition {
	bool owned;
	bool lost_track;         /* the next offset must be read from the database again */
	int64_t next_offset;     /* as stored */
	int64_t reached;         /* what the transaction at hand will store; 0: untouched */
	int64_t last_message_ms; /* monotonic */
};

struct differ {
	const struct differ_config *config;
	struct service *service;
	struct db *db;
	struct bus *bus;
	struct bus_consumer *consumer;
	struct bus_message *messages; /* of the poll at hand */

	struct fingerprinter fingerprinter;
	struct siphash_key key; /* secret of this process */
	struct allow_list allow;
	struct id_pool ids;
	struct run_table runs;
	struct batch batch;
	struct partition partitions[DIFFER_PARTITIONS_MAX];
	int32_t partition_end; /* above the highest one that was ever ours */
	uint64_t transactions; /* counter; marks the runs that one has touched */
	int64_t started_ns;    /* of the transaction, monotonic */
	unsigned failures;     /* in a row */
	size_t one_by_one;     /* messages that are handled alone, to find the bad one among them */
	int64_t swept_ms, measured_ms;
	int64_t reanalyse_from_ms; /* not before */
	struct prune_pass {
		int64_t begins_ms;  /* monotonic */
		int64_t chunk, row; /* ids up to which everything was looked at */
	} prune;
	struct age_pass {
		char *package;          /* at hand; NULL: none */
		char *category, *value; /* the last that was looked at */
	} age;
	struct differ_metrics metrics;
};

/* All pointers are borrowed. */
struct differ *differ_create(const struct differ_config *config, struct service *service,
                             struct db *db, struct bus *bus, struct error *err);
void differ_destroy(struct differ *differ);

/* Consumes until the service stops. Returns 0, or a negative errno with a FATAL error. */
int differ_run(struct differ *differ, struct error *err);

/* One turn of that loop: waits up to `timeout_ms` for messages and handles them. Returns how many
 * were committed, or a negative errno with a FATAL error; anything else is logged and tried again
 * in the next turn. */
int differ_turn(struct differ *differ, int64_t timeout_ms, struct error *err);

/* For the parts, within a transaction. */

/* The transaction that filled the batch was committed, or not: counts, logs verdicts, forgets what
 * is not needed or not true any more, and empties the batch. */
void differ_batch_done(struct differ *differ, bool committed);

/* Finds or rebuilds the state of runs, as they are at this moment; unknown runs get none. The batch
 * is empty. */
struct run_ref {
	struct run_id run_id;
	int32_t partition;
};
int differ_load_runs(struct differ *differ, struct db_conn *conn, const struct run_ref *refs,
                     size_t count, struct error *err);

/* A message that was read and checked. */
struct admitted {
	enum {
		ADMITTED_NOTHING, /* of an overtaken attempt, or applied before: nothing to do */
		ADMITTED_BATCH,
		ADMITTED_RESULT,
	} what;
	struct run_state *run;
	struct events_header header;
	struct events_reader reader;
	struct run_result result;
};

/* Reads a message to its end and claims its batch number. DROP: the message is bad, and nothing was
 * changed. */
int differ_admit(struct differ *differ, const struct bus_message *message, struct admitted *ret,
                 struct error *err);
/* Puts it into the batch; a long batch is written in parts already. */
int differ_apply(struct differ *differ, struct db_conn *conn, const struct bus_message *message,
                 struct admitted *admitted, struct error *err);

/* The run is over: connects that waited for a name have none. */
void differ_end_waiting(struct differ *differ, struct batch_run *entry);

/* Writes the batch: events, fingerprints, deviations, progress. */
int differ_write(struct differ *differ, struct db_conn *conn, struct error *err);

/* Judges the runs of the batch whose end came, and those that deviate after their verdict. */
int differ_finish(struct differ *differ, struct db_conn *conn, struct error *err);
/* The message about a verdict that holds. */
int differ_send_verdict(struct db_conn *conn, const struct verdict_message *verdict,
                        struct error *err);
/* Whether the package has a baseline, and whether a person rejected the version. */
int differ_ask_standing(struct db_conn *conn, const struct run_state *run, struct judge_facts *ret,
                        struct error *err);
/* What the run deviates in now. */
struct outcome {
	int64_t deviations;
	const char *max_severity; /* "" without any */
};
int differ_count_deviations(struct db_conn *conn, const char *run_id, struct outcome *ret,
                            struct error *err);
/* What streaming could not know: the baseline came, or lost something, since. The processes of a
 * run that does not know them are read if there is anything. Returns how many there were. */
int64_t differ_report_the_rest(struct differ *differ, struct db_conn *conn, struct run_state *run,
                               bool knows_processes, struct error *err);
/* Judges one run without a result. */
int differ_finish_quiet(struct differ *differ, struct db_conn *conn, struct run_state *run,
                        struct error *err);

/* Judges what is quiet for too long, in transactions of its own. */
int differ_sweep(struct differ *differ, struct error *err);

/* Sends verdicts whose control did not end in time. */
int differ_expire_controls(struct differ *differ, struct error *err);

/* Removes some values of baselines that are too old. */
int differ_age(struct differ *differ, struct error *err);
void age_pass_release(struct age_pass *pass);

/* Analyses again what has to be, for a while, in transactions of its own. Returns how many runs
 * there were. */
int differ_reanalyse(struct differ *differ, struct error *err);

/* Removes some events that are too old, if it is time for it. */
int differ_prune(struct differ *differ, struct error *err);

#endif
