// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "metrics/metrics.h"

enum { RENDERED_MAX = 1024 * 1024 };

static void assert_rendered(const char *lines)
{
	AUTO(buf) struct buf buf;
	buf_init(&buf, RENDERED_MAX);
	metrics_render(&buf);
	if (!strstr(buf.data, lines))
		print_error("not found:\n%s\nin:\n%s", lines, buf.data);
	assert_non_null(strstr(buf.data, lines));
}

static void plain_series_are_rendered(void **state)
{
	(void)state;
	struct metric *counter = metric_plain(METRIC_COUNTER, "fangs_a_total", "All A.");
	metric_add(counter, 1);
	metric_add(counter, 2);
	assert_ptr_equal(metric_plain(METRIC_COUNTER, "fangs_a_total", "All A."), counter);
	assert_rendered("# HELP fangs_a_total All A.\n# TYPE fangs_a_total counter\n"
	                "fangs_a_total 3\n");
	struct metric *gauge = metric_plain(METRIC_GAUGE, "fangs_g", "G.");
	metric_set(gauge, 5);
	metric_add(gauge, -0.5);
	assert_rendered("# TYPE fangs_g gauge\nfangs_g 4.5\n");
}

static void labels_are_named_and_escaped(void **state)
{
	(void)state;
	struct metric_family *one = metric_family(METRIC_COUNTER, "fangs_one_total", "1.", "kind");
	struct metric_family *two = metric_family(METRIC_COUNTER, "fangs_two_total", "2.", "a,b");
	metric_add(metric_series(one, "x\"\\\n,y"), 1);
	metric_add(metric_series(two, "first,second"), 1);
	metric_add(metric_series(two, "first,a,b"), 2);
	assert_ptr_equal(metric_series(one, "z"), metric_series(one, "z"));
	assert_rendered("fangs_one_total{kind=\"x\\\"\\\\\\n,y\"} 1\n"
	                "fangs_one_total{kind=\"z\"} 0\n");
	assert_rendered("fangs_two_total{a=\"first\",b=\"second\"} 1\n"
	                "fangs_two_total{a=\"first\",b=\"a,b\"} 2\n");
}

static void untouched_labelled_families_are_absent(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, RENDERED_MAX);
	(void)metric_family(METRIC_COUNTER, "fangs_untouched_total", "U.", "kind");
	metrics_render(&buf);
	assert_null(strstr(buf.data, "fangs_untouched_total"));
}

static void histograms_are_cumulative(void **state)
{
	(void)state;
	struct metric *histogram = metric_plain(METRIC_HISTOGRAM, "fangs_h_seconds", "H.");
	metric_observe_seconds(histogram, 0.001); /* bounds are inclusive */
	metric_observe_seconds(histogram, 0.3);
	metric_observe_seconds(histogram, 1000);
	assert_rendered("# TYPE fangs_h_seconds histogram\n"
	                "fangs_h_seconds_bucket{le=\"0.001\"} 1\n"
	                "fangs_h_seconds_bucket{le=\"0.0025\"} 1\n");
	assert_rendered("fangs_h_seconds_bucket{le=\"0.25\"} 1\n"
	                "fangs_h_seconds_bucket{le=\"0.5\"} 2\n");
	assert_rendered("fangs_h_seconds_bucket{le=\"100\"} 2\n"
	                "fangs_h_seconds_bucket{le=\"+Inf\"} 3\n"
	                "fangs_h_seconds_sum 1000.301\nfangs_h_seconds_count 3\n");
	struct metric_family *labelled =
	        metric_family(METRIC_HISTOGRAM, "fangs_l_seconds", "L.", "op");
	metric_observe_seconds(metric_series(labelled, "read"), 7);
	assert_rendered("fangs_l_seconds_bucket{op=\"read\",le=\"10\"} 1\n");
	assert_rendered("fangs_l_seconds_sum{op=\"read\"} 7\n");
}

static double sample(void *ctx)
{
	return *(const double *)ctx;
}

static void sampled_gauges_are_asked(void **state)
{
	(void)state;
	static double value = 1; /* registered for ever */
	metric_sampled(METRIC_GAUGE, "fangs_s", "S.", sample, &value);
	assert_rendered("fangs_s 1\n");
	value = 2;
	assert_rendered("fangs_s 2\n");
	value = NAN;
	assert_rendered("fangs_s NaN\n");
}

static void process_families_are_there(void **state)
{
	(void)state;
	AUTO(buf) struct buf buf;
	buf_init(&buf, RENDERED_MAX);
	metrics_render(&buf);
	static const char *const names[] = {
	        "process_cpu_seconds_total ",
	        "process_resident_memory_bytes ",
	        "process_virtual_memory_bytes ",
	        "process_open_fds ",
	        "process_max_fds ",
	        "process_start_time_seconds ",
	        "process_threads ",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(buf.data, names[i]));
	assert_null(strstr(buf.data, "process_resident_memory_bytes 0\n"));
}

enum { THREADS = 4, ROUNDS = 10000 };

static void *add_many(void *ctx)
{
	struct metric_family *family = ctx;
	for (int i = 0; i < ROUNDS; i++)
		metric_add(metric_series(family, i % 2 ? "odd" : "even"), 1);
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	struct metric_family *family = metric_family(METRIC_COUNTER, "fangs_t_total", "T.", "kind");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, family), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_rendered("fangs_t_total{kind=\"even\"} 20000\n");
	assert_rendered("fangs_t_total{kind=\"odd\"} 20000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(plain_series_are_rendered),
	        cmocka_unit_test(labels_are_named_and_escaped),
	        cmocka_unit_test(untouched_labelled_families_are_absent),
	        cmocka_unit_test(histograms_are_cumulative),
	        cmocka_unit_test(sampled_gauges_are_asked),
	        cmocka_unit_test(process_families_are_there),
	        cmocka_unit_test(threads_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
