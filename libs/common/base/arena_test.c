// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_stays(void **state)
{
	(void)state;
	struct arena arena;
	int64_t *numbers[500];
	arena_init(&arena);
	for (int i = 0; i < 500; i++) {
		numbers[i] = arena_alloc(&arena, 13, sizeof(int64_t));
		assert_int_equal((uintptr_t)numbers[i] % alignof(max_align_t), 0);
		assert_int_equal(numbers[i][12], 0);
		numbers[i][0] = i;
	}
	for (int i = 0; i < 500; i++)
		assert_int_equal(numbers[i][0], i);
	arena_release(&arena);
}

static void reset_gives_zeroed_memory_again(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	arena_reset(&arena);
	for (int round = 0; round < 3; round++) {
		char *text = arena_alloc(&arena, 100, 1);
		assert_int_equal(text[99], 0);
		memset(text, 'x', 100);
		char *huge = arena_alloc(&arena, 1024, 1024);
		huge[1024 * 1024 - 1] = 'x';
		arena_reset(&arena);
	}
	arena_release(&arena);
	arena_release(&arena);
}

static void copies_are_terminated(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct view copy = arena_copy(&arena, view_of("abcdef", 3));
	assert_int_equal(copy.size, 3);
	assert_string_equal(copy.data, "abc");
	copy = arena_copy(&arena, (struct view){NULL, 0});
	assert_string_equal(copy.data, "");
	assert_string_equal(arena_strdup(&arena, "text"), "text");
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(memory_is_zeroed_aligned_and_stays),
	        cmocka_unit_test(reset_gives_zeroed_memory_again),
	        cmocka_unit_test(copies_are_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
