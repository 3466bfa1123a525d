// SPDX-License-Identifier: Apache-2.0
#include "observation.h"

#include "base/alloc.h"

enum { DRAIN_MS = 10000 };

static void on_event(void *ctx, struct sensor_run *run, const struct event *event)
{
	struct observation *observation = ctx;
	(void)run;
	metric_add(observation->metrics->events[event->type], 1);
	if (!spool_put(observation->spool, event))
		metric_add(observation->metrics->lost[LOSS_SPOOL], 1);
}

/* Watched in every run. Jobs do not say so: their list is what existing runners get, too. */
static const struct watched_path always[] = {{"/proc/self/mem", true}};
enum { ALWAYS = sizeof(always) / sizeof(*always) };

static struct watched_path *paths_of(const struct job *job)
{
	struct watched_path *paths = xcalloc(job->watched_path_count + ALWAYS, sizeof(*paths));
	for (size_t i = 0; i < job->watched_path_count; i++)
		paths[i] = job->watched_paths[i];
	for (size_t i = 0; i < ALWAYS; i++)
		paths[job->watched_path_count + i] = always[i];
	return paths;
}

int observation_start(struct observation *observation, const struct observation_options *options,
                      struct error *err)
{
	const struct job *job = options->job;
	*observation = (struct observation){
	        .spool = options->spool,
	        .metrics = options->metrics,
	};
	AUTO(free) struct watched_path *paths = paths_of(job);
	const struct sensor_run_options run = {
	        .cgroup_path = options->cgroup_directory,
	        .watched_paths = paths,
	        .watched_path_count = job->watched_path_count + ALWAYS,
	        /* Beside npm and its scripts, a scan of a package runs only the operator's own
	         * command line. */
	        .command_actor = job->package_name[0] != '\0' ? ACTOR_MANAGER : ACTOR_UNKNOWN,
	        .first_program = options->init_path,
	        .on_event = on_event,
	        .ctx = observation,
	};
	observation->run = sensor_add_run(options->sensor, &run, err);
	return observation->run ? 0 : -err->code;
}

int observation_settle(struct observation *observation, struct sensor_processes *ret,
                       struct error *err)
{
	int r = sensor_drain(observation->run, DRAIN_MS, err);
	sensor_run_processes(observation->run, ret);
	return r;
}

int observation_end(struct observation *observation, struct sensor_stats *ret, struct error *err)
{
	*ret = (struct sensor_stats){0};
	if (!observation->run)
		return 0;
	int r = sensor_drain(observation->run, DRAIN_MS, err);
	sensor_run_stats(observation->run, ret);
	sensor_remove_run(observation->run);
	observation->run = NULL;
	metric_add(observation->metrics->lost[LOSS_KERNEL],
	           (double)(ret->lost_total - ret->malformed));
	metric_add(observation->metrics->lost[LOSS_MALFORMED], (double)ret->malformed);
	return r;
}
