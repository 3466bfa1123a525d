// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/event_codec.h"

static const struct spool_options options = {
        .run_id = {{7}}, .attempt = 3, .runner_id = "r1", .max_bytes = 1 << 20};

static struct event file_event(const char *path)
{
	return (struct event){
	        .type = EVENT_FILE,
	        .process = {.pid = 42, .comm = VIEW_LITERAL("node")},
	        .file = {.path = view_of_string(path)},
	};
}

static void put(struct spool *spool, size_t count)
{
	const struct event event = file_event("/etc/passwd");
	for (size_t i = 0; i < count; i++)
		assert_true(spool_put(spool, &event));
}

static size_t take(struct spool *spool, uint64_t seq)
{
	bool end = true;
	const struct spool_batch *batch = spool_peek(spool, 0, &end);
	assert_non_null(batch);
	assert_false(end);
	assert_int_equal(batch->seq, seq);
	size_t count = batch->event_count;
	spool_pop(spool);
	return count;
}

static void batches_are_complete_messages_in_order(void **state)
{
	(void)state;
	AUTO(spool) struct spool *spool = spool_create(&options);
	const struct event first = file_event("/etc/a"), second = file_event("/etc/b");
	assert_true(spool_put(spool, &first));
	assert_true(spool_put(spool, &second));
	spool_close(spool);

	bool end = true;
	const struct spool_batch *batch = spool_peek(spool, 0, &end);
	assert_non_null(batch);
	struct events_header header;
	struct events_reader reader;
	struct event event;
	struct error err = {0};
	assert_int_equal(events_read_header(buf_view(&batch->message), &header, &reader, &err), 0);
	assert_int_equal(header.kind, EVENTS_BATCH);
	assert_int_equal(header.attempt, 3);
	assert_int_equal(header.seq, 1);
	assert_true(view_is(header.runner_id, "r1"));
	assert_int_equal(events_next(&reader, &event, &err), 1);
	assert_true(view_is(event.file.path, "/etc/a"));
	assert_int_equal(events_next(&reader, &event, &err), 1);
	assert_true(view_is(event.file.path, "/etc/b"));
	assert_int_equal(events_next(&reader, &event, &err), 0);
	spool_pop(spool);

	assert_null(spool_peek(spool, 0, &end));
	assert_true(end);
}

static void full_batches_are_ready_at_once(void **state)
{
	(void)state;
	AUTO(spool) struct spool *spool = spool_create(&options);
	put(spool, 2 * SPOOL_BATCH_EVENTS + 5);
	assert_int_equal(take(spool, 1), SPOOL_BATCH_EVENTS);
	assert_int_equal(take(spool, 2), SPOOL_BATCH_EVENTS);
	bool end = true;
	assert_null(spool_peek(spool, 0, &end)); /* the rest may still grow */
	assert_false(end);
	spool_close(spool);
	assert_int_equal(take(spool, 3), 5);
	assert_int_equal(spool_last_seq(spool), 3);
}

static void a_batch_in_the_takers_hands_takes_no_more(void **state)
{
	(void)state;
	bool end = true;
	AUTO(spool) struct spool *spool = spool_create(&options);
	put(spool, SPOOL_BATCH_EVENTS);
	assert_non_null(spool_peek(spool, 0, &end));
	put(spool, 2);
	spool_close(spool);
	assert_int_equal(take(spool, 1), SPOOL_BATCH_EVENTS);
	assert_int_equal(take(spool, 2), 2);
	assert_null(spool_peek(spool, 0, &end));
}

static int64_t fake_ms;

static int64_t fake_clock(bool wall)
{
	(void)wall;
	return fake_ms * NS_PER_MS;
}

static void a_small_batch_is_ready_after_a_while(void **state)
{
	(void)state;
	bool end = true;
	fake_ms = 1000;
	clock_set_source(fake_clock);
	AUTO(spool) struct spool *spool = spool_create(&options);
	put(spool, 1);
	fake_ms += SPOOL_FLUSH_MS - 1;
	assert_null(spool_peek(spool, 0, &end));
	fake_ms += 1;
	assert_int_equal(take(spool, 1), 1);
	clock_set_source(NULL);
}

static void the_bound_refuses_and_counts(void **state)
{
	(void)state;
	struct spool_options small = options;
	small.max_bytes = 4096;
	AUTO(spool) struct spool *spool = spool_create(&small);
	const struct event event = file_event("/tmp/test/node_modules/x/index.js");
	uint64_t taken = 0;
	for (size_t i = 0; i < 1000; i++)
		taken += spool_put(spool, &event) ? 1 : 0;
	assert_in_range(taken, 10, 200);
	assert_int_equal(spool_refused(spool), 1000 - taken);
	/* What was delivered makes room again. */
	spool_close(spool);
	assert_int_equal(take(spool, 1), taken);
	assert_false(spool_put(spool, &event)); /* closed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(batches_are_complete_messages_in_order),
	        cmocka_unit_test(full_batches_are_ready_at_once),
	        cmocka_unit_test(a_batch_in_the_takers_hands_takes_no_more),
	        cmocka_unit_test(a_small_batch_is_ready_after_a_while),
	        cmocka_unit_test(the_bound_refuses_and_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
