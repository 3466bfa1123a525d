// SPDX-License-Identifier: Apache-2.0
/* The hub over streams that are buffers and a database that is a number of transactions. */
#include "live/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cond.h"

enum { WAIT_MS = 20000, SHORT_MS = 5, LONG_MS = 3600000, STREAMS = 64, RUNS_MAX = 100 };

struct http_stream {
	struct fake *fake;
	struct buf sent;
	bool full, closed;
};

/* Transaction n (from 1) writes run n; all below `next` have committed. */
struct fake {
	pthread_mutex_t lock;
	struct hub *hub;
	struct http_stream streams[STREAMS];
	unsigned next;
	unsigned reads, items, prunes, cut, away_notes, back_notes;
	bool away;
	size_t sent;
};

static void lock(struct fake *fake)
{
	(void)pthread_mutex_lock(&fake->lock);
}

static void unlock(struct fake *fake)
{
	(void)pthread_mutex_unlock(&fake->lock);
}

static void add_run(struct batch *batch, struct item *items, unsigned xid)
{
	struct cause *cause = arena_alloc(&batch->arena, 1, sizeof(*cause));

	cause->xid = xid;
	items[batch->count++] =
	        (struct item){TOPIC_RUNS, xid % 2 ? "odd" : "even", cause, 1,
	                      view_of_string(arena_printf(&batch->arena, "%u", xid))};
}

static int fake_read(void *ctx, const struct question *question, struct batch *ret,
                     struct error *err)
{
	struct fake *fake = ctx;
	struct item *items = arena_alloc(&ret->arena, RUNS_MAX, sizeof(*items));
	AUTO(buf) struct buf snapshot;

	buf_init(&snapshot, 100);
	lock(fake);
	unsigned next = fake->next;
	bool away = fake->away;
	fake->reads++;
	unlock(fake);
	if (away)
		return error_set(err, ENOTCONN, "away");
	buf_printf(&snapshot, "%u:%u:", next, next);
	ret->now = position_make(1, buf_view(&snapshot));
	ret->items = items;
	for (unsigned xid = 1; question->since && xid < next; xid++) {
		if (!position_sees(question->since, xid))
			add_run(ret, items, xid);
	}
	lock(fake);
	fake->items += (unsigned)ret->count;
	unlock(fake);
	return 0;
}

static int fake_prune(void *ctx, struct error *err)
{
	(void)err;
	((struct fake *)ctx)->prunes++;
	return 0;
}

static bool fake_send(struct http_stream *stream, struct view bytes)
{
	lock(stream->fake);
	assert_false(stream->closed);
	bool full = stream->full;
	if (!full)
		buf_append_view(&stream->sent, bytes);
	unlock(stream->fake);
	return !full;
}

static bool fake_close(struct http_stream *stream)
{
	lock(stream->fake);
	assert_false(stream->closed);
	stream->closed = true;
	unlock(stream->fake);
	return true;
}

static void fake_sent(void *ctx, enum topic topic, size_t count)
{
	assert_true(topic == TOPIC_RUNS || count == 0);
	((struct fake *)ctx)->sent += count;
}

static void fake_cut(void *ctx)
{
	((struct fake *)ctx)->cut++;
}

static void fake_note(void *ctx, const struct error *err)
{
	struct fake *fake = ctx;

	lock(fake);
	if (err)
		fake->away_notes++;
	else
		fake->back_notes++;
	unlock(fake);
}

static const struct hub_options usual = {
        .read = fake_read,
        .prune = fake_prune,
        .send = fake_send,
        .close = fake_close,
        .sent = fake_sent,
        .cut = fake_cut,
        .note = fake_note,
        .listeners_max = STREAMS,
        .interval_ms = SHORT_MS,
        .keep_alive_ms = LONG_MS,
        .life_ms = LONG_MS,
};

static void start(struct fake *fake, const struct hub_options *wanted)
{
	struct hub_options options = *wanted;

	*fake = (struct fake){.next = 10};
	(void)pthread_mutex_init(&fake->lock, NULL);
	for (size_t i = 0; i < STREAMS; i++) {
		fake->streams[i].fake = fake;
		buf_init(&fake->streams[i].sent, 1 << 20);
	}
	options.ctx = fake;
	fake->hub = hub_start(&options, NULL);
	assert_non_null(fake->hub);
}

static void stop(struct fake *fake)
{
	hub_stop(fake->hub);
	assert_int_equal(hub_count(fake->hub), 0);
	hub_free(fake->hub);
	for (size_t i = 0; i < STREAMS; i++)
		buf_release(&fake->streams[i].sent);
	(void)pthread_mutex_destroy(&fake->lock);
}

static struct listener *join(struct fake *fake, size_t stream, const char *package,
                             const char *cursor)
{
	const struct interest interest = {TOPICS_ALL, package};
	struct listener *listener = hub_reserve(
	        fake->hub, &interest, cursor ? position_parse(view_of_string(cursor)) : NULL);

	assert_non_null(listener);
	hub_join(listener, &fake->streams[stream]);
	return listener;
}

static void commit(struct fake *fake, unsigned transactions)
{
	lock(fake);
	fake->next += transactions;
	unlock(fake);
}

static bool has(struct fake *fake, size_t stream, const char *text)
{
	lock(fake);
	bool found = strstr(fake->streams[stream].sent.data, text) != NULL;
	unlock(fake);
	return found;
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		int64_t deadline_ms = cond_now_ms() + WAIT_MS;                                     \
		while (!(condition)) {                                                             \
			if (cond_now_ms() > deadline_ms)                                           \
				fail_msg("not within the time: %s", #condition);                   \
			pause_ms(1);                                                               \
		}                                                                                  \
	} while (0)

static bool is_closed(struct fake *fake, size_t stream)
{
	lock(fake);
	bool closed = fake->streams[stream].closed;
	unlock(fake);
	return closed;
}

static void all_hear_of_one_read(void **state)
{
	struct fake fake;

	(void)state;
	start(&fake, &usual);
	for (size_t i = 0; i < STREAMS; i++)
		(void)join(&fake, i, i % 2 ? "odd" : NULL, NULL);
	for (size_t i = 0; i < STREAMS; i++)
		WAIT_FOR(has(&fake, i, "id: 1.10:10:"));
	commit(&fake, 2);
	for (size_t i = 0; i < STREAMS; i++)
		WAIT_FOR(has(&fake, i, "id: 1.12:12:"));
	assert_true(has(&fake, 0, "event: run\ndata: 10\n"));
	assert_true(has(&fake, 0, "event: run\ndata: 11\n"));
	assert_false(has(&fake, 1, "data: 10\n"));
	assert_true(has(&fake, 1, "event: run\ndata: 11\n"));
	stop(&fake);
	assert_int_equal(fake.items, 2);
	assert_int_equal(fake.sent, STREAMS / 2 * 3);
}

static void who_comes_back_is_told_what_he_missed(void **state)
{
	struct fake fake;

	(void)state;
	start(&fake, &usual);
	(void)join(&fake, 0, NULL, NULL);
	WAIT_FOR(has(&fake, 0, "id: 1.10:10:"));
	(void)join(&fake, 1, NULL, "1.5:8:5");
	WAIT_FOR(has(&fake, 1, "id: 1.10:10:"));
	assert_string_equal(fake.streams[1].sent.data, ": connected\nretry: 2000\n\n"
	                                               "event: run\ndata: 5\n\n"
	                                               "event: run\ndata: 8\n\n"
	                                               "event: run\ndata: 9\nid: 1.10:10:\n\n");
	assert_false(has(&fake, 0, "event"));
	stop(&fake);
}

static void it_sleeps_while_nobody_listens(void **state)
{
	struct fake fake;

	(void)state;
	start(&fake, &usual);
	struct listener *listener = join(&fake, 0, NULL, NULL);
	WAIT_FOR(has(&fake, 0, "id: "));
	hub_on_gone(listener, &fake.streams[0]);
	WAIT_FOR(is_closed(&fake, 0));
	WAIT_FOR(hub_count(fake.hub) == 0);
	lock(&fake);
	unsigned reads = fake.reads;
	unlock(&fake);
	pause_ms(10L * SHORT_MS);
	lock(&fake);
	assert_int_equal(fake.reads, reads);
	unlock(&fake);
	stop(&fake);
}

static void a_slow_reader_is_let_go(void **state)
{
	struct fake fake;

	(void)state;
	start(&fake, &usual);
	(void)join(&fake, 0, NULL, NULL);
	struct listener *other = join(&fake, 1, NULL, NULL);
	WAIT_FOR(has(&fake, 0, "id: ") && has(&fake, 1, "id: "));
	lock(&fake);
	fake.streams[0].full = true;
	unlock(&fake);
	commit(&fake, 1);
	WAIT_FOR(is_closed(&fake, 0));
	WAIT_FOR(has(&fake, 1, "data: 10\n"));
	/* One that had left is none. */
	lock(&fake);
	fake.streams[1].full = true;
	unlock(&fake);
	hub_on_gone(other, &fake.streams[1]);
	WAIT_FOR(is_closed(&fake, 1));
	stop(&fake);
	assert_int_equal(fake.cut, 1);
}

static bool is_noted_away(struct fake *fake)
{
	lock(fake);
	bool noted = fake->away_notes > 0;
	unlock(fake);
	return noted;
}

static void nothing_is_lost_while_the_database_is_away(void **state)
{
	struct fake fake;

	(void)state;
	start(&fake, &usual);
	(void)join(&fake, 0, NULL, NULL);
	WAIT_FOR(has(&fake, 0, "id: "));
	lock(&fake);
	fake.away = true;
	unlock(&fake);
	WAIT_FOR(is_noted_away(&fake));
	commit(&fake, 3);
	lock(&fake);
	fake.away = false;
	unlock(&fake);
	WAIT_FOR(has(&fake, 0, "data: 12\nid: 1.13:13:\n\n"));
	assert_true(has(&fake, 0, "data: 10\n"));
	stop(&fake);
	assert_int_equal(fake.away_notes, 1);
	assert_int_equal(fake.back_notes, 1);
}

static void quiet_streams_are_kept_alive_and_old_ones_end(void **state)
{
	struct hub_options options = usual;
	struct fake fake;

	(void)state;
	options.keep_alive_ms = SHORT_MS;
	start(&fake, &options);
	(void)join(&fake, 0, NULL, NULL);
	WAIT_FOR(has(&fake, 0, ": keep-alive\nid: 1.10:10:\n\n: keep-alive\nid: 1.10:10:\n\n"));
	stop(&fake);
	assert_true(fake.streams[0].closed);
	options.life_ms = SHORT_MS;
	start(&fake, &options);
	(void)join(&fake, 0, NULL, NULL);
	WAIT_FOR(is_closed(&fake, 0));
	stop(&fake);
}

static void there_is_room_for_so_many_and_none_at_the_end(void **state)
{
	const struct interest interest = {TOPICS_ALL, NULL};
	struct hub_options options = usual;
	struct fake fake;

	(void)state;
	options.listeners_max = 2;
	start(&fake, &options);
	(void)join(&fake, 0, NULL, NULL);
	struct listener *late = hub_reserve(fake.hub, &interest, NULL);
	assert_non_null(late);
	assert_null(hub_reserve(fake.hub, &interest, position_parse(VIEW_LITERAL("1.2:2:"))));
	hub_stop(fake.hub);
	assert_true(fake.streams[0].closed);
	/* Its stream was being opened meanwhile. */
	hub_join(late, &fake.streams[1]);
	assert_true(fake.streams[1].closed);
	assert_null(hub_reserve(fake.hub, &interest, NULL));
	stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_hear_of_one_read),
	        cmocka_unit_test(who_comes_back_is_told_what_he_missed),
	        cmocka_unit_test(it_sleeps_while_nobody_listens),
	        cmocka_unit_test(a_slow_reader_is_let_go),
	        cmocka_unit_test(nothing_is_lost_while_the_database_is_away),
	        cmocka_unit_test(quiet_streams_are_kept_alive_and_old_ones_end),
	        cmocka_unit_test(there_is_room_for_so_many_and_none_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
