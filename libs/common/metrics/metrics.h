// SPDX-License-Identifier: Apache-2.0
/*
 * Process metrics in the Prometheus text format (0.0.4).
 *
 * A metric family is created once at start and lives as long as the process; updating a series is
 * lock-free and may be done by any thread. Base units only (seconds, bytes), names start with
 * `fangs_`. Label values are bounded by the caller (no user input as label value).
 */
#ifndef FANGS_METRICS_METRICS_H
#define FANGS_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct metric;        /* one series */
struct metric_family; /* a name with its label */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Registers a family (same name twice returns the first); `label` NULL: one series only.
 * Two labels: "a,b", values given as "x,y". Histograms use the buckets 1 ms to 100 s. */
struct metric_family *metric_family(enum metric_type type, const char *name, const char *help,
                                    const char *label);

/* The series with that label value ("" without labels); created on first use, never freed. */
struct metric *metric_series(struct metric_family *family, const char *value);

/* Shorthand for a family without a label. */
struct metric *metric_plain(enum metric_type type, const char *name, const char *help);

void metric_add(struct metric *metric, double amount); /* counters, gauges */
void metric_set(struct metric *metric, double value);  /* gauges */
void metric_observe_seconds(struct metric *metric, double seconds);

/* A gauge whose value is asked for at each scrape; called by the scraping thread. */
typedef double (*metric_sample_fn)(void *ctx);
void metric_sampled(enum metric_type type, const char *name, const char *help,
                    metric_sample_fn sample, void *ctx);

/* Appends all families in order of registration, and process_* (cpu, memory, fds, start time). */
void metrics_render(struct buf *out);

#endif
