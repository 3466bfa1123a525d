// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sensor_internal.h"

enum { DEFAULT_POLL_MS = 15 };

void sensor_lock(struct sensor *sensor)
{
	atomic_fetch_add(&sensor->waiters, 1);
	(void)pthread_mutex_lock(&sensor->lock);
	atomic_fetch_sub(&sensor->waiters, 1);
}

void sensor_unlock(struct sensor *sensor)
{
	(void)pthread_mutex_unlock(&sensor->lock);
}

struct timespec sensor_deadline(int64_t in_ms)
{
	int64_t at = clock_monotonic_ns() + in_ms * NS_PER_MS;

	return (struct timespec){.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
}

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

static int open_rings(struct sensor *sensor, struct error *err)
{
	for (enum kernel_ring i = 0; i < KERNEL_RINGS; i++) {
		size_t size;
		int fd = kernel_side_ring(sensor->kernel, i, &size);

		if (ring_open(&sensor->rings[i], fd, size, err) < 0)
			return -err->code;
	}
	return 0;
}

static bool is_tier(const char *name)
{
	return strcmp(name, "auto") == 0 || strcmp(name, SENSOR_TIER_TRACEPOINT) == 0 ||
	       strcmp(name, SENSOR_TIER_BASIC) == 0;
}

struct sensor *sensor_open(const struct sensor_options *options, struct error *err)
{
	struct sensor *sensor;
	const char *tier = options->tier ? options->tier : "auto";

	if (!is_tier(tier)) {
		error_set_class(err, ERROR_FATAL, EINVAL,
		                "unknown sensor tier '%s': there are 'auto', '%s' and '%s'", tier,
		                SENSOR_TIER_TRACEPOINT, SENSOR_TIER_BASIC);
		return NULL;
	}
	sensor = xcalloc(1, sizeof(*sensor));
	sensor->poll_ms = options->poll_interval_ms ? options->poll_interval_ms : DEFAULT_POLL_MS;
	if (init_locks(sensor, err) < 0) {
		free(sensor);
		return NULL;
	}
	sensor->kernel = kernel_side_open(options, err);
	if (sensor->kernel && open_rings(sensor, err) == 0 && sensor_reader_start(sensor, err) == 0)
		return sensor;
	sensor_close(sensor);
	return NULL;
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
	for (size_t i = 0; i < KERNEL_RINGS; i++)
		ring_close(&sensor->rings[i]);
	kernel_side_close(sensor->kernel);
	(void)pthread_cond_destroy(&sensor->wake);
	(void)pthread_cond_destroy(&sensor->drained);
	(void)pthread_mutex_destroy(&sensor->lock);
	free(sensor);
}

const char *sensor_tier(const struct sensor *sensor)
{
	return kernel_side_has_optional(sensor->kernel) ? SENSOR_TIER_TRACEPOINT
	                                                : SENSOR_TIER_BASIC;
}

const struct sensor_hook *sensor_hooks(const struct sensor *sensor, size_t *ret_count)
{
	return kernel_side_hooks(sensor->kernel, ret_count);
}
