// SPDX-License-Identifier: Apache-2.0
#include "witness_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct told {
	size_t count;
	uint32_t last_pid;
	char last_path[64];
};

static void on_unseen(void *ctx, const struct book_open *open)
{
	struct told *told = ctx;

	told->count++;
	told->last_pid = open->pid;
	(void)snprintf(told->last_path, sizeof(told->last_path), "%.*s", VIEW_ARG(open->path));
}

static struct book_open open_of(uint32_t pid, uint64_t inode, const char *path)
{
	return (struct book_open){pid, 1, inode, view_of_string(path)};
}

static void test_unseen_is_told_after_a_turn(void **state)
{
	struct witness_book book;
	struct told told = {0};
	struct book_open secret = open_of(1, 10, "/secret");

	(void)state;
	witness_book_init(&book);
	assert_true(witness_book_wait(&book, &secret));
	witness_book_turn(&book, on_unseen, &told);
	assert_int_equal(told.count, 0);
	witness_book_turn(&book, on_unseen, &told);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.last_pid, 1);
	assert_string_equal(told.last_path, "/secret");
	assert_true(witness_book_wait(&book, &secret)); /* once is enough */
	witness_book_turn(&book, on_unseen, &told);
	witness_book_turn(&book, on_unseen, &told);
	assert_int_equal(told.count, 1);
	witness_book_release(&book);
}

static void test_file_is_known_by_any_name(void **state)
{
	struct witness_book book;
	struct book_open told = open_of(1, 10, "/a"), same = open_of(1, 10, ""),
	                 other = open_of(2, 10, "/a");

	(void)state;
	witness_book_init(&book);
	assert_false(witness_book_knows_file(&book, &same));
	witness_book_seen(&book, &told);
	assert_true(witness_book_knows_file(&book, &same));
	assert_false(witness_book_knows_file(&book, &other)); /* another process */
	witness_book_release(&book);
}

static void test_seen_is_not_told(void **state)
{
	struct witness_book book;
	struct told told = {0};
	const struct book_open rows[] = {
	        open_of(1, 10, "/a"),       /* same in all */
	        open_of(1, 10, "/renamed"), /* same file */
	        open_of(1, 11, "/a"),       /* same name: numbers of overlays differ */
	};
	struct book_open other = open_of(2, 10, "/a");

	(void)state;
	witness_book_init(&book);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(witness_book_wait(&book, &rows[i]));
	assert_true(witness_book_wait(&book, &other));
	witness_book_turn(&book, on_unseen, &told);
	witness_book_seen(&book, &rows[0]); /* in time */
	witness_book_turn(&book, on_unseen, &told);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.last_pid, 2);
	witness_book_release(&book);
}

static void test_bounds(void **state)
{
	struct witness_book book;
	struct told told = {0};
	char path[32];

	(void)state;
	witness_book_init(&book);
	for (uint32_t i = 0; i < 2 * BOOK_SEEN_MAX; i++) {
		struct book_open open = open_of(1, i, path);

		(void)snprintf(path, sizeof(path), "/%u", i);
		open.path = view_of_string(path);
		witness_book_seen(&book, &open);
	}
	for (uint32_t i = 0; i < BOOK_WAITING_MAX; i++) {
		struct book_open open = open_of(2, i, "/x");

		assert_true(witness_book_wait(&book, &open));
	}
	assert_false(witness_book_wait(&book, &(struct book_open){3, 0, 0, VIEW_LITERAL("/x")}));
	witness_book_turn(&book, on_unseen, &told);
	witness_book_turn(&book, on_unseen, &told);
	assert_true(told.count > 0);
	assert_true(witness_book_wait(&book, &(struct book_open){3, 0, 0, VIEW_LITERAL("/x")}));
	witness_book_release(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_unseen_is_told_after_a_turn),
	        cmocka_unit_test(test_file_is_known_by_any_name),
	        cmocka_unit_test(test_seen_is_not_told),
	        cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
