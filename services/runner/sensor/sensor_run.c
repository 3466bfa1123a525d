// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "sensor_internal.h"

enum { WITNESS_LOOK_MAX = 20000 }; /* more than the kernel queues */

static void run_on_event(void *ctx, const struct event *event)
{
	struct sensor_run *run = ctx;

	run->on_event(run->ctx, run, event);
}

static void run_on_stream_done(void *ctx, uint64_t cookie)
{
	struct sensor_run *run = ctx;

	kernel_side_ignore_stream(run->sensor->kernel, cookie);
}

static bool run_is_settled(void *ctx, const struct witnessed *witnessed)
{
	return run_decoder_settled(ctx, witnessed);
}

static void run_on_witnessed(void *ctx, const struct witnessed *witnessed)
{
	run_decoder_witnessed(ctx, witnessed);
}

void sensor_run_look(struct sensor_run *run)
{
	const struct witness_handler handler = {run_is_settled, run_on_witnessed, &run->decoder};

	if (run->witness.fd < 0)
		return;
	(void)witness_read(&run->witness, WITNESS_LOOK_MAX, &handler);
	run_decoder_turn(&run->decoder);
}

int sensor_watch_mounts(struct sensor_run *run, pid_t pid, struct error *err)
{
	int r = 0;

	sensor_lock(run->sensor);
	process_tree_expect(&run->decoder.tree, (uint32_t)pid);
	if (run->witness.fd < 0)
		r = witness_open(&run->witness, err);
	if (r == 0)
		r = witness_mark(&run->witness, pid, err);
	if (r < 0)
		witness_close(&run->witness);
	run->decoder.has_witness = r >= 0;
	sensor_unlock(run->sensor);
	return r < 0 ? r : 0;
}

static bool depth_in_use(const struct sensor *sensor, uint32_t depth)
{
	for (size_t i = 0; i < SENSOR_RUNS_MAX; i++)
		if (sensor->runs[i] && sensor->runs[i]->place.depth == depth)
			return true;
	return false;
}

/* Makes the kernel look at `depth`, too. An entry that some run needs stays as it is. */
static int add_depth(struct sensor *sensor, uint32_t depth, struct error *err)
{
	uint32_t at = 0;

	while (at < sensor->depth_count && sensor->depths[at] != depth)
		at++;
	if (at < sensor->depth_count)
		return 0;
	for (at = 0; at < sensor->depth_count; at++)
		if (!depth_in_use(sensor, sensor->depths[at]))
			break;
	if (at == RECORD_DEPTHS_MAX)
		return error_set(err, EINVAL,
		                 "runs live at more than %d different depths of the cgroup tree",
		                 RECORD_DEPTHS_MAX);
	sensor->depths[at] = depth;
	kernel_side_set_depth(sensor->kernel, at, depth);
	if (at == sensor->depth_count)
		kernel_side_set_depth_count(sensor->kernel, ++sensor->depth_count);
	return 0;
}

/* Takes a free slot. With the lock. */
static int run_place(struct sensor *sensor, struct sensor_run *run, struct error *err)
{
	uint32_t slot = 0;

	while (slot < SENSOR_RUNS_MAX && sensor->runs[slot])
		slot++;
	if (slot == SENSOR_RUNS_MAX)
		return error_set_class(err, ERROR_RETRY, EBUSY,
		                       "the sensor watches %d runs already, which is the most",
		                       SENSOR_RUNS_MAX);
	run->slot = slot;
	run->generation = ++sensor->generations[slot];
	sensor->runs[slot] = run;
	sensor->run_count++;
	return 0;
}

static void run_unplace(struct sensor_run *run)
{
	struct sensor *sensor = run->sensor;

	if (run->generation == 0)
		return; /* never placed */
	sensor->runs[run->slot] = NULL;
	if (--sensor->run_count)
		return;
	sensor->depth_count = 0; /* nobody is looked for any more */
	kernel_side_set_depth_count(sensor->kernel, 0);
	kernel_side_sleep(sensor->kernel);
}

/* Everything on the kernel's side for a run that has its slot. The order matters: nothing is
 * recorded before what it is matched with is there. */
static int run_enter(struct sensor_run *run, struct error *err)
{
	struct kernel_side *kernel = run->sensor->kernel;
	struct scope scope = {.slot = run->slot, .generation = run->generation};

	if (kernel_side_wake(kernel, err) < 0)
		return -err->code;
	kernel_side_reset_counters(kernel, run->slot);
	run->missed_before = kernel_side_missed(kernel);
	if (kernel_side_watch(kernel, run->slot, &run->decoder.watches, err) < 0 ||
	    kernel_side_await(kernel, run->slot, run->decoder.options.first_program, err) < 0 ||
	    kernel_side_aggregate(kernel, run->slot, err) < 0)
		return -err->code;
	if (add_depth(run->sensor, run->place.depth, err) < 0)
		return -err->code;
	if (kernel_side_enter(kernel, run->place.id, scope, err) < 0)
		return -err->code;
	run->attachment = kernel_side_attach(kernel, run->place.fd, err);
	if (!run->attachment) {
		kernel_side_leave(kernel, run->place.id);
		return -err->code;
	}
	return 0;
}

static struct sensor_run *run_create(struct sensor *sensor,
                                     const struct sensor_run_options *options, struct error *err)
{
	AUTO(free) struct sensor_run *run = xcalloc(1, sizeof(*run));
	struct sensor_run *created = run;
	struct run_decoder_options decoder = {
	        .watched_paths = options->watched_paths,
	        .watched_path_count = options->watched_path_count,
	        .command_actor = options->command_actor,
	        .first_program = options->first_program,
	        .on_event = run_on_event,
	        .on_stream_done = run_on_stream_done,
	        .ctx = run,
	};

	run->sensor = sensor;
	run->witness.fd = -1;
	run->on_event = options->on_event;
	run->ctx = options->ctx;
	if (cgroup2_open(options->cgroup_path, &run->place, err) < 0)
		return NULL;
	if (run_decoder_init(&run->decoder, &decoder, err) < 0) {
		(void)close(run->place.fd);
		return NULL;
	}
	run = NULL;
	return created;
}

static void run_destroy(struct sensor_run *run)
{
	witness_close(&run->witness);
	run_decoder_release(&run->decoder);
	(void)close(run->place.fd);
	free(run);
}

struct sensor_run *sensor_add_run(struct sensor *sensor, const struct sensor_run_options *options,
                                  struct error *err)
{
	struct sensor_run *run = run_create(sensor, options, err);
	int r;

	if (!run)
		return NULL;
	sensor_lock(sensor);
	r = run_place(sensor, run, err);
	if (r == 0)
		r = run_enter(run, err);
	if (r < 0) {
		run_unplace(run);
		(void)error_wrap(err, "cannot watch cgroup '%s'", options->cgroup_path);
	}
	(void)pthread_cond_signal(&sensor->wake);
	sensor_unlock(sensor);
	if (r == 0)
		return run;
	run_destroy(run);
	return NULL;
}

void sensor_remove_run(struct sensor_run *run)
{
	struct sensor *sensor;

	if (!run)
		return;
	sensor = run->sensor;
	kernel_attachment_destroy(run->attachment);
	sensor_lock(sensor);
	kernel_side_leave(sensor->kernel, run->place.id);
	kernel_side_unwatch(sensor->kernel, run->slot, &run->decoder.watches);
	kernel_side_forget(sensor->kernel, run->slot);
	run_unplace(run);
	sensor_unlock(sensor);
	run_destroy(run);
}

int sensor_drain(struct sensor_run *run, int timeout_ms, struct error *err)
{
	struct timespec deadline = sensor_deadline(timeout_ms);
	struct sensor *sensor = run->sensor;
	int r = 0;

	sensor_lock(sensor);
	for (size_t i = 0; i < KERNEL_RINGS; i++)
		run->drain_to[i] = ring_produced(&sensor->rings[i]);
	run->draining = true;
	(void)pthread_cond_signal(&sensor->wake);
	while (run->draining && r == 0)
		r = pthread_cond_timedwait(&sensor->drained, &sensor->lock, &deadline);
	r = run->draining;
	run->draining = false;
	sensor_unlock(sensor);
	if (!r)
		return 0;
	return error_set_class(err, ERROR_RETRY, ETIMEDOUT,
	                       "the sensor's events were not all handed out within %d ms",
	                       timeout_ms);
}

/* Inspect. ---------------------------------------------------------------------------------- */

static void add_lost(struct sensor_stats *stats, const struct run_counters *counters)
{
	static const enum event_type type_of[RECORD_KIND_COUNT] = {
	        [RECORD_FILE] = EVENT_FILE,         [RECORD_FILE_FAILED] = EVENT_FILE,
	        [RECORD_CHANGE] = EVENT_FILE,       [RECORD_EXEC] = EVENT_EXEC,
	        [RECORD_EXEC_FAILED] = EVENT_EXEC,  [RECORD_FORK] = EVENT_UNKNOWN,
	        [RECORD_EXIT] = EVENT_UNKNOWN,      [RECORD_CONNECT] = EVENT_CONNECT,
	        [RECORD_DATAGRAM] = EVENT_DNS,      [RECORD_SEGMENT] = EVENT_TLS,
	        [RECORD_CONNECTED] = EVENT_CONNECT, [RECORD_INTERFACE] = EVENT_CONNECT,
	};

	for (size_t kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		stats->lost[type_of[kind]] += counters->lost[kind];
		stats->lost_total += counters->lost[kind];
	}
	stats->lost[EVENT_TLS] += counters->flows_unknown;
	stats->lost_total += counters->flows_unknown;
}

void sensor_run_stats(const struct sensor_run *run, struct sensor_stats *ret)
{
	const struct run_decoder_stats *decoded = &run->decoder.stats;
	struct sensor *sensor = run->sensor;
	struct run_counters counters;

	*ret = (struct sensor_stats){0};
	sensor_lock(sensor);
	memcpy(ret->events, decoded->events, sizeof(ret->events));
	ret->malformed = decoded->malformed;
	ret->cut = decoded->cut;
	ret->parse_failed = decoded->parse_failed;
	ret->exec_failed = decoded->exec_failed;
	ret->unattributed = decoded->unattributed;
	kernel_side_counters(sensor->kernel, run->slot, &counters);
	ret->missed = kernel_side_missed(sensor->kernel) - run->missed_before;
	counters.lost[RECORD_CHANGE] += kernel_side_unfinished(sensor->kernel, run->slot);
	sensor_unlock(sensor);
	ret->only_witnessed = decoded->only_witnessed;
	ret->witness_overflowed = run->witness.overflowed;
	ret->unreadable = counters.unreadable;
	ret->repeats = counters.repeats;
	ret->unaggregated = counters.unaggregated;
	add_lost(ret, &counters);
	ret->lost_total += ret->missed + ret->malformed + ret->witness_overflowed;
}

void sensor_run_processes(const struct sensor_run *run, struct sensor_processes *ret)
{
	const struct process_tree *tree = &run->decoder.tree;
	struct sensor *sensor = run->sensor;

	sensor_lock(sensor);
	*ret = (struct sensor_processes){
	        .started = tree->started,
	        .alive = tree->alive,
	        .package_alive = tree->package_alive,
	        .survivors = tree->main ? tree->package_alive : tree->survivors,
	        .npm_started = tree->npm_started,
	        .npm_ended = tree->npm_ended,
	        .npm_exit_code = tree->npm_exit_code,
	};
	sensor_unlock(sensor);
}
