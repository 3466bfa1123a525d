// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "slots.h"

enum { SENDS_MAX = 64 };

/* A transport that fails as told and remembers what got through. */
struct fake_transport {
	struct transport base;
	int fail_first;              /* so many sends fail, */
	enum error_class fail_class; /* in this way */
	int fail_code;
	int sends;
	uint64_t delivered[SENDS_MAX];
	size_t delivered_count, events;
	bool has_result;
};

static struct transport_channel *fake_open(struct transport *transport, struct attempt *attempt,
                                           struct error *err)
{
	(void)attempt, (void)err;
	return (struct transport_channel *)transport;
}

static void fake_close(struct transport_channel *channel)
{
	(void)channel;
}

static int pretend(struct fake_transport *fake, struct error *err)
{
	fake->sends++;
	if (fake->fail_first == 0)
		return 0;
	fake->fail_first--;
	return error_set_class(err, fake->fail_class, fake->fail_code, "told to fail");
}

static int fake_send_batch(struct transport_channel *channel, const struct spool_batch *batch,
                           struct error *err)
{
	struct fake_transport *fake = (struct fake_transport *)channel;
	int r = pretend(fake, err);
	if (r == 0) {
		fake->delivered[fake->delivered_count++] = batch->seq;
		fake->events += batch->event_count;
	}
	return r;
}

static int fake_send_result(struct transport_channel *channel, const struct run_result *result,
                            struct error *err)
{
	struct fake_transport *fake = (struct fake_transport *)channel;
	(void)result;
	int r = pretend(fake, err);
	fake->has_result = fake->has_result || r == 0;
	return r;
}

static const struct transport_ops fake_ops = {
        .name = "fake",
        .open = fake_open,
        .send_batch = fake_send_batch,
        .send_result = fake_send_result,
        .close = fake_close,
};

struct fixture {
	struct fake_transport fake;
	struct runner_metrics metrics;
	struct attempt *attempt;
	struct spool *spool;
};

static int setup(void **state)
{
	static struct fixture f;
	const struct spool_options options = {.attempt = 1, .runner_id = "r", .max_bytes = 1 << 20};
	f = (struct fixture){.fake = {.base.ops = &fake_ops, .fail_code = EIO}};
	runner_metrics_init(&f.metrics);
	f.attempt = slots_new_attempt();
	f.spool = spool_create(&options);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	spool_destroy(f->spool);
	slots_discard(f->attempt);
	return 0;
}

/* Three batches, the last of one event. */
static void fill(struct fixture *f)
{
	const struct event event = {.type = EVENT_FILE, .file = {.path = VIEW_LITERAL("/etc/x")}};
	for (size_t i = 0; i < 2 * SPOOL_BATCH_EVENTS + 1; i++)
		assert_true(spool_put(f->spool, &event));
	spool_close(f->spool);
}

static int send_all(struct fixture *f, struct sender_totals *totals)
{
	const struct sender_options options = {.transport = &f->fake.base,
	                                       .attempt = f->attempt,
	                                       .spool = f->spool,
	                                       .metrics = &f->metrics};
	const struct run_result result = {.status = RUN_STATUS_OK};
	struct error err = {0};
	struct sender *sender = sender_start(&options, &err);
	assert_non_null(sender);
	sender_finish(sender, totals);
	int r = sender_send_result(sender, &result, &err);
	sender_destroy(sender);
	return r;
}

static void everything_arrives_in_order_despite_failures(void **state)
{
	struct fixture *f = *state;
	struct sender_totals totals;
	f->fake.fail_first = 2;
	fill(f);
	assert_int_equal(send_all(f, &totals), 0);
	assert_int_equal(f->fake.delivered_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->fake.delivered[i], i + 1);
	assert_int_equal(totals.events_sent, 2 * SPOOL_BATCH_EVENTS + 1);
	assert_int_equal(totals.events_undelivered, 0);
	assert_int_equal(f->fake.sends, 3 + 2 + 1);
	assert_true(f->fake.has_result);
}

static void a_batch_refused_for_good_is_counted_and_passed_over(void **state)
{
	struct fixture *f = *state;
	struct sender_totals totals;
	f->fake.fail_first = 1;
	f->fake.fail_class = ERROR_DROP;
	fill(f);
	assert_int_equal(send_all(f, &totals), 0);
	assert_int_equal(f->fake.delivered_count, 2);
	assert_int_equal(f->fake.delivered[0], 2);
	assert_int_equal(totals.events_undelivered, SPOOL_BATCH_EVENTS);
	assert_true(f->fake.has_result);
}

static void a_lost_attempt_sends_nothing_more(void **state)
{
	struct fixture *f = *state;
	struct sender_totals totals;
	f->fake.fail_first = 1;
	f->fake.fail_code = ESTALE;
	fill(f);
	assert_int_equal(send_all(f, &totals), -ESTALE);
	assert_int_equal(f->fake.sends, 1);
	assert_false(f->fake.has_result);
	assert_true(atomic_load(&f->attempt->lost));
	assert_true(atomic_load(&f->attempt->interrupt)); /* the sandbox ends as well */
	assert_int_equal(totals.events_undelivered, 2 * SPOOL_BATCH_EVENTS + 1);
}

static void the_runners_stop_ends_the_retries(void **state)
{
	struct fixture *f = *state;
	struct sender_totals totals;
	f->fake.fail_first = SENDS_MAX;
	atomic_store(&f->attempt->give_up_at_ms, clock_monotonic_ms());
	fill(f);
	assert_int_equal(send_all(f, &totals), -ETIMEDOUT);
	assert_int_equal(f->fake.sends, 2); /* one batch, one result */
	assert_int_equal(totals.events_sent, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(everything_arrives_in_order_despite_failures),
	        TEST(a_batch_refused_for_good_is_counted_and_passed_over),
	        TEST(a_lost_attempt_sends_nothing_more),
	        TEST(the_runners_stop_ends_the_retries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
