// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the sensor share: sensor.c (life), sensor_reader.c (the thread that reads the
 * rings) and sensor_run.c (runs).
 */
#ifndef FANGS_SENSOR_INTERNAL_H
#define FANGS_SENSOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "cgroup2.h"
#include "kernel_side.h"
#include "ring.h"
#include "run_decoder.h"
#include "sensor.h"

_Static_assert((int)SENSOR_RUNS_MAX == (int)RECORD_RUNS_MAX, "one slot a run");

struct sensor {
	struct kernel_side *kernel;
	struct ring rings[KERNEL_RINGS];
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
	uint32_t depths[RECORD_DEPTHS_MAX]; /* as the kernel side knows them */
	uint32_t depth_count;
};

struct sensor_run {
	struct sensor *sensor;
	uint32_t slot;
	uint32_t generation;
	struct cgroup2_place place;
	struct kernel_attachment *attachment;
	struct run_decoder decoder;
	struct witness witness;
	sensor_event_fn on_event;
	void *ctx;
	uint64_t missed_before;
	bool draining;
	uint64_t drain_to[KERNEL_RINGS];
};

/* The reader lets whoever asks this way in soon. */
void sensor_lock(struct sensor *sensor);
void sensor_unlock(struct sensor *sensor);

/* Takes what the run's second witness has. With the lock, when the rings are empty. */
void sensor_run_look(struct sensor_run *run);

/* For waits on the sensor's conditions. */
struct timespec sensor_deadline(int64_t in_ms);

/* Starts the thread that reads the rings until sensor->stopping. */
int sensor_reader_start(struct sensor *sensor, struct error *err);

#endif
