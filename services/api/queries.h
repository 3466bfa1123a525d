// SPDX-License-Identifier: Apache-2.0
/*
 * The gateway's SQL. Functions return 0 or a negative errno; strings live in the arena given. The
 * statements of lists and single things are rows for browse.c: see there for what their parameters
 * and columns mean.
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
int query_touch_runner(struct db_conn *conn, const char *runner_id, struct error *err);

struct id_list {
	const char **items;
	size_t count;
};
/* A sign of life of attempts by their wire ids; `*ret_cancel` are those which the runner should
 * drop because they were placed elsewhere or given up. */
int query_confirm_runs(struct db_conn *conn, const char *runner_id, const struct id_list *wire_ids,
                       int64_t lease_ms, struct arena *arena, struct id_list *ret_cancel,
                       struct error *err);
/* Their results are durable: the slots are free. */
int query_finish_runs(struct db_conn *conn, const struct id_list *wire_ids, struct error *err);
/* The runner, in this boot of it, ends these attempts without a result: the runs are taken back at
 * once. Attempts that are over, or that it does not hold, are left alone. */
int query_hand_back_runs(struct db_conn *conn, const char *runner_id, const char *boot_id,
                         const struct id_list *wire_ids, struct error *err);
/* See gate_enter(). */
int query_sign_of_life(struct db_conn *conn, const char *wire_id, int64_t lease_ms,
                       struct gate_pass *ret, struct error *err);

/* Jobs. 1: the runner's oldest job that nobody fetched lately; 0: none. */
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

/* Packages and notifiers: 1 done, 0 not there (add: is there already). */
int query_add_package(struct db_conn *conn, const char *name, struct error *err);
int query_remove_package(struct db_conn *conn, const char *name, struct error *err);
struct notifier {
	const char *name, *url, *template, *secret_env, *headers, *min_severity;
	bool enabled;
};
int query_put_notifier(struct db_conn *conn, const struct notifier *notifier, struct error *err);
int query_remove_notifier(struct db_conn *conn, const char *name, struct error *err);

/* Up to `max` ids of runs (or deviations) that begin with the hex digits of `prefix`. */
int query_find_ids(struct db_conn *conn, bool deviations, const char *prefix, size_t max,
                   struct arena *arena, struct id_list *ret, struct error *err);

int query_run_package(struct db_conn *conn, const char *run_id, struct arena *arena,
                      const char **ret, struct error *err);

/* For totals.c: rows (what, label, count). */
extern const struct db_statement query_totals;

/* For browse.c and status.c. */
extern const struct db_statement browse_packages, browse_package, browse_releases, browse_runs,
        browse_run, browse_pending, browse_deviations, browse_deviation, browse_run_deviations,
        browse_events, browse_notifications, browse_baseline, browse_baseline_items, browse_runners,
        browse_notifiers, browse_services, browse_counts, browse_server;

/* For live/changes.c: rows as the lists show them, of the ids in $1. */
extern const struct db_statement browse_runs_by_id, browse_deviations_by_id, browse_runners_by_id;

#endif
