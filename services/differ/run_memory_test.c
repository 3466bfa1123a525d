// SPDX-License-Identifier: Apache-2.0
/* What a run is in memory: hashes, batch numbers, processes, the table of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "run_state.h"

enum { MANY = 100000, SAVED_MAX = 64 * 1024, TEXT_MAX = 4096 };

/* Computed by OpenSSL's implementation: key 00 01 .. 0f, input 00 01 .. n-1. */
static void siphash_matches_openssl(void **state)
{
	static const struct {
		size_t size;
		struct hash128 hash;
	} vectors[] = {
	        {0, {UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d)}},
	        {1, {UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634)}},
	        {8, {UINT64_C(0x61f55862baa9623b), UINT64_C(0xb49714f364e2830f)}},
	        {15, {UINT64_C(0x11a8b03399e99354), UINT64_C(0xd9c3cf970fec087e)}},
	};
	const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	char input[16];
	(void)state;
	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (char)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct hash128 hash = siphash128(&key, view_of(input, vectors[i].size));
		assert_true(hash128_equal(hash, vectors[i].hash));
	}
}

static void key_set_knows_what_was_added(void **state)
{
	struct key_set set = {0};
	const struct siphash_key key = {1, 2};
	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			struct hash128 hash = siphash128(&key, view_of(&i, sizeof(i)));
			assert_int_equal(key_set_add(&set, hash), round == 0);
		}
	}
	assert_true(key_set_add(&set, (struct hash128){0, 0}));
	assert_false(key_set_add(&set, (struct hash128){0, 0}));
	assert_int_equal(set.count, MANY + 1);
	key_set_release(&set);
}

static void expect_seqs(const struct seq_set *set, const char *expected)
{
	AUTO(buf) struct buf text;
	buf_init(&text, TEXT_MAX);
	seq_set_format(set, &text);
	assert_string_equal(text.data, expected);
}

static void seq_set_joins_ranges(void **state)
{
	static const struct {
		uint64_t seq;
		enum seq_added added;
		const char *text;
		uint64_t first_missing;
	} steps[] = {
	        {1, SEQ_NEW, "{[1,2)}", 2},
	        {2, SEQ_NEW, "{[1,3)}", 3},
	        {2, SEQ_KNOWN, "{[1,3)}", 3},
	        {5, SEQ_NEW, "{[1,3),[5,6)}", 3},
	        {9, SEQ_NEW, "{[1,3),[5,6),[9,10)}", 3},
	        {4, SEQ_NEW, "{[1,3),[4,6),[9,10)}", 3},
	        {3, SEQ_NEW, "{[1,6),[9,10)}", 6},
	        {7, SEQ_NEW, "{[1,6),[7,8),[9,10)}", 6},
	        {4, SEQ_KNOWN, "{[1,6),[7,8),[9,10)}", 6},
	        {0, SEQ_FULL, "{[1,6),[7,8),[9,10)}", 6},
	        {UINT64_MAX, SEQ_FULL, "{[1,6),[7,8),[9,10)}", 6},
	        {INT64_MAX, SEQ_FULL, "{[1,6),[7,8),[9,10)}", 6},
	        {INT64_MAX - 1, SEQ_NEW,
	         "{[1,6),[7,8),[9,10),[9223372036854775806,9223372036854775807)}", 6},
	};
	struct seq_set set = {0}, copy = {0};
	struct error err = {0};
	(void)state;
	expect_seqs(&set, "{}");
	assert_int_equal(seq_set_first_missing(&set), 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(seq_set_add(&set, steps[i].seq), steps[i].added);
		expect_seqs(&set, steps[i].text);
		assert_int_equal(seq_set_first_missing(&set), steps[i].first_missing);
		assert_int_equal(seq_set_parse(&copy, view_of_string(steps[i].text), &err), 0);
		expect_seqs(&copy, steps[i].text);
	}
	assert_true(seq_set_has(&set, 5));
	assert_false(seq_set_has(&set, 6));
	assert_int_equal(seq_set_last(&set), INT64_MAX - 1);
	seq_set_release(&set);
	seq_set_release(&copy);
}

static void seq_set_is_bounded(void **state)
{
	struct seq_set set = {0};
	(void)state;
	for (uint64_t i = 0; i < SEQ_SET_MAX; i++)
		assert_int_equal(seq_set_add(&set, 1 + 2 * i), SEQ_NEW);
	assert_int_equal(seq_set_add(&set, 2 * SEQ_SET_MAX + 1), SEQ_FULL);
	assert_int_equal(seq_set_add(&set, 2), SEQ_NEW); /* closes a gap */
	assert_int_equal(seq_set_add(&set, 2 * SEQ_SET_MAX + 1), SEQ_NEW);
	seq_set_release(&set);
}

static void seq_set_refuses_other_text(void **state)
{
	static const char *const cases[] = {"",         "{",
	                                    "}",        "[1,2)",
	                                    "{[1,2]}",  "{(1,2)}",
	                                    "{[2,1)}",  "{[1,1)}",
	                                    "{[0,2)}",  "{[,2)}",
	                                    "{[1,)}",   "{[1,3),[2,4)}",
	                                    "{1,2}",    "{[1,2)[3,4)x}",
	                                    "{[1,2),x}"};
	struct seq_set set = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		if (seq_set_parse(&set, view_of_string(cases[i]), &err) == 0)
			fail_msg("'%s' was accepted", cases[i]);
		assert_int_equal(err.class, ERROR_DROP);
	}
	seq_set_release(&set);
}

static void expect_chain(const struct process_table *table, uint32_t pid, const char *expected)
{
	AUTO(buf) struct buf chain;
	buf_init(&chain, TEXT_MAX);
	process_table_chain(table, pid, &chain);
	assert_string_equal(chain.data, expected);
}

static struct event event_of(enum event_type type, uint32_t pid, uint32_t tid, uint32_t ppid,
                             const char *text)
{
	struct event event = {.type = type};
	event.process.pid = pid;
	event.process.tid = tid;
	event.process.ppid = ppid;
	event.process.comm = view_of_string(text);
	event.exec.path = type == EVENT_EXEC ? view_of_string(text) : (struct view){0};
	return event;
}

static void chains_name_the_eldest_first(void **state)
{
	const struct event events[] = {
	        event_of(EVENT_EXEC, 10, 10, 1, "/bin/sh"),
	        event_of(EVENT_EXEC, 20, 20, 10, "/usr/bin/npm"),
	        event_of(EVENT_FILE, 20, 20, 10, "npm install del"),
	        event_of(EVENT_FILE, 20, 21, 10, "libuv-worker"), /* a thread has no say */
	        event_of(EVENT_EXEC, 30, 30, 20, "/bin/sh"),
	        event_of(EVENT_DNS, 30, 30, 20, "node"),
	        event_of(EVENT_FILE, 40, 41, 30, "only-thread"),
	};
	struct process_table table = {0};
	(void)state;
	expect_chain(&table, 1, "");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		process_table_see(&table, &events[i]);
	expect_chain(&table, 30, "sh > npm > node");
	expect_chain(&table, 40, "sh > npm > node > only-thread");
	expect_chain(&table, 99, "");
	process_table_release(&table);
}

static struct event exec_of(uint32_t pid, uint32_t ppid, const char *path, const char *argument)
{
	struct event event = event_of(EVENT_EXEC, pid, pid, ppid, path);
	event.exec.argv[0] = event.exec.path;
	event.exec.argv[1] = view_of_string(argument);
	event.exec.argc = 2;
	return event;
}

/* What an existing runner records, in which forks do not show. */
static void actors_follow_from_the_tree(void **state)
{
	const struct {
		struct event event;
		enum actor actor;
		uint32_t tree;
	} steps[] = {
	        {exec_of(10, 1, "/bin/sh", "-c"), ACTOR_MANAGER, TREE_NONE},
	        {exec_of(20, 10, "/bin/node", "/bin/npm"), ACTOR_MANAGER, TREE_NONE},
	        {exec_of(21, 10, "/usr/bin/tail", "-3"), ACTOR_MANAGER, TREE_NONE},
	        {exec_of(22, 20, "/usr/bin/git", "clone"), ACTOR_MANAGER, TREE_NONE},
	        {event_of(EVENT_FILE, 23, 23, 22, "git-remote"), ACTOR_MANAGER, TREE_NONE},
	        {exec_of(30, 20, "/bin/sh", "-c"), ACTOR_PACKAGE, 30},
	        {exec_of(31, 30, "/bin/node", "/bin/npm"), ACTOR_PACKAGE, 30},
	        {event_of(EVENT_DNS, 32, 32, 31, "curl"), ACTOR_PACKAGE, 30},
	        {event_of(EVENT_FILE, 32, 32, 1, "curl"), ACTOR_PACKAGE, 30}, /* orphaned */
	        {event_of(EVENT_FILE, 40, 40, 1, "x"), ACTOR_PACKAGE, TREE_LOST},
	        {event_of(EVENT_FILE, 41, 41, 10, "x"), ACTOR_PACKAGE, TREE_LOST},
	        {event_of(EVENT_FILE, 20, 20, 10, "npm"), ACTOR_MANAGER, TREE_NONE},
	};
	struct process_table table = {0}, again = {0};
	AUTO(buf) struct buf lines;
	(void)state;
	buf_init(&lines, SAVED_MAX);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct process_view who = process_table_see(&table, &steps[i].event);
		if (who.actor != steps[i].actor || who.tree != steps[i].tree)
			fail_msg("step %zu: %s, %u", i, actor_name(who.actor), who.tree);
		process_table_save(&table, &lines); /* as after each transaction */
	}
	assert_true(process_table_did(&table, 30, TREE_READ_CREDENTIAL));
	assert_false(process_table_did(&table, 30, TREE_READ_CREDENTIAL));
	process_table_save(&table, &lines);
	struct view rest = buf_view(&lines);
	while (rest.size)
		assert_int_equal(process_table_load(&again, view_split(&rest, '\n'), NULL), 0);
	assert_int_equal(again.count, table.count);
	assert_true(process_table_has_done(&again, 30, TREE_READ_CREDENTIAL));
	assert_true(process_table_has_done(&again, TREE_LOST, TREE_READ_CREDENTIAL));
	assert_false(process_table_has_done(&again, 10, TREE_READ_CREDENTIAL));
	assert_string_equal(process_table_command(&again, 30), "/bin/sh -c");
	expect_chain(&again, 32, "sh > npm > sh > node > curl");
	process_table_release(&table);
	process_table_release(&again);
}

/* As docker's runtime shows itself to an existing runner, and what calls itself so later on. */
static void set_up_comes_before_the_first_program(void **state)
{
	struct event init = exec_of(10, 1, "/sbin/docker-init", "--");
	struct event shell = exec_of(11, 10, "/bin/sh", "-c");
	init.process.comm = VIEW_LITERAL("runc:[2:INIT]");
	shell.process.comm = VIEW_LITERAL("docker-init");
	const struct {
		struct event event;
		bool setup;
	} steps[] = {
	        {event_of(EVENT_FILE, 10, 10, 1, "runc:[2:INIT]"), true},
	        {init, true},
	        {event_of(EVENT_FILE, 11, 11, 10, "docker-init"), true},
	        {event_of(EVENT_FILE, 12, 12, 1, "sh"), false}, /* its exec was lost */
	        {shell, false},
	        {event_of(EVENT_FILE, 13, 13, 11, "runc:[2:INIT]"), false},
	        {event_of(EVENT_FILE, 13, 13, 11, "docker-init"), false},
	        {exec_of(13, 11, "/sbin/docker-init", ""), false},
	};
	struct process_table table = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (process_table_see(&table, &steps[i].event).setup != steps[i].setup)
			fail_msg("step %zu", i);
	process_table_release(&table);
}

static void another_attempt_starts_from_nothing(void **state)
{
	struct event npm = exec_of(20, 10, "/bin/node", "/bin/npm");
	struct event shell = event_of(EVENT_FILE, 30, 30, 1, "sh");
	struct process_table table = {0}, again = {0};
	AUTO(buf) struct buf lines;
	(void)state;
	buf_init(&lines, SAVED_MAX);
	(void)process_table_see(&table, &npm);
	assert_int_equal(process_table_see(&table, &shell).actor, ACTOR_PACKAGE);
	process_table_save(&table, &lines);
	process_table_forget(&table);
	assert_int_equal(process_table_see(&table, &shell).actor, ACTOR_MANAGER);
	process_table_save(&table, &lines);
	struct view rest = buf_view(&lines);
	while (rest.size)
		assert_int_equal(process_table_load(&again, view_split(&rest, '\n'), NULL), 0);
	assert_int_equal(again.count, table.count);
	assert_int_equal(process_table_see(&again, &shell).actor, ACTOR_MANAGER);
	/* as they were written before: without the last number */
	assert_int_equal(process_table_load(&again, VIEW_LITERAL("t 1 0 0 0"), NULL), 0);
	assert_true(again.executed);
	process_table_release(&table);
	process_table_release(&again);
}

static void see_process(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name)
{
	const struct event event = {.type = EVENT_FILE,
	                            .process = {.pid = pid, .ppid = ppid, .comm = name}};
	(void)process_table_see(table, &event);
}

static void chains_are_bounded(void **state)
{
	struct process_table table = {0};
	(void)state;
	see_process(&table, 5, 6, VIEW_LITERAL("a"));
	see_process(&table, 6, 5, VIEW_LITERAL("b")); /* a circle, by reused pids */
	expect_chain(&table, 5, "b > a > b > a > b > a > b > a");
	see_process(&table, 7, 7, VIEW_LITERAL("own parent"));
	expect_chain(&table, 7, "own parent");
	see_process(&table, 8, 0, VIEW_LITERAL("x\0y\xff-a name longer than the kernel's"));
	expect_chain(&table, 8, "x\xE2\x90\x80y\xEF\xBF\xBD-a name longer ");
	for (uint32_t pid = 100; pid < 100 + 2 * PROCESS_TABLE_MAX; pid++)
		see_process(&table, pid, 8, VIEW_LITERAL("p"));
	assert_int_equal(table.count, PROCESS_TABLE_MAX);
	expect_chain(&table, 100 + 2 * PROCESS_TABLE_MAX - 1, "");
	process_table_release(&table);
}

static void runs_are_found_dropped_and_evicted(void **state)
{
	struct run_table table = {0};
	(void)state;
	for (uint8_t i = 0; i < 100; i++) {
		struct run_id run_id = {{i}};
		struct run_state *run = run_table_add(&table, &run_id);
		run->partition = i % 2;
		run->used = i;
	}
	run_table_drop_partition(&table, 0);
	assert_int_equal(table.count, 50);
	run_table_evict(&table, 10); /* 81, 83 .. 99 were used last */
	assert_int_equal(table.count, 10);
	assert_null(run_table_find(&table, &(struct run_id){{79}}));
	assert_null(run_table_find(&table, &(struct run_id){{98}}));
	assert_non_null(run_table_find(&table, &(struct run_id){{81}}));
	run_table_release(&table);
	assert_int_equal(table.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(siphash_matches_openssl),
	        cmocka_unit_test(key_set_knows_what_was_added),
	        cmocka_unit_test(seq_set_joins_ranges),
	        cmocka_unit_test(seq_set_is_bounded),
	        cmocka_unit_test(seq_set_refuses_other_text),
	        cmocka_unit_test(chains_name_the_eldest_first),
	        cmocka_unit_test(actors_follow_from_the_tree),
	        cmocka_unit_test(set_up_comes_before_the_first_program),
	        cmocka_unit_test(another_attempt_starts_from_nothing),
	        cmocka_unit_test(chains_are_bounded),
	        cmocka_unit_test(runs_are_found_dropped_and_evicted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
