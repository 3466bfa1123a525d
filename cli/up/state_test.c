// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "up/state.h"

/* A port that no gateway has, so that a test never meets a real installation. */
static const char gateway[] = "http://127.0.0.1:65535";

static void write_state(void)
{
	struct supervisor supervisor = {0};
	(void)supervisor_add(&supervisor, "differ", "/bin/false");
	const struct up_state state = {.gateway_url = gateway,
	                               .database_url = "postgresql://x",
	                               .bus = "postgres",
	                               .supervisor = &supervisor};
	struct error err = {0};
	assert_int_equal(up_state_write(&state, &err), 0);
}

static void expect_state(const char *gateway_url)
{
	AUTO(json) struct json *state = up_state_read(gateway_url);
	assert_non_null(state);
	assert_string_equal(json_string(json_get(state, "database_url"), ""), "postgresql://x");
	assert_int_equal(json_int(json_get(state, "pid"), 0), getpid());
	const struct json *service = json_first(json_get(state, "services"));
	assert_string_equal(json_string(json_get(service, "service"), ""), "differ");
	assert_string_equal(json_string(json_get(service, "state"), ""), "stopped");
}

static void test_state_is_found_by_its_gateway(void **state)
{
	(void)state;
	write_state();
	expect_state(gateway);
	expect_state("http://localhost:65535");
	assert_null(up_state_read("http://127.0.0.1:65534"));
	up_state_remove(gateway);
	assert_null(up_state_read(gateway));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_state_is_found_by_its_gateway),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
