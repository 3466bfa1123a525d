// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "metrics/metrics_process.h"
#include "json/json_writer.h"

static const double bucket_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                       0.5,   1,      2.5,   5,    10,    25,   50,  100};
enum { BUCKET_COUNT = sizeof(bucket_bounds) / sizeof(bucket_bounds[0]) };

struct metric {
	_Atomic(struct metric *) next;
	char *value;               /* of the label or labels */
	_Atomic(double) number;    /* the value; of histograms the sum */
	_Atomic(uint64_t) *counts; /* histograms: per bucket, the last one is +Inf */
};

/* Appended only: lists may be walked without the lock. */
struct metric_family {
	_Atomic(struct metric_family *) next;
	enum metric_type type;
	char *name, *help, *label;
	_Atomic(struct metric *) first;
	metric_sample_fn sample; /* NULL: the value is in the series */
	void *ctx;
};

/* The one registry of the process: metrics are process-wide by nature. The lock guards appends. */
static struct {
	pthread_mutex_t lock;
	_Atomic(struct metric_family *) first;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct metric_family *find_family(const char *name)
{
	struct metric_family *family = registry.first;
	while (family && strcmp(family->name, name) != 0)
		family = family->next;
	return family;
}

static struct metric_family *add_family(enum metric_type type, const char *name, const char *help,
                                        const char *label)
{
	struct metric_family *family = xcalloc(1, sizeof(*family));
	family->type = type;
	family->name = xstrdup(name);
	family->help = xstrdup(help);
	family->label = label ? xstrdup(label) : NULL;
	_Atomic(struct metric_family *) *place = &registry.first;
	while (*place)
		place = &(*place)->next;
	*place = family;
	return family;
}

static struct metric_family *get_family(enum metric_type type, const char *name, const char *help,
                                        const char *label)
{
	struct metric_family *family = find_family(name);
	return family ? family : add_family(type, name, help, label);
}

struct metric_family *metric_family(enum metric_type type, const char *name, const char *help,
                                    const char *label)
{
	(void)pthread_mutex_lock(&registry.lock);
	struct metric_family *family = get_family(type, name, help, label);
	(void)pthread_mutex_unlock(&registry.lock);
	return family;
}

static struct metric *find_series(struct metric_family *family, const char *value)
{
	struct metric *metric = family->first;
	while (metric && strcmp(metric->value, value) != 0)
		metric = metric->next;
	return metric;
}

static struct metric *add_series(struct metric_family *family, const char *value)
{
	struct metric *metric = xcalloc(1, sizeof(*metric));
	metric->value = xstrdup(value);
	if (family->type == METRIC_HISTOGRAM)
		metric->counts = xcalloc(BUCKET_COUNT + 1, sizeof(*metric->counts));
	_Atomic(struct metric *) *place = &family->first;
	while (*place)
		place = &(*place)->next;
	*place = metric;
	return metric;
}

struct metric *metric_series(struct metric_family *family, const char *value)
{
	struct metric *metric = find_series(family, value);
	if (metric)
		return metric;
	(void)pthread_mutex_lock(&registry.lock);
	metric = find_series(family, value); /* another thread may have been faster */
	if (!metric)
		metric = add_series(family, value);
	(void)pthread_mutex_unlock(&registry.lock);
	return metric;
}

struct metric *metric_plain(enum metric_type type, const char *name, const char *help)
{
	return metric_series(metric_family(type, name, help, NULL), "");
}

void metric_sampled(enum metric_type type, const char *name, const char *help,
                    metric_sample_fn sample, void *ctx)
{
	(void)pthread_mutex_lock(&registry.lock);
	if (!find_family(name)) {
		struct metric_family *family = add_family(type, name, help, NULL);
		family->sample = sample;
		family->ctx = ctx;
	}
	(void)pthread_mutex_unlock(&registry.lock);
}

static void add_double(_Atomic(double) *number, double amount)
{
	double old = atomic_load_explicit(number, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(number, &old, old + amount,
	                                              memory_order_relaxed, memory_order_relaxed))
		;
}

void metric_add(struct metric *metric, double amount)
{
	add_double(&metric->number, amount);
}

void metric_set(struct metric *metric, double value)
{
	atomic_store_explicit(&metric->number, value, memory_order_relaxed);
}

void metric_observe_seconds(struct metric *metric, double seconds)
{
	size_t bucket = 0;
	while (bucket < BUCKET_COUNT && seconds > bucket_bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&metric->counts[bucket], 1, memory_order_relaxed);
	add_double(&metric->number, seconds);
}

static void put_number(struct buf *out, double number)
{
	struct json_writer w = json_writer_on(out);
	if (isfinite(number))
		json_put_double(&w, number);
	else
		buf_append_string(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
}

static void put_escaped(struct buf *out, struct view text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c == '\\' || c == '"')
			buf_append_char(out, '\\');
		buf_append_string(out, c == '\n' ? "\\n" : (const char[]){c, '\0'});
	}
}

/* Writes {a="x",b="y"} of the labels "a,b", and `bound` as le="..." when it is not NULL. The last
 * label takes the rest of the value, commas included. */
static void put_labels(struct buf *out, const struct metric_family *family, const char *value,
                       const char *bound)
{
	struct view names = view_of_string(family->label);
	struct view values = view_of_string(value);
	char before = '{';
	while (names.size) {
		struct view name = view_split(&names, ',');
		buf_printf(out, "%c%.*s=\"", before, VIEW_ARG(name));
		put_escaped(out, names.size ? view_split(&values, ',') : values);
		buf_append_char(out, '"');
		before = ',';
	}
	if (bound) {
		buf_printf(out, "%cle=\"%s\"", before, bound);
		before = ',';
	}
	if (before == ',')
		buf_append_char(out, '}');
	buf_append_char(out, ' ');
}

static void put_sample(struct buf *out, const struct metric_family *family, const char *suffix,
                       const char *value, const char *bound, double number)
{
	buf_printf(out, "%s%s", family->name, suffix);
	put_labels(out, family, value, bound);
	put_number(out, number);
	buf_append_char(out, '\n');
}

static void put_histogram(struct buf *out, const struct metric_family *family,
                          struct metric *metric)
{
	AUTO(buf) struct buf bound;
	uint64_t cumulated = 0;
	buf_init(&bound, 32);
	for (size_t i = 0; i <= BUCKET_COUNT; i++) {
		buf_reset(&bound);
		put_number(&bound, i < BUCKET_COUNT ? bucket_bounds[i] : INFINITY);
		cumulated += atomic_load_explicit(&metric->counts[i], memory_order_relaxed);
		put_sample(out, family, "_bucket", metric->value, bound.data, (double)cumulated);
	}
	put_sample(out, family, "_sum", metric->value, NULL, metric->number);
	put_sample(out, family, "_count", metric->value, NULL, (double)cumulated);
}

static void put_family(struct buf *out, struct metric_family *family)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	struct metric *first = family->first;
	if (!first && !family->sample)
		return; /* labelled, and nothing happened yet */
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
	           types[family->type]);
	if (family->sample)
		put_sample(out, family, "", "", NULL, family->sample(family->ctx));
	for (struct metric *metric = first; metric; metric = metric->next) {
		if (family->type == METRIC_HISTOGRAM)
			put_histogram(out, family, metric);
		else
			put_sample(out, family, "", metric->value, NULL, metric->number);
	}
}

void metrics_render(struct buf *out)
{
	for (struct metric_family *family = registry.first; family; family = family->next)
		put_family(out, family);
	metrics_render_process(out);
}
