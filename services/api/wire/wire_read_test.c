// SPDX-License-Identifier: Apache-2.0
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/job.h"

static int setup(void **state)
{
	static struct arena arena;

	arena_init(&arena);
	*state = &arena;
	return 0;
}

static int teardown(void **state)
{
	arena_release(*state);
	return 0;
}

/* Of no configuration; counted at run time. */
static struct watched_paths watched = {job_default_watched_paths, 0};

static void register_is_refused(void **state)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
	        {"", "decode body: "},
	        {"{", "decode body: "},
	        {"[]", "decode body: "},
	        {"{\"runner_id\":1}", "decode body: "},
	        {"{}", "missing runner_id"},
	        {"{\"proto_version\":7}", "missing runner_id"},
	        {"{\"runner_id\":\"r\"}", "proto_version 0 != orchestrator 1"},
	        {"{\"runner_id\":\"r\",\"proto_version\":2}", "proto_version 2 != orchestrator 1"},
	        {"{\"runner_id\":\"r\",\"proto_version\":1,\"fangs\":{\"transport\":\"x\"}}",
	         "fangs.transport"},
	        {"{\"runner_id\":\"r\",\"proto_version\":1,\"fangs\":{\"slots\":0}}",
	         "fangs.slots"},
	        {"{\"runner_id\":\"r\",\"proto_version\":1,\"fangs\":{\"slots\":99999}}",
	         "fangs.slots"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registration r;
		struct error err = {0};

		assert_true(wire_read_register(view_of_string(cases[i].body), *state, &r, &err) <
		            0);
		assert_int_equal(err.class, ERROR_DROP);
		assert_ptr_equal(strstr(err.text, cases[i].text), err.text);
	}
}

static void register_is_read(void **state)
{
	struct registration r;

	assert_int_equal(
	        wire_read_register(VIEW_LITERAL("{\"RUNNER_id\":\"rec\",\"hostname\":\"vm\","
	                                        "\"capabilities\":[\"sensor\",\"x\"],"
	                                        "\"kernel_version\":\"6.1\",\"unknown\":[{}],"
	                                        "\"proto_version\":1} and more"),
	                           *state, &r, NULL),
	        0);
	assert_string_equal(r.runner_id, "rec");
	assert_string_equal(r.hostname, "vm");
	assert_int_equal(r.capability_count, 2);
	assert_string_equal(r.capabilities[1], "x");
	assert_string_equal(r.transport, "http");
	assert_int_equal(r.slots, 1);
	assert_string_equal(r.boot_id, "");
	assert_false(r.native);

	assert_int_equal(
	        wire_read_register(
	                VIEW_LITERAL("{\"runner_id\":\"k\",\"proto_version\":1,"
	                             "\"capabilities\":null,\"fangs\":{\"transport\":\"kafka\","
	                             "\"slots\":4,\"boot_id\":\"b\",\"version\":\"1\","
	                             "\"sensor_tier\":\"lsm\"}}"),
	                *state, &r, NULL),
	        0);
	assert_true(r.native);
	assert_string_equal(r.transport, "kafka");
	assert_int_equal(r.slots, 4);
	assert_string_equal(r.sensor_tier, "lsm");
	assert_int_equal(r.capability_count, 0);
}

static void heartbeat_is_read(void **state)
{
	static const struct {
		const char *body;
		bool good, native;
		const char *status, *boot_id;
		size_t active, finished, handed_back;
	} cases[] = {
	        {"", true, false, "", "", 0, 0, 0},
	        {"{}", true, false, "", "", 0, 0, 0},
	        {"{\"runner_id\":\"r\",\"active_run_id\":\"ab\",\"status\":\"running\"}", true,
	         false, "running", "", 1, 0, 0},
	        {"{\"active_run_id\":\"\",\"status\":null,\"events_queued\":4}", true, false, "",
	         "", 0, 0, 0},
	        {"{\"active_run_id\":\"a\",\"fangs\":{\"boot_id\":\"b\",\"active_run_ids\":"
	         "[\"a\",\"c\"],\"finished_run_ids\":[\"d\"],\"free_slots\":2}}",
	         true, true, "", "b", 2, 1, 0},
	        {"{\"status\":\"draining\",\"fangs\":{\"boot_id\":\"b\","
	         "\"handed_back_run_ids\":[\"a\",\"c\"]}}",
	         true, true, "draining", "b", 0, 0, 2},
	        {"{\"fangs\":{}}", true, true, "", "", 0, 0, 0},
	        {"{", false, false, "", "", 0, 0, 0},
	        {"{\"fangs\":{\"active_run_ids\":[1]}}", false, false, "", "", 0, 0, 0},
	        {"{\"fangs\":{\"handed_back_run_ids\":{}}}", false, false, "", "", 0, 0, 0},
	        {"{\"status\":5}", false, false, "", "", 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_heartbeat heartbeat;
		struct error err = {0};
		int rc = wire_read_heartbeat(view_of_string(cases[i].body), *state, &heartbeat,
		                             &err);

		assert_int_equal(rc == 0, cases[i].good);
		if (rc < 0) {
			assert_ptr_equal(strstr(err.text, "decode heartbeat: "), err.text);
			continue;
		}
		assert_int_equal(heartbeat.native, cases[i].native);
		assert_string_equal(heartbeat.status, cases[i].status);
		assert_string_equal(heartbeat.boot_id, cases[i].boot_id);
		assert_int_equal(heartbeat.active.count, cases[i].active);
		assert_int_equal(heartbeat.finished.count, cases[i].finished);
		assert_int_equal(heartbeat.handed_back.count, cases[i].handed_back);
	}
}

static void too_many_run_ids_are_refused(void **state)
{
	struct wire_heartbeat heartbeat;
	struct buf body;

	buf_init(&body, WIRE_HEARTBEAT_MAX_BYTES);
	buf_append_string(&body, "{\"fangs\":{\"active_run_ids\":[\"a\"");
	for (int i = 0; i < WIRE_RUN_IDS_MAX; i++)
		buf_append_string(&body, ",\"a\"");
	buf_append_string(&body, "]}}");
	assert_false(body.overflowed);
	assert_true(wire_read_heartbeat(buf_view(&body), *state, &heartbeat, NULL) < 0);
	buf_release(&body);
}

static void scan_is_filled_in(void **state)
{
	const char *target;
	struct job job;

	assert_int_equal(wire_read_scan(VIEW_LITERAL("{\"target_runner\":\"*\"}"), *state, &watched,
	                                42, &target, &job, NULL),
	                 0);
	assert_string_equal(target, "*");
	assert_string_equal(job.kind, "sensor_only");
	assert_int_equal(job.duration_ns, 10 * NS_PER_S);
	assert_int_equal(job.watched_path_count, job_default_watched_path_count);
	assert_false(run_id_is_zero(&job.run_id));
	assert_int_equal(job.dispatched_at_ns, 42);
	assert_string_equal(job.package_name, "");

	assert_int_equal(
	        wire_read_scan(VIEW_LITERAL("{\"job\":{\"KIND\":\"sandbox_scan\",\"run_id\":[1,2],"
	                                    "\"package_name\":\"p\",\"duration\":5,"
	                                    "\"watched_paths\":[{\"prefix\":\"/x/\"}],"
	                                    "\"dispatched_at\":\"0001-01-01T00:00:00Z\","
	                                    "\"sandbox\":{\"image\":\"i\"}},"
	                                    "\"target_runner\":\"r\"} trailing"),
	                       *state, &watched, 43, &target, &job, NULL),
	        0);
	assert_string_equal(job.kind, "sandbox_scan");
	assert_int_equal(job.run_id.bytes[1], 2);
	assert_int_equal(job.duration_ns, 5);
	assert_int_equal(job.watched_path_count, 1);
	assert_int_equal(job.dispatched_at_ns, 43);
	assert_true(job.has_sandbox);
	/* No package is made up from the image. */
	assert_string_equal(job.package_name, "p");
}

static void scan_is_refused(void **state)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
	        {"", "decode body: "},
	        {"{", "decode body: "},
	        {"{\"Job\":{}}", "missing target_runner"},
	        {"{\"target_runner\":\"\",\"Job\":{}}", "missing target_runner"},
	        {"{\"target_runner\":\"r\",\"Job\":{\"duration\":\"10s\"}}", "decode body: "},
	        {"{\"target_runner\":\"r\",\"Job\":{\"run_id\":\"abc\"}}", "decode body: "},
	        {"{\"target_runner\":\"r\",\"Job\":{\"run_id\":[256]}}", "decode body: "},
	        {"{\"target_runner\":\"r\",\"Job\":{\"dispatched_at\":\"now\"}}", "decode body: "},
	        {"{\"target_runner\":\"r\",\"Job\":[]}", "decode body: "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *target;
		struct error err = {0};
		struct job job;

		assert_true(wire_read_scan(view_of_string(cases[i].body), *state, &watched, 1,
		                           &target, &job, &err) < 0);
		assert_int_equal(err.class, ERROR_DROP);
		assert_ptr_equal(strstr(err.text, cases[i].text), err.text);
	}
}

#define READ_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void ids_are_quoted_as_existing_servers_do(void **state)
{
	static const struct {
		const char *text, *quoted;
	} cases[] = {
	        {"", "\"\""},
	        {"x", "\"x\""},
	        {"a\"b\\", "\"a\\\"b\\\\\""},
	        {"\a\b\t\n\v\f\r", "\"\\a\\b\\t\\n\\v\\f\\r\""},
	        {"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
	        {"\u00fc", "\"\u00fc\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;

		buf_init(&out, 256);
		wire_quote(&out, cases[i].text);
		assert_string_equal(out.data, cases[i].quoted);
	}
}

int main(void)
{
	watched.count = job_default_watched_path_count;
	const struct CMUnitTest tests[] = {
	        READ_TEST(register_is_refused),
	        READ_TEST(register_is_read),
	        READ_TEST(heartbeat_is_read),
	        READ_TEST(too_many_run_ids_are_refused),
	        READ_TEST(scan_is_filled_in),
	        READ_TEST(scan_is_refused),
	        cmocka_unit_test(ids_are_quoted_as_existing_servers_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
