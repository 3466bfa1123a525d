// SPDX-License-Identifier: Apache-2.0
/*
 * The SQL of the runner protocol. Functions return 0 or a negative errno; strings live in the arena
 * given. The JSON API's statements are beside its handlers, in resources/.
 */
#ifndef FANGS_API_QUERIES_H
#define FANGS_API_QUERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "db/db.h"
#include "wire/gate.h"

/* Runners. */
struct registration {
	const char *runner_id, *hostname, *kernel_version;
	const char **capabilities;
	size_t capability_count;
	bool native; /* the members below came */
	const char *transport, *boot_id, *version, *sensor_tier;
	int64_t slots;
};
/* In one transaction: the runner's row; runs leased to an earlier boot of it are taken back; for
 * transport kafka `*ret_partition` is its partition of `jobs`, of `partitions` (else -1). -ENOSPC
 * when all are taken. */
int query_register(struct db *db, const struct registration *registration, int32_t partitions,
                   int32_t *ret_partition, struct error *err);
/* 1 when the runner is known (and of that boot, when one is named), else 0. */
int query_heartbeat(struct db_conn *conn, const char *runner_id, const char *active_run_id,
                    const char *status, const char *boot_id, struct error *err);

struct id_list {
	const char **items;
	size_t count;
};
/* A sign of life of attempts by their wire ids; `*ret_cancel` are those which the runner should
 * drop because they were placed elsewhere or given up. */
int query_confirm_runs(struct db_conn *conn, const char *runner_id, const struct id_list *wire_ids,
                       int64_t lease_ms, struct arena *arena, struct id_list *ret_cancel,
                       struct error *err);
/* Their results are durable: the slots are free. Runs of another runner than `runner_id` (NULL:
 * whoever) are left alone. */
int query_finish_runs(struct db_conn *conn, const struct id_list *wire_ids, const char *runner_id,
                      struct error *err);
/* The runner, in this boot of it, ends these attempts without a result: the runs are taken back at
 * once. Attempts that are over, or that it does not hold, are left alone. */
int query_hand_back_runs(struct db_conn *conn, const char *runner_id, const char *boot_id,
                         const struct id_list *wire_ids, struct error *err);
/* See gate_enter(); of a run that is not leased to `speaker` only the pass is read. */
int query_sign_of_life(struct db_conn *conn, const char *wire_id, const char *speaker,
                       int64_t lease_ms, struct gate_pass *ret, struct error *err);

/* Jobs. 1: the runner's oldest job that nobody fetched lately; 0: none; -ENOENT (DROP): no such
 * runner. To ask is a sign that the runner is there; its row is written every few seconds only. */
struct offered_job {
	const char *wire_id, *job_json;
};
int query_offer_job(struct db_conn *conn, const char *runner_id, int64_t offer_timeout_ms,
                    struct arena *arena, struct offered_job *ret, struct error *err);
/* Runners with jobs to fetch. */
int query_waiting_runners(struct db_conn *conn, int64_t offer_timeout_ms,
                          void (*found)(void *ctx, const char *runner_id), void *ctx,
                          struct error *err);

/* 1: queued; 0: no such runner (`target_runner` "": any); -EEXIST: there is a run with that id. */
struct scan {
	const char *run_id, *package, *version, *target_runner, *image, *job_json;
};
int query_queue_scan(struct db_conn *conn, const struct scan *scan, struct error *err);

/* For totals.c: rows (what, label, count). */
extern const struct db_statement query_totals;

/* For status.c. */
extern const struct db_statement runners_for_status;

/* For live/changes.c: rows as the lists show them, of the ids in $1. */
extern const struct db_statement browse_runs_by_id, browse_deviations_by_id, browse_runners_by_id;

#endif
