// SPDX-License-Identifier: Apache-2.0
#include "placing.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "bus/outbox.h"
#include "failing.h"
#include "log/log.h"
#include "model/job.h"
#include "queries.h"

enum { JOB_MESSAGE_MAX = 256 * 1024 };

enum placing_outcome { NOTHING_TO_PLACE, PLACED, UNREADABLE_JOB };

/* One transaction: one run for one runner. */
struct placing {
	const struct dispatcher_config *config;
	const char *runner_id;
	bool avoid_repeat;
	struct arena *arena;
	enum placing_outcome outcome;
	struct placed_run run;
	char wire_id[RUN_ID_TEXT_SIZE];
	struct error job_err; /* for UNREADABLE_JOB */
};

/* A Kafka runner finds its job in its own partition. */
static int send_job(struct db_conn *conn, const struct runner *runner, const struct job *job,
                    struct error *err)
{
	AUTO(buf) struct buf value;

	buf_init(&value, JOB_MESSAGE_MAX);
	job_write_json(&value, job, true);
	if (value.overflowed)
		return error_set(err, E2BIG, "the job is longer than %d bytes", JOB_MESSAGE_MAX);
	struct bus_record record = {
	        .topic = BUS_JOBS,
	        .partition = runner->jobs_partition,
	        .key = view_of_string(runner->id),
	        .value = buf_view(&value),
	};
	return outbox_add(conn, &record, err);
}

/* The first attempt is known to its runner by the run's own id, as the existing system has it. */
static struct run_id wire_id_of(const struct run_id *run_id, int64_t attempt)
{
	return attempt == 1 ? *run_id : run_id_new();
}

static int hand_over(struct placing *placing, struct db_conn *conn, const struct runner *runner,
                     struct job *job, struct error *err)
{
	const struct placed_run *run = &placing->run;

	job->run_id = wire_id_of(&job->canonical_run_id, run->attempt);
	job->attempt = (uint32_t)run->attempt;
	job->lease_expires_at_ns = run->lease_expires_at_ns;
	job->runner_id = runner->id;
	job->dispatched_at_ns = clock_wall_ns();
	run_id_format(&job->run_id, placing->wire_id);

	int rc = query_insert_attempt(conn, run, placing->wire_id, runner->id, err);
	if (rc < 0)
		return rc;
	return runner->kafka ? send_job(conn, runner, job, err)
	                     : query_notify_runner(conn, runner->id, err);
}

static int give_run(struct placing *placing, struct db_conn *conn, const struct runner *runner,
                    struct error *err)
{
	const struct placed_run *run = &placing->run;
	struct job job;

	placing->outcome = PLACED;
	if (job_read_json(view_of_string(run->job_json), placing->arena, &job, &placing->job_err) ==
	            0 &&
	    run_id_parse(view_of_string(run->id), &job.canonical_run_id))
		return hand_over(placing, conn, runner, &job, err);

	placing->outcome = UNREADABLE_JOB;
	const char *reason =
	        arena_printf(placing->arena, "its job cannot be read: %s", placing->job_err.text);
	return fail_run(conn, run->id, run->attempt, "", reason, err);
}

static int place_one(void *ctx, struct db_conn *conn, struct error *err)
{
	struct placing *placing = ctx;
	const struct dispatcher_config *config = placing->config;
	struct runner runner;

	placing->outcome = NOTHING_TO_PLACE;
	int rc = query_lock_runner(conn, placing->runner_id, config->runner_timeout_ms,
	                           placing->arena, &runner, err);
	if (rc <= 0)
		return rc;
	rc = query_lease_run(conn, &runner, config->lease_ms, placing->avoid_repeat, placing->arena,
	                     &placing->run, err);
	return rc <= 0 ? rc : give_run(placing, conn, &runner, err);
}

static void note_outcome(const struct placing *placing, const struct dispatcher_metrics *metrics)
{
	const struct placed_run *run = &placing->run;

	if (placing->outcome == PLACED) {
		metric_add(metrics->placed, 1);
		metric_observe_seconds(metrics->queue_seconds, run->waited_s);
		LOG_INFO("run placed", LOG_STR("run_id", run->id), LOG_INT("attempt", run->attempt),
		         LOG_STR("wire_id", placing->wire_id),
		         LOG_STR("runner_id", placing->runner_id));
	} else if (placing->outcome == UNREADABLE_JOB) {
		metric_add(metrics->given_up, 1);
		LOG_ERROR("run failed, its job cannot be read", LOG_STR("run_id", run->id),
		          LOG_ERR(&placing->job_err));
	}
}

static int list_free_runners(struct db *db, const struct dispatcher_config *config,
                             struct arena *arena, struct free_runners *ret, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	if (!conn)
		return -err->code;
	return query_free_runners(conn, config->runner_timeout_ms, arena, ret, err);
}

/* At most one run for each runner. Returns how many changed hands. */
static int place_round(struct db *db, const struct dispatcher_config *config,
                       const struct dispatcher_metrics *metrics, struct arena *arena,
                       struct error *err)
{
	struct free_runners runners = {0};
	int placed = 0;

	int rc = list_free_runners(db, config, arena, &runners, err);
	for (size_t i = 0; rc == 0 && i < runners.count; i++) {
		struct placing placing = {
		        .config = config,
		        .runner_id = runners.ids[i],
		        .avoid_repeat = runners.total > 1,
		        .arena = arena,
		};
		rc = db_transaction(db, place_one, &placing, err);
		if (rc < 0)
			break;
		note_outcome(&placing, metrics);
		placed += placing.outcome != NOTHING_TO_PLACE;
	}
	return rc < 0 ? rc : placed;
}

int place_runs(struct db *db, const struct dispatcher_config *config,
               const struct dispatcher_metrics *metrics, struct error *err)
{
	struct arena arena;
	int total = 0, placed;

	arena_init(&arena);
	do {
		arena_reset(&arena);
		placed = place_round(db, config, metrics, &arena, err);
		total += placed > 0 ? placed : 0;
	} while (placed > 0);
	arena_release(&arena);
	return placed < 0 ? placed : total;
}
