// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/model_fixture.h"
#include "model/result.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void recorded_results_are_read(void **state)
{
	(void)state;
	AUTO(free) char *text = model_fixture_member("result-1.0.1.json", "body");
	struct run_result result;
	assert_int_equal(run_result_read_json(view_of_string(text), &arena, &result, NULL), 0);
	assert_int_equal(result.status, RUN_STATUS_OK);
	assert_int_equal(result.events_emitted, 1742);
	assert_int_equal(result.events_dropped, 0);
	assert_int_equal(result.duration_ns, 5998393741);
	assert_int_equal(result.reason.size, 0);
	assert_false(result.native);
	assert_true(result.npm_exit_code == INT32_MIN);
	AUTO(buf) struct buf out;
	buf_init(&out, 4096);
	struct run_id id;
	assert_true(run_id_parse(VIEW_LITERAL("18ea77784152790c0000000000000000"), &id));
	run_result_write_json(&out, &id, &result);
	assert_string_equal(out.data, text);
}

static void ours_goes_both_ways(void **state)
{
	(void)state;
	static const char text[] =
	        "{\"run_id\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"status\":\"timeout\","
	        "\"reason\":\"a \\u0026 b\",\"events_emitted\":-1,"
	        "\"events_dropped\":18446744073709551615,\"duration\":9007199254740993,"
	        "\"fangs\":{\"last_seq\":3,\"lost_ring\":4,\"lost_parse\":5,\"truncated\":6,"
	        "\"npm_exit_code\":-7,\"image\":\"i\",\"image_digest\":\"sha256:0\","
	        "\"node_version\":\"v20.1.0\",\"npm_version\":\"10.0.0\",\"sensor_tier\":\"lsm\"}}";
	struct run_result result;
	assert_int_equal(run_result_read_json(view_of_string(text), &arena, &result, NULL), 0);
	assert_true(result.native);
	assert_true(result.events_dropped == UINT64_MAX);
	assert_int_equal(result.npm_exit_code, -7);
	AUTO(buf) struct buf out;
	buf_init(&out, 4096);
	struct run_id id = {{1}};
	run_result_write_json(&out, &id, &result);
	assert_string_equal(out.data, text);
}

static void results_are_read_as_leniently_as_before(void **state)
{
	(void)state;
	static const char text[] =
	        "{\"RUN_ID\":null,\"Status\":\"failed\",\"reason\":\"x\\u0000\xFF\","
	        "\"extra\":[{}],\"events_emitted\":null}}} trailing";
	struct run_result result;
	assert_int_equal(run_result_read_json(view_of_string(text), &arena, &result, NULL), 0);
	assert_int_equal(result.status, RUN_STATUS_FAILED);
	assert_true(view_is(result.reason, "x\xE2\x90\x80\xEF\xBF\xBD"));
}

static void bad_results_say_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} cases[] = {
	        {"", "decode ScanResult: unexpected end at offset 0"},
	        {"{\"status\":\"ok\"", "decode ScanResult: unexpected end at offset 14"},
	        {"{\"events_dropped\":-1}",
	         "decode ScanResult: events_dropped: number out of range at offset 18"},
	        {"{\"run_id\":\"x\"}", "decode ScanResult: run_id: expected an array at offset 10"},
	        {"{}", "status must be ok|failed|timeout"},
	        {"null", "status must be ok|failed|timeout"},
	        {"{\"status\":\"OK\"}", "status must be ok|failed|timeout"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_result result;
		struct error err = {0};
		assert_true(run_result_read_json(view_of_string(cases[i].json), &arena, &result,
		                                 &err) < 0);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

static void text_is_the_arenas(void **state)
{
	(void)state;
	char text[] = "{\"status\":\"ok\",\"reason\":\"kept\"}";
	struct run_result result;
	assert_int_equal(run_result_read_json(view_of_string(text), &arena, &result, NULL), 0);
	memset(text, 'x', sizeof(text));
	assert_true(view_is(result.reason, "kept"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(recorded_results_are_read),
	        cmocka_unit_test(ours_goes_both_ways),
	        cmocka_unit_test(results_are_read_as_leniently_as_before),
	        cmocka_unit_test(bad_results_say_what_is_wrong),
	        cmocka_unit_test(text_is_the_arenas),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
