// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "table.h"

static const struct table_column columns[] = {{"ID", 4}, {"VALUE", 6}, {"WHY", 0}};

static char *printed(const struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	table_print(table, out);
	(void)fclose(out);
	return text;
}

static void expect_rows(const char *const *cells, size_t count, const char *expected)
{
	struct table *table = table_create(columns, 3);
	for (size_t i = 0; i < count; i++)
		table_cell(table, cells[i]);
	AUTO(free) char *text = printed(table);
	assert_string_equal(text, expected);
	table_destroy(table);
}

static void test_no_rows(void **state)
{
	(void)state;
	expect_rows(NULL, 0, "(none)\n");
}

static void test_columns_align_and_the_last_is_unpadded(void **state)
{
	(void)state;
	const char *const cells[] = {"a", "x", "short", "bb", NULL, ""};
	expect_rows(cells, 6, "ID  VALUE  WHY\na   x      short\nbb  -      \n");
}

static void test_long_cells_are_cut_at_a_character(void **state)
{
	(void)state;
	const char *const cells[] = {"abcde", "ééééééé", "ok"};
	expect_rows(cells, 3, "ID    VALUE   WHY\nabc…  ééééé…  ok\n");
}

static void test_terminal_control_is_defused(void **state)
{
	(void)state;
	const char *const cells[] = {"\033[2", "a\nb", "\x7f"};
	expect_rows(cells, 3, "ID   VALUE  WHY\n?[2  a?b    ?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_no_rows),
	        cmocka_unit_test(test_columns_align_and_the_last_is_unpadded),
	        cmocka_unit_test(test_long_cells_are_cut_at_a_character),
	        cmocka_unit_test(test_terminal_control_is_defused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
