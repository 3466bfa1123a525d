// SPDX-License-Identifier: Apache-2.0
/* The sensor's thread: reads the rings in the order of time. All of it holds the lock. */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sensor_internal.h"

enum {
	BUSY_POLL_MS = 5,
	BUSY_RECORDS = 1000, /* at one look: more will come soon */
	READ_BATCH = 256,    /* records between two looks at who waits for the lock */
	READER_NICE = -15,   /* what is watched must not starve who reads of it */
};

static uint64_t time_of(struct view record)
{
	const struct record_header *header = (const void *)record.data;

	return record.size < sizeof(*header) ? 0 : header->ts_ns;
}

/* The ring whose oldest record comes next, or NULL. The priority ring is looked at last: what it
 * got before a record of the others (the fork of the process that opened the file) is then
 * certainly seen. */
static struct ring *next_ring(struct sensor *sensor, struct view *ret)
{
	struct ring *oldest = NULL;

	for (size_t i = 0; i < KERNEL_RINGS; i++) {
		struct view record;
		enum ring_state state = ring_peek(&sensor->rings[i], &record);

		if (state == RING_BUSY && i == KERNEL_RING_PRIORITY)
			return NULL; /* being written at this moment: order matters more */
		if (state != RING_READY)
			continue;
		if (!oldest || time_of(record) < time_of(*ret) ||
		    (i == KERNEL_RING_PRIORITY && time_of(record) == time_of(*ret))) {
			oldest = &sensor->rings[i];
			*ret = record;
		}
	}
	return oldest;
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
	struct view record = {0};
	struct ring *ring;
	size_t count = 0;

	while (count < READ_BATCH && (ring = next_ring(sensor, &record))) {
		dispatch(sensor, record);
		ring_pop(ring);
		count++;
	}
	return count;
}

static bool reached(const struct sensor *sensor, const uint64_t positions[KERNEL_RINGS])
{
	for (size_t i = 0; i < KERNEL_RINGS; i++)
		if (ring_consumed(&sensor->rings[i]) < positions[i])
			return false;
	return true;
}

static void finish_drains(struct sensor *sensor)
{
	for (size_t i = 0; i < SENSOR_RUNS_MAX; i++) {
		struct sensor_run *run = sensor->runs[i];

		if (!run || !run->draining || !reached(sensor, run->drain_to))
			continue;
		/* What was seen before the drain is in the book after one look, and has waited
		 * after two turns. */
		sensor_run_look(run);
		sensor_run_look(run);
		run_decoder_flush(&run->decoder);
		run->draining = false;
		(void)pthread_cond_broadcast(&sensor->drained);
	}
}

static void look_at_witnesses(struct sensor *sensor)
{
	for (size_t i = 0; i < SENSOR_RUNS_MAX; i++)
		if (sensor->runs[i])
			sensor_run_look(sensor->runs[i]);
}

static void reader_wait(struct sensor *sensor, bool busy)
{
	struct timespec deadline = sensor_deadline(busy ? BUSY_POLL_MS : sensor->poll_ms);

	if (sensor->run_count == 0)
		(void)pthread_cond_wait(&sensor->wake, &sensor->lock);
	else
		(void)pthread_cond_timedwait(&sensor->wake, &sensor->lock, &deadline);
}

static void *reader_main(void *arg)
{
	struct sensor *sensor = arg;
	size_t since_wait = 0;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), READER_NICE);
	(void)pthread_mutex_lock(&sensor->lock);
	while (!sensor->stopping) {
		size_t count = read_batch(sensor);

		if (count < READ_BATCH)
			look_at_witnesses(sensor);
		finish_drains(sensor);
		since_wait += count;
		if (count < READ_BATCH) {
			reader_wait(sensor, since_wait > BUSY_RECORDS);
			since_wait = 0;
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

/* Signals are the runner's main thread's business. */
int sensor_reader_start(struct sensor *sensor, struct error *err)
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
