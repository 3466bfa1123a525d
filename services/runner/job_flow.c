// SPDX-License-Identifier: Apache-2.0
#include "job_flow.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "log/log.h"
#include "observation.h"
#include "outcome.h"
#include "sender.h"

enum {
	CGROUP_REMOVE_MS = 2000,
	NAP_MS = 20,
};
static const int64_t DURATION_MAX_NS = INT64_C(24) * 3600 * NS_PER_S;

/* One job's parts. */
struct flow {
	const struct job_flow *shared;
	struct attempt *attempt;
	const struct job *job;
	char id[RUN_ID_TEXT_SIZE];
	int64_t arrived_ms;

	struct spool *spool;
	struct sender *sender;
	struct sandbox_request request;
	struct sandbox *sandbox;
	struct run_cgroup cgroup;
	bool has_cgroup;
	struct observation observation;

	struct job_facts facts;
	struct sensor_stats stats;
	uint32_t survivors;
	struct sender_totals totals;
};

static const struct sandbox_driver_ops *driver_ops(const struct flow *flow)
{
	return flow->shared->driver->ops;
}

static bool interrupted(const struct flow *flow)
{
	return atomic_load(&flow->attempt->interrupt);
}

/* Before. ------------------------------------------------------------------------------------ */

static int check_job(const struct job *job, struct error *err)
{
	if (job->watched_path_count == 0)
		return error_set(err, EINVAL,
		                 "malformed job: at least one watched path is required");
	if (job->duration_ns <= 0 || job->duration_ns > DURATION_MAX_NS)
		return error_set(err, EINVAL,
		                 "malformed job: duration of %lld ns is not between 0 and 24 hours",
		                 (long long)job->duration_ns);
	if (job->has_sandbox)
		return sandbox_spec_check(&job->sandbox, err);
	if (job->cgroup_path[0] != '/')
		return error_set(err, EINVAL,
		                 "malformed job: without a sandbox it must name an absolute "
		                 "cgroup_path");
	return 0;
}

static int start_observation(struct flow *flow, const char *directory, const char *init_path,
                             struct error *err)
{
	const struct observation_options options = {
	        .sensor = flow->shared->sensor,
	        .spool = flow->spool,
	        .metrics = flow->shared->metrics,
	        .job = flow->job,
	        .cgroup_directory = directory,
	        .init_path = init_path,
	};
	return observation_start(&flow->observation, &options, err);
}

static int open_sandbox(struct flow *flow, struct error *err)
{
	const struct runner_config *config = flow->shared->config;
	flow->request = (struct sandbox_request){
	        .run_id = &flow->job->run_id,
	        .spec = &flow->job->sandbox,
	        .runner_id = config->runner_id,
	        .npm_registry = config->npm_registry,
	        .workdir_bytes = config->workdir_bytes,
	        .interrupt = &flow->attempt->interrupt,
	};
	flow->sandbox = driver_ops(flow)->open(flow->shared->driver, &flow->request, err);
	return flow->sandbox ? 0 : -err->code;
}

static int make_cgroup(struct flow *flow, struct error *err)
{
	run_cgroup_name(flow->shared->cgroups, flow->shared->cgroup_naming, &flow->job->run_id,
	                &flow->cgroup);
	flow->has_cgroup = true;
	return run_cgroup_create(&flow->cgroup, flow->shared->config->runner_id, err);
}

/* The sandbox's mounts are there now and its command does not run yet. Without the second witness
 * the first one still sees nearly all, so that is no reason to fail. */
static int open_gate(struct flow *flow, struct error *err)
{
	const struct sandbox_driver_ops *ops = driver_ops(flow);
	struct error witness = {0};
	pid_t pid = 0;
	int r = ops->main_process(flow->sandbox, &pid, err);
	if (r < 0)
		return r;
	if (pid == 0)
		error_set(&witness, ESRCH, "the sandbox's processes are in another pid namespace");
	else
		(void)sensor_watch_mounts(flow->observation.run, pid, &witness);
	if (witness.code)
		LOG_WARN("the sandbox's mounts are not watched", LOG_STR("run_id", flow->id),
		         LOG_ERR(&witness));
	return ops->let_go(flow->sandbox, err);
}

/* Everything up to the first instruction of the image; the sensor is looking when it runs. */
static int start_sandbox(struct flow *flow, struct error *err)
{
	const struct sandbox_driver_ops *ops = driver_ops(flow);
	int r = open_sandbox(flow, err);
	if (r == 0)
		r = ops->prepare(flow->sandbox, err);
	if (r == 0)
		r = make_cgroup(flow, err);
	if (r == 0)
		r = ops->create(flow->sandbox, flow->cgroup.parent, err);
	if (r == 0)
		r = start_observation(flow, flow->cgroup.directory, ops->init_path(flow->sandbox),
		                      err);
	if (r == 0 && interrupted(flow))
		r = error_set(err, ECANCELED, "interrupted before the sandbox started");
	if (r == 0)
		r = ops->start(flow->sandbox, err);
	if (r == 0)
		r = open_gate(flow, err);
	return r;
}

/* During. ------------------------------------------------------------------------------------ */

/* The job's clock starts now: neither pull nor creation counts. The grace period is init's and
 * comes on top of the duration. */
static int watch_sandbox(struct flow *flow, struct error *err)
{
	int64_t limit_ms =
	        (flow->job->duration_ns + flow->job->sandbox.grace_period_ns) / NS_PER_MS;
	LOG_INFO("sandbox started", LOG_STR("run_id", flow->id),
	         LOG_STR("image", flow->job->sandbox.image),
	         LOG_INT("after_ms", clock_monotonic_ms() - flow->arrived_ms));
	int r = driver_ops(flow)->wait(flow->sandbox, limit_ms, &flow->facts.end, err);
	if (r < 0)
		return r;
	flow->facts.has_end = r == 1;
	flow->facts.timed_out = r == 0;
	return 0;
}

/* A job without a sandbox looks at somebody else's cgroup for as long as it was told. */
static int watch_cgroup(struct flow *flow, struct error *err)
{
	int r = start_observation(flow, flow->job->cgroup_path, NULL, err);
	if (r < 0)
		return r;
	const struct timespec nap = {.tv_nsec = (long)NAP_MS * NS_PER_MS};
	int64_t end_ms = clock_monotonic_ms() + flow->job->duration_ns / NS_PER_MS;
	while (clock_monotonic_ms() < end_ms && !interrupted(flow))
		(void)nanosleep(&nap, NULL);
	return interrupted(flow) ? error_set(err, ECANCELED, "interrupted") : 0;
}

/* What npm did is read before anything is killed: afterwards all have ended badly. */
static int settle(struct flow *flow, struct error *err)
{
	if (!flow->observation.run)
		return 0;
	struct sensor_processes processes;
	int r = observation_settle(&flow->observation, &processes, err);
	flow->facts.npm_started = processes.npm_started > 0;
	flow->facts.npm_exit_code = processes.npm_exit_code;
	flow->survivors = processes.survivors;
	return r;
}

static int observe(struct flow *flow, struct error *err)
{
	if (flow->attempt->malformed.code != 0) {
		*err = flow->attempt->malformed;
		return -err->code;
	}
	int r = check_job(flow->job, err);
	if (r < 0)
		return r;
	if (!flow->job->has_sandbox) {
		r = watch_cgroup(flow, err);
	} else {
		r = start_sandbox(flow, err);
		if (r == 0)
			r = watch_sandbox(flow, err);
	}
	if (r < 0)
		return r;
	return settle(flow, err);
}

/* After. ------------------------------------------------------------------------------------- */

static void warn(const struct flow *flow, const char *what, const struct error *err)
{
	LOG_WARN(what, LOG_STR("run_id", flow->id), LOG_ERR(err));
}

static void remove_sandbox(struct flow *flow)
{
	struct error err = {0};
	if (flow->sandbox && driver_ops(flow)->remove(flow->sandbox, &err) < 0)
		warn(flow, "cannot remove the sandbox; the next start of this runner will", &err);
}

static void remove_cgroup(struct flow *flow)
{
	struct error err = {0};
	if (flow->has_cgroup &&
	    run_cgroup_remove(flow->shared->cgroups, &flow->cgroup, CGROUP_REMOVE_MS, &err) < 0)
		warn(flow, "cannot remove the run's cgroup; the next start of this runner will",
		     &err);
}

static void end_observation(struct flow *flow)
{
	struct error err = {0};
	if (observation_end(&flow->observation, &flow->stats, &err) < 0 &&
	    flow->facts.failure.code == 0)
		flow->facts.failure = err;
}

static struct run_result make_result(struct flow *flow, char reason[OUTCOME_REASON_MAX])
{
	const struct sensor_stats *stats = &flow->stats;
	uint64_t refused = spool_refused(flow->spool);
	struct sandbox_image image = {.digest = "", .node_version = "", .npm_version = ""};
	if (flow->sandbox)
		driver_ops(flow)->image(flow->sandbox, &image);
	enum run_status status = job_outcome(&flow->facts, reason);
	return (struct run_result){
	        .status = status,
	        .reason = view_of_string(reason),
	        .events_emitted = (int64_t)flow->totals.events_sent,
	        .events_dropped = stats->lost_total + refused + flow->totals.events_undelivered,
	        .duration_ns = (clock_monotonic_ms() - flow->arrived_ms) * NS_PER_MS,
	        .native = true,
	        .last_seq = spool_last_seq(flow->spool),
	        .lost_ring = stats->lost_total - stats->malformed,
	        .lost_parse = stats->malformed,
	        .truncated = stats->cut,
	        .npm_exit_code = flow->facts.npm_exit_code,
	        .survivors = flow->survivors,
	        .image = view_of_string(flow->job->has_sandbox ? flow->job->sandbox.image : ""),
	        .image_digest = view_of_string(image.digest),
	        .node_version = view_of_string(image.node_version),
	        .npm_version = view_of_string(image.npm_version),
	        .sensor_tier = view_of_string(sensor_tier(flow->shared->sensor)),
	};
}

static enum job_end job_end_of(enum run_status status)
{
	switch (status) {
	case RUN_STATUS_OK:
		return JOB_OK;
	case RUN_STATUS_TIMEOUT:
		return JOB_TIMEOUT;
	case RUN_STATUS_FAILED:
		break;
	}
	return JOB_FAILED;
}

/* Which records did not make it, so that one knows what to look for. */
static void log_losses(const struct flow *flow)
{
	const struct sensor_stats *stats = &flow->stats;
	if (stats->lost_total == 0)
		return;
	LOG_WARN("the sensor lost events", LOG_STR("run_id", flow->id),
	         LOG_INT("processes", stats->lost[EVENT_UNKNOWN]),
	         LOG_INT("files", stats->lost[EVENT_FILE]),
	         LOG_INT("execs", stats->lost[EVENT_EXEC]),
	         LOG_INT("connects", stats->lost[EVENT_CONNECT]),
	         LOG_INT("dns", stats->lost[EVENT_DNS]), LOG_INT("tls", stats->lost[EVENT_TLS]),
	         LOG_INT("missed", stats->missed), LOG_INT("malformed", stats->malformed),
	         LOG_INT("witness_overflowed", stats->witness_overflowed));
}

static void log_end(const struct flow *flow, const struct run_result *result)
{
	log_losses(flow);
	LOG_INFO(
	        "job finished", LOG_STR("run_id", flow->id),
	        LOG_STR("package", flow->job->package_name), LOG_STR("version", flow->job->version),
	        LOG_STR("status", run_status_name(result->status)),
	        LOG_VIEW("reason", result->reason), LOG_INT("events", result->events_emitted),
	        LOG_INT("dropped", result->events_dropped), LOG_INT("survivors", result->survivors),
	        LOG_INT("duration_ms", result->duration_ns / NS_PER_MS));
}

static void note_end(const struct flow *flow, enum job_end end)
{
	const struct runner_metrics *metrics = flow->shared->metrics;
	double ms = (double)(clock_monotonic_ms() - flow->arrived_ms);
	metric_add(metrics->jobs[end], 1);
	metric_observe_seconds(metrics->job_seconds, ms / MS_PER_S);
}

static void send_result(struct flow *flow)
{
	char reason[OUTCOME_REASON_MAX];
	struct run_result result = make_result(flow, reason);
	struct error err = {0};
	int r = sender_send_result(flow->sender, &result, &err);
	if (r == 0) {
		control_note_finished(flow->shared->control, &flow->job->run_id);
		log_end(flow, &result);
		note_end(flow, job_end_of(result.status));
	} else {
		warn(flow, r == -ESTALE ? "run dropped" : "the result could not be delivered",
		     &err);
		note_end(flow, JOB_LOST);
	}
}

/* A scan that the runner's stop cut short proves nothing: another attempt at it does. True when the
 * gateway takes it back and so waits for no result. */
static bool hand_back(const struct flow *flow)
{
	if (!flow->facts.stopped || atomic_load(&flow->attempt->lost) ||
	    !control_hand_back(flow->shared->control, &flow->job->run_id))
		return false;
	LOG_INFO("job handed back, this runner stops", LOG_STR("run_id", flow->id),
	         LOG_STR("package", flow->job->package_name),
	         LOG_STR("version", flow->job->version), LOG_INT("attempt", flow->job->attempt));
	note_end(flow, JOB_HANDED_BACK);
	return true;
}

/* Whole. ------------------------------------------------------------------------------------- */

static int open_flow(struct flow *flow, const struct job_flow *shared, struct attempt *attempt,
                     struct error *err)
{
	*flow = (struct flow){
	        .shared = shared,
	        .attempt = attempt,
	        .job = &attempt->job,
	        .arrived_ms = clock_monotonic_ms(),
	        .facts = {.npm_exit_code = INT32_MIN,
	                  .expects_npm = job_expects_npm(&attempt->job),
	                  .memory_bytes = attempt->job.sandbox.memory_bytes > 0
	                                          ? attempt->job.sandbox.memory_bytes
	                                          : SANDBOX_MEMORY_BYTES},
	};
	run_id_format(&attempt->job.run_id, flow->id);
	const struct spool_options spool = {
	        .run_id = attempt->job.canonical_run_id,
	        .attempt = attempt->job.attempt,
	        .runner_id = shared->config->runner_id,
	        .max_bytes = (size_t)shared->config->spool_bytes,
	};
	flow->spool = spool_create(&spool);
	const struct sender_options sender = {
	        .transport = shared->transport,
	        .attempt = attempt,
	        .spool = flow->spool,
	        .metrics = shared->metrics,
	};
	flow->sender = sender_start(&sender, err);
	return flow->sender ? 0 : -err->code;
}

static void close_flow(struct flow *flow)
{
	if (flow->sandbox)
		driver_ops(flow)->close(flow->sandbox);
	sender_destroy(flow->sender);
	spool_destroy(flow->spool);
}

/* A failure that only says "interrupted" is the stop's, or of nobody's interest. */
static void note_failure(struct flow *flow, const struct error *err)
{
	if (interrupted(flow))
		flow->facts.stopped = true;
	else
		flow->facts.failure = *err;
}

static void finish(struct flow *flow)
{
	remove_sandbox(flow);
	end_observation(flow);
	remove_cgroup(flow);
	spool_close(flow->spool);
	sender_finish(flow->sender, &flow->totals);
	if (!hand_back(flow))
		send_result(flow);
	close_flow(flow);
}

void job_flow_run(const struct job_flow *shared, struct attempt *attempt)
{
	struct flow flow;
	struct error err = {0};
	if (open_flow(&flow, shared, attempt, &err) < 0) {
		warn(&flow, "cannot start the job", &err);
		close_flow(&flow);
		return;
	}
	LOG_INFO("job accepted", LOG_STR("run_id", flow.id), LOG_STR("kind", flow.job->kind),
	         LOG_STR("package", flow.job->package_name), LOG_STR("version", flow.job->version),
	         LOG_INT("attempt", flow.job->attempt));
	/* The sooner the gateway hears of it, the sooner it says whether it still holds. */
	control_poke(shared->control);
	if (observe(&flow, &err) < 0)
		note_failure(&flow, &err);
	finish(&flow);
}
