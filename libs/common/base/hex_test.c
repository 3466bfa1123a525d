// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"

static void hex_goes_both_ways(void **state)
{
	(void)state;
	const unsigned char bytes[] = {0x00, 0x7f, 0xab, 0xff};
	unsigned char back[4] = {0};
	char text[9];
	hex_encode(bytes, sizeof(bytes), text);
	assert_string_equal(text, "007fabff");
	assert_true(hex_decode(VIEW_LITERAL("007FABff"), back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_false(hex_decode(VIEW_LITERAL("007fabf"), back, sizeof(back)));
	assert_false(hex_decode(VIEW_LITERAL("007fabffa"), back, sizeof(back)));
	assert_false(hex_decode(VIEW_LITERAL("007fabfg"), back, sizeof(back)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(hex_goes_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
