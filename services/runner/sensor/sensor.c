// SPDX-License-Identifier: Apache-2.0
#include "sensor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cgroup2.h"
#include "kernel_side.h"
#include "ring.h"
#include "run_decoder.h"

enum {
	DEFAULT_POLL_MS = 15,
	READ_BATCH = 256, /* records between two looks at who waits for the lock */
};

static const char tier_name[] = "tracepoint";

_Static_assert((int)SENSOR_RUNS_MAX == (int)RECORD_RUNS_MAX, "one slot a run");

enum { RING_FILE, RING_PRIORITY, RINGS };

struct sensor {
	struct kernel_side *kernel;
	struct ring rings[RINGS];
	unsigned poll_ms;
	pthread_t thread;
	bool has_thread;
	pthread_cond_t wake;    /* the reader: work or end */
	pthread_cond_t drained; /* whoever drains */
	atomic_uint waiters;    /* threads that want the lock: the reader lets them in */
	pthread_mutex_t lock;   /* guards all below, and every run */
	bool stopping;
	struct sensor_run *runs[SENSOR_RUNS_MAX];
	uint32_t generations[SENSOR_RUNS_MAX];
	unsigned run_count;
};

struct sensor_run {
	struct sensor *sensor;
	struct run_id id;
	uint32_t slot;
	uint32_t generation;
	struct cgroup2_place place;
	struct kernel_attachment *attachment;
	struct run_decoder decoder;
	sensor_event_fn on_event;
	void *ctx;
	uint64_t missed_before;
	bool draining;
	uint64_t drain_to[RINGS];
};

static void sensor_lock(struct sensor *sensor)
{
	atomic_fetch_add(&sensor->waiters, 1);
	(void)pthread_mutex_lock(&sensor->lock);
	atomic_fetch_sub(&sensor->waiters, 1);
}

static void sensor_unlock(struct sensor *sensor)
{
	(void)pthread_mutex_unlock(&sensor->lock);
}

/* Reading. All on the sensor's thread, with the lock. ------------------------------------------ */

static uint64_t time_of(struct view record)
{
	const struct record_header *header = (const void *)record.data;

	return record.size < sizeof(*header) ? 0 : header->ts_ns;
}

/* The ring whose oldest record comes next, or NULL. The file ring is looked at first: what the
 * priority ring got before that record (the fork of the process that opened the file) is then
 * certainly seen. */
static struct ring *next_ring(struct sensor *sensor, struct view *ret)
{
	struct ring *file = &sensor->rings[RING_FILE], *priority = &sensor->rings[RING_PRIORITY];
	struct view file_record = {0}, priority_record = {0};
	enum ring_state file_state = ring_peek(file, &file_record);
	enum ring_state priority_state = ring_peek(priority, &priority_record);

	if (priority_state == RING_BUSY)
		return NULL; /* being written at this moment: order matters more than time */
	if (priority_state == RING_READY &&
	    (file_state != RING_READY || time_of(priority_record) <= time_of(file_record))) {
		*ret = priority_record;
		return priority;
	}
	*ret = file_record;
	return file_state == RING_READY ? file : NULL;
}

static void dispatch(struct sensor *sensor, struct view record)
{
	const struct record_header *header = (const void *)record.data;
	struct sensor_run *run;

	if (record.size < sizeof(*header) || header->slot >= SENSOR_RUNS_MAX)
		return;
	run = sensor->runs[header->slot];
	if (run && run->generation == header->generation)
		run_decoder_record(&run->decoder, record);
}

static size_t read_batch(struct sensor *sensor)
{
	struct view record;
	struct ring *ring;
	size_t count = 0;

	while (count < READ_BATCH && (ring = next_ring(sensor, &record))) {
		dispatch(sensor, record);
		ring_pop(ring);
		count++;
	}
	return count;
}

static void finish_drains(struct sensor *sensor)
{
	for (size_t i = 0; i < SENSOR_RUNS_MAX; i++) {
		struct sensor_run *run = sensor->runs[i];

		if (!run || !run->draining ||
		    ring_consumed(&sensor->rings[RING_FILE]) < run->drain_to[RING_FILE] ||
		    ring_consumed(&sensor->rings[RING_PRIORITY]) < run->drain_to[RING_PRIORITY])
			continue;
		run_decoder_flush(&run->decoder);
		run->draining = false;
		(void)pthread_cond_broadcast(&sensor->drained);
	}
}

static struct timespec deadline_in(int64_t ms)
{
	int64_t at = clock_monotonic_ns() + ms * NS_PER_MS;

	return (struct timespec){.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
}

static void reader_wait(struct sensor *sensor)
{
	struct timespec deadline = deadline_in(sensor->poll_ms);

	if (sensor->run_count == 0)
		(void)pthread_cond_wait(&sensor->wake, &sensor->lock);
	else
		(void)pthread_cond_timedwait(&sensor->wake, &sensor->lock, &deadline);
}

static void *reader_main(void *arg)
{
	struct sensor *sensor = arg;

	(void)pthread_mutex_lock(&sensor->lock);
	while (!sensor->stopping) {
		size_t count = read_batch(sensor);

		finish_drains(sensor);
		if (count < READ_BATCH) {
			reader_wait(sensor);
			continue;
		}
		sensor_unlock(sensor);
		while (atomic_load(&sensor->waiters))
			(void)sched_yield();
		(void)pthread_mutex_lock(&sensor->lock);
	}
	sensor_unlock(sensor);
	return NULL;
}

/* Life. ------------------------------------------------------------------------------------- */

static int init_locks(struct sensor *sensor, struct error *err)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r == 0)
		r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&sensor->wake, &attr);
	if (r == 0)
		r = pthread_cond_init(&sensor->drained, &attr);
	if (r == 0)
		r = pthread_mutex_init(&sensor->lock, NULL);
	(void)pthread_condattr_destroy(&attr);
	return r ? error_set_errno(err, r, "cannot make the sensor's locks") : 0;
}

/* Signals are the runner's main thread's business. */
static int start_reader(struct sensor *sensor, struct error *err)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&sensor->thread, NULL, reader_main, sensor);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return error_set_errno(err, r, "cannot start the sensor's thread");
	(void)pthread_setname_np(sensor->thread, "sensor");
	sensor->has_thread = true;
	return 0;
}

static int open_rings(struct sensor *sensor, struct error *err)
{
	struct kernel_ring file = kernel_side_file_ring(sensor->kernel);
	struct kernel_ring priority = kernel_side_priority_ring(sensor->kernel);
	int r = ring_open(&sensor->rings[RING_FILE], file.fd, file.size, err);

	if (r == 0)
		r = ring_open(&sensor->rings[RING_PRIORITY], priority.fd, priority.size, err);
	return r;
}

struct sensor *sensor_open(const struct sensor_options *options, struct error *err)
{
	AUTO(sensor) struct sensor *sensor = NULL;
	struct sensor *opened;
	const char *tier = options->tier ? options->tier : "auto";

	if (strcmp(tier, "auto") != 0 && strcmp(tier, tier_name) != 0) {
		error_set_class(err, ERROR_FATAL, EINVAL,
		                "unknown sensor tier '%s': there are 'auto' and '%s'", tier,
		                tier_name);
		return NULL;
	}
	sensor = xcalloc(1, sizeof(*sensor));
	sensor->poll_ms = options->poll_interval_ms ? options->poll_interval_ms : DEFAULT_POLL_MS;
	if (init_locks(sensor, err) < 0)
		return NULL;
	sensor->kernel = kernel_side_open(options, err);
	if (!sensor->kernel || open_rings(sensor, err) < 0 || start_reader(sensor, err) < 0)
		return NULL;
	opened = sensor;
	sensor = NULL;
	return opened;
}

void sensor_close(struct sensor *sensor)
{
	if (!sensor)
		return;
	if (sensor->has_thread) {
		sensor_lock(sensor);
		sensor->stopping = true;
		(void)pthread_cond_signal(&sensor->wake);
		sensor_unlock(sensor);
		(void)pthread_join(sensor->thread, NULL);
	}
	for (size_t i = 0; i < RINGS; i++)
		ring_close(&sensor->rings[i]);
	kernel_side_close(sensor->kernel);
	(void)pthread_cond_destroy(&sensor->wake);
	(void)pthread_cond_destroy(&sensor->drained);
	(void)pthread_mutex_destroy(&sensor->lock);
	free(sensor);
}

const char *sensor_tier(const struct sensor *sensor)
{
	(void)sensor; /* one tier so far */
	return tier_name;
}

const struct sensor_hook *sensor_hooks(const struct sensor *sensor, size_t *ret_count)
{
	return kernel_side_hooks(sensor->kernel, ret_count);
}

/* Runs. ------------------------------------------------------------------------------------- */

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

/* Tells the kernel the depths of all runs, deepest first. E2BIG when there are too many. */
static int publish_depths(struct sensor *sensor)
{
	uint32_t depths[RECORD_DEPTHS_MAX], count = 0;

	for (size_t i = 0; i < SENSOR_RUNS_MAX; i++) {
		uint32_t depth, at = 0;

		if (!sensor->runs[i])
			continue;
		depth = sensor->runs[i]->place.depth;
		while (at < count && depths[at] > depth)
			at++;
		if (at < count && depths[at] == depth)
			continue;
		if (count == RECORD_DEPTHS_MAX)
			return -E2BIG;
		for (uint32_t j = count; j > at; j--)
			depths[j] = depths[j - 1];
		depths[at] = depth;
		count++;
	}
	kernel_side_set_depths(sensor->kernel, depths, count);
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
	sensor->run_count--;
	(void)publish_depths(sensor);
}

/* Everything on the kernel's side for a run that has its slot. The order matters: nothing is
 * recorded before what it is matched with is there. */
static int run_enter(struct sensor_run *run, struct error *err)
{
	struct kernel_side *kernel = run->sensor->kernel;
	struct scope scope = {.slot = run->slot, .generation = run->generation};

	kernel_side_reset_counters(kernel, run->slot);
	run->missed_before = kernel_side_missed(kernel);
	if (kernel_side_watch(kernel, run->slot, &run->decoder.watches, err) < 0)
		return -err->code;
	if (publish_depths(run->sensor) < 0)
		return error_set(err, EINVAL,
		                 "runs live at more than %d different depths of the cgroup tree",
		                 RECORD_DEPTHS_MAX);
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
	        .on_event = run_on_event,
	        .on_stream_done = run_on_stream_done,
	        .ctx = run,
	};

	run->sensor = sensor;
	run->id = options->run_id;
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
	run_unplace(run);
	sensor_unlock(sensor);
	run_destroy(run);
}

const struct run_id *sensor_run_id(const struct sensor_run *run)
{
	return &run->id;
}

int sensor_drain(struct sensor_run *run, int timeout_ms, struct error *err)
{
	struct timespec deadline = deadline_in(timeout_ms);
	struct sensor *sensor = run->sensor;
	int r = 0;

	sensor_lock(sensor);
	for (size_t i = 0; i < RINGS; i++)
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
	        [RECORD_FILE] = EVENT_FILE,       [RECORD_FILE_FAILED] = EVENT_FILE,
	        [RECORD_EXEC] = EVENT_EXEC,       [RECORD_EXEC_FAILED] = EVENT_EXEC,
	        [RECORD_FORK] = EVENT_UNKNOWN,    [RECORD_EXIT] = EVENT_UNKNOWN,
	        [RECORD_CONNECT] = EVENT_CONNECT, [RECORD_DATAGRAM] = EVENT_DNS,
	        [RECORD_SEGMENT] = EVENT_TLS,
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
	sensor_unlock(sensor);
	ret->unreadable = counters.unreadable;
	add_lost(ret, &counters);
	ret->lost_total += ret->missed + ret->malformed;
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
	        .npm_started = tree->npm_started,
	        .npm_ended = tree->npm_ended,
	        .npm_exit_code = tree->npm_exit_code,
	};
	sensor_unlock(sensor);
}
