// SPDX-License-Identifier: Apache-2.0
#include "runner.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "control.h"
#include "init/init_program.h"
#include "job_flow.h"
#include "log/log.h"
#include "sandbox_docker/docker.h"
#include "slots.h"
#include "transport_http.h"
#include "transport_kafka.h"

enum {
	SLOT_WAIT_MS = 1000,
	RETRY_BASE_MS = 200,
	RETRY_MAX_MS = 5000,
	LOG_EVERY = 20,          /* failures in a row */
	FAREWELL_MAX_MS = 10000, /* kept of the drain timeout: jobs end, report and clean up */
};

struct runner {
	struct service *service;
	const struct runner_config *config;
	int64_t drain_timeout_ms;
	struct runner_metrics metrics;
	struct sensor *sensor;
	struct cgroup_tree *cgroups;
	struct sandbox_driver *engine;
	struct sandbox_facts facts;
	struct bus *bus; /* NULL with transport http */
	struct slots *slots;
	struct control *control;
	struct transport *transport;
	struct job_flow flow;
	bool engine_down;
	unsigned failures; /* of the intake, in a row */
};

/* Creation. ---------------------------------------------------------------------------------- */

struct sandbox_driver *runner_engine(const struct runner_config *config)
{
	const struct docker_options options = {
	        .socket_path = config->docker_socket,
	        .pull_timeout_ms = config->pull_timeout_ms,
	        .init = init_program(),
	        .seccomp_deny = config->seccomp_denied,
	};
	return docker_driver_create(&options);
}

static void log_missing_hooks(const struct sensor *sensor)
{
	size_t count = 0;
	const struct sensor_hook *hooks = sensor_hooks(sensor, &count);
	for (size_t i = 0; i < count; i++)
		if (!hooks[i].active)
			LOG_WARN("sensor without a hook: some behaviour is not seen",
			         LOG_STR("hook", hooks[i].name), LOG_STR("sees", hooks[i].sees),
			         LOG_STR("reason", hooks[i].missing));
}

static int open_sensor(struct runner *runner, struct error *err)
{
	const struct sensor_options options = {.tier = runner->config->sensor_tier};
	runner->cgroups = cgroup_tree_read(err);
	if (runner->cgroups)
		runner->sensor = sensor_open(&options, err);
	if (!runner->sensor)
		return -err->code;
	runner_metrics_sensor(runner->sensor);
	log_missing_hooks(runner->sensor);
	LOG_INFO("sensor attached", LOG_STR("tier", sensor_tier(runner->sensor)),
	         LOG_STR("cgroups", cgroup_tree_unified(runner->cgroups)));
	return 0;
}

static int check_engine(void *ctx, struct error *err)
{
	struct runner *runner = ctx;
	return runner->engine->ops->check(runner->engine, &runner->facts, err);
}

static int sweep_sandboxes(void *ctx, struct error *err)
{
	struct runner *runner = ctx;
	int removed = runner->engine->ops->sweep(runner->engine, runner->config->runner_id, err);
	if (removed > 0)
		LOG_WARN("removed sandboxes that an earlier run of this runner left behind",
		         LOG_INT("count", removed));
	return removed < 0 ? removed : 0;
}

static int open_engine(struct runner *runner, struct error *err)
{
	service_expect(runner->service, "engine");
	runner->engine = runner_engine(runner->config);
	int r = service_retry(runner->service, "the container engine", check_engine, runner, err);
	if (r == 0)
		r = service_retry(runner->service, "the container engine", sweep_sandboxes, runner,
		                  err);
	if (r < 0)
		return r;
	LOG_INFO("container engine ready", LOG_STR("engine", runner->facts.engine),
	         LOG_STR("details", runner->facts.details));
	size_t removed = cgroup_sweep(runner->cgroups, runner->facts.cgroup_naming,
	                              runner->config->runner_id);
	if (removed > 0)
		LOG_WARN("removed cgroups that an earlier run of this runner left behind",
		         LOG_INT("count", removed));
	service_ready(runner->service, "engine", true);
	return 0;
}

static bool uses_kafka(const struct runner_config *config)
{
	return strcmp(config->transport, "kafka") == 0;
}

static int open_transport(struct runner *runner, const struct bus_config *bus, struct error *err)
{
	if (!uses_kafka(runner->config)) {
		const struct transport_http_options options = {
		        .config = runner->config,
		        .service = runner->service,
		        .control = runner->control,
		};
		runner->transport = transport_http_create(&options, err);
		return runner->transport ? 0 : -err->code;
	}
	runner->bus = bus_open(bus, NULL, "fangs-runner", err);
	if (!runner->bus)
		return -err->code;
	const struct transport_kafka_options options = {
	        .config = runner->config,
	        .control = runner->control,
	        .bus = runner->bus,
	};
	runner->transport = transport_kafka_create(&options);
	return 0;
}

static int prepare_transport(void *ctx, struct error *err)
{
	struct runner *runner = ctx;
	return runner->transport->ops->prepare(runner->transport, err);
}

static int open_relations(struct runner *runner, const struct bus_config *bus, struct error *err)
{
	runner->slots = slots_create((size_t)runner->config->slots, runner->metrics.active_slots);
	const struct control_options options = {
	        .config = runner->config,
	        .service = runner->service,
	        .slots = runner->slots,
	        .sensor_tier = sensor_tier(runner->sensor),
	};
	runner->control = control_create(&options, err);
	if (!runner->control)
		return -err->code;
	int r = open_transport(runner, bus, err);
	if (r == 0 && runner->transport->ops->prepare)
		r = service_retry(runner->service, "the bus", prepare_transport, runner, err);
	return r < 0 ? r : control_start(runner->control, err);
}

struct runner *runner_create(const struct runner_options *options, struct error *err)
{
	const struct runner_config *config = options->config;
	struct runner *runner = xcalloc(1, sizeof(*runner));
	runner->service = options->service;
	runner->config = config;
	runner->drain_timeout_ms = options->drain_timeout_ms;
	runner_metrics_init(&runner->metrics);
	int r = open_sensor(runner, err);
	if (r == 0)
		r = open_engine(runner, err);
	if (r == 0)
		r = open_relations(runner, options->bus, err);
	if (r < 0) {
		runner_destroy(runner);
		return NULL;
	}
	runner->flow = (struct job_flow){
	        .config = config,
	        .metrics = &runner->metrics,
	        .cgroups = runner->cgroups,
	        .cgroup_naming = runner->facts.cgroup_naming,
	        .driver = runner->engine,
	        .sensor = runner->sensor,
	        .transport = runner->transport,
	        .control = runner->control,
	};
	return runner;
}

void runner_destroy(struct runner *runner)
{
	if (!runner)
		return;
	control_destroy(runner->control);
	if (runner->transport)
		runner->transport->ops->destroy(runner->transport);
	bus_close(runner->bus);
	slots_destroy(runner->slots);
	if (runner->engine)
		runner->engine->ops->destroy(runner->engine);
	sensor_close(runner->sensor);
	cgroup_tree_destroy(runner->cgroups);
	free(runner);
}

/* Taking jobs. ------------------------------------------------------------------------------- */

static void run_job(void *ctx, struct attempt *attempt)
{
	const struct runner *runner = ctx;
	job_flow_run(&runner->flow, attempt);
}

/* A job must not be taken while there is nothing to run it with. */
static bool engine_answers(struct runner *runner)
{
	struct error err = {0};
	bool down = runner->engine->ops->ping(runner->engine, &err) < 0;
	if (down && !runner->engine_down)
		LOG_WARN("the container engine does not answer; taking no jobs until it does",
		         LOG_ERR(&err));
	if (!down && runner->engine_down)
		LOG_INFO("the container engine answers again");
	if (down != runner->engine_down)
		service_ready(runner->service, "engine", !down);
	runner->engine_down = down;
	return !down;
}

static void back_off(struct runner *runner)
{
	runner->failures++;
	(void)service_sleep_ms(runner->service,
	                       backoff_ms(runner->failures, RETRY_BASE_MS, RETRY_MAX_MS));
}

static void start_job(struct runner *runner, struct attempt *attempt)
{
	struct error err = {0};
	if (slots_start(runner->slots, attempt, run_job, runner, &err) < 0)
		LOG_ERROR("job lost; its lease will expire and it will be placed again",
		          LOG_ERR(&err));
}

static void take_job(struct runner *runner)
{
	struct attempt *attempt = slots_new_attempt();
	struct error err = {0};
	int r = runner->transport->ops->next_job(runner->transport, &attempt->arena, &attempt->job,
	                                         &err);
	bool malformed = r < 0 && err.class == ERROR_DROP;
	if (malformed)
		LOG_ERROR("cannot read a job", LOG_ERR(&err));
	if (r == 1 || (malformed && !run_id_is_zero(&attempt->job.run_id))) {
		attempt->malformed = err;
		runner->failures = 0;
		start_job(runner, attempt);
		return;
	}
	slots_discard(attempt);
	if (r < 0 && !malformed) {
		if (runner->failures % LOG_EVERY == 0)
			LOG_WARN("cannot get jobs; trying on", LOG_ERR(&err));
		back_off(runner);
	} else {
		runner->failures = 0;
	}
}

/* Running jobs may end by themselves; those that take too long are told to, and are handed back. */
static int drain(struct runner *runner, struct error *err)
{
	int64_t limit_ms = runner->drain_timeout_ms > 0 ? runner->drain_timeout_ms : INT32_MAX;
	int64_t farewell_ms = limit_ms / 2 < FAREWELL_MAX_MS ? limit_ms / 2 : FAREWELL_MAX_MS;
	/* The intake may have noticed the stop late. */
	int64_t end_ms = service_stopped_at_ms(runner->service) + limit_ms;
	control_poke(runner->control); /* "draining" */
	if (slots_wait_idle(runner->slots, end_ms - farewell_ms - clock_monotonic_ms()))
		return 0;
	LOG_WARN("the drain timeout is near; ending the running jobs");
	slots_interrupt(runner->slots, end_ms - farewell_ms / 2);
	if (slots_wait_idle(runner->slots, end_ms - clock_monotonic_ms()))
		return 0;
	return error_set(err, ETIMEDOUT,
	                 "jobs did not end in time; their sandboxes are removed at the next start");
}

int runner_run(struct runner *runner, struct error *err)
{
	while (service_running(runner->service)) {
		service_tick(runner->service);
		if (!slots_wait_free(runner->slots, SLOT_WAIT_MS))
			continue;
		if (engine_answers(runner))
			take_job(runner);
		else
			back_off(runner);
	}
	return drain(runner, err);
}
