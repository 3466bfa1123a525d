// SPDX-License-Identifier: Apache-2.0
#include "control_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "json/json.h"

static void acks_are_read_with_and_without_our_members(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		struct registration_ack ack;
	} cases[] = {
	        {"{\"ok\":true,\"orchestrator_id\":\"x\",\"job_poll_interval\":5000000000,"
	         "\"heartbeat_interval\":30000000000}\n",
	         true,
	         {5000, 30000, -1, false}},
	        {"{\"OK\":true,\"job_poll_interval\":1000000,\"heartbeat_interval\":0,"
	         "\"fangs\":{\"jobs_partition\":7}}",
	         true,
	         {1, 30000, 7, true}},
	        {"{\"ok\":true,\"fangs\":{\"jobs_partition\":-3}}", true, {5000, 30000, -1, true}},
	        {"{\"ok\":true,\"fangs\":{}}", true, {5000, 30000, -1, true}},
	        {"{\"ok\":true,\"heartbeat_interval\":1000000}", true, {5000, 100, -1, false}},
	        {"{\"ok\":false}", false, {0}},
	        {"<html>", false, {0}},
	        {"", false, {0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registration_ack ack = {0};
		struct error err = {0};
		int r = registration_ack_read(view_of_string(cases[i].text), &ack, &err);
		assert_int_equal(r == 0, cases[i].ok);
		if (!cases[i].ok) {
			assert_int_equal(err.class, ERROR_RETRY);
			continue;
		}
		assert_int_equal(ack.poll_interval_ms, cases[i].ack.poll_interval_ms);
		assert_int_equal(ack.heartbeat_interval_ms, cases[i].ack.heartbeat_interval_ms);
		assert_int_equal(ack.jobs_partition, cases[i].ack.jobs_partition);
		assert_int_equal(ack.ours, cases[i].ack.ours);
	}
}

static void a_registration_names_what_servers_check(void **state)
{
	(void)state;
	const struct registration registration = {.runner_id = "r\"1",
	                                          .transport = "http",
	                                          .boot_id = "ab",
	                                          .sensor_tier = "tracepoint",
	                                          .slots = 2};
	AUTO(buf) struct buf out;
	buf_init(&out, HEARTBEAT_MAX_BYTES);
	registration_write(&out, &registration);
	struct error err = {0};
	AUTO(json) struct json *root = json_parse(buf_view(&out), true, &err);
	assert_non_null(root);
	assert_string_equal(json_string(json_get(root, "runner_id"), ""), "r\"1");
	assert_int_equal(json_int(json_get(root, "proto_version"), 0), 1);
	assert_true(json_string(json_get(root, "kernel_version"), "")[0] != '\0');
	const struct json *ours = json_get(root, "fangs");
	assert_int_equal(json_int(json_get(ours, "slots"), 0), 2);
	assert_string_equal(json_string(json_get(ours, "boot_id"), ""), "ab");
}

static void the_longest_heartbeat_fits(void **state)
{
	(void)state;
	struct heartbeat heartbeat = {.runner_id = "a-runner-with-quite-a-long-name.example.net",
	                              .boot_id = "0123456789abcdef0123456789abcdef",
	                              .slots = HEARTBEAT_IDS_MAX,
	                              .active.count = HEARTBEAT_IDS_MAX,
	                              .finished.count = HEARTBEAT_IDS_MAX,
	                              .handed_back.count = HEARTBEAT_IDS_MAX};
	AUTO(buf) struct buf out;
	buf_init(&out, HEARTBEAT_MAX_BYTES);
	heartbeat_write(&out, &heartbeat);
	assert_false(out.overflowed);
}

static void a_heartbeat_tells_the_state(void **state)
{
	static const struct {
		size_t active;
		bool draining;
		const char *status;
	} cases[] = {{0, false, "idle"}, {1, false, "running"}, {1, true, "draining"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct heartbeat heartbeat = {.runner_id = "r",
		                                    .boot_id = "b",
		                                    .slots = 2,
		                                    .active = {{{{0xab}}}, cases[i].active},
		                                    .handed_back = {{{{0xcd}}}, 1},
		                                    .draining = cases[i].draining};
		AUTO(buf) struct buf out;
		buf_init(&out, HEARTBEAT_MAX_BYTES);
		heartbeat_write(&out, &heartbeat);
		AUTO(json) struct json *root = json_parse(buf_view(&out), true, NULL);
		assert_string_equal(json_string(json_get(root, "status"), ""), cases[i].status);
		assert_string_equal(json_string(json_get(root, "active_run_id"), "none"),
		                    cases[i].active ? "ab000000000000000000000000000000" : "none");
		const struct json *ours = json_get(root, "fangs");
		assert_int_equal(json_int(json_get(ours, "free_slots"), -1), 2 - cases[i].active);
		assert_int_equal(json_count(json_get(ours, "active_run_ids")), cases[i].active);
		assert_int_equal(json_count(json_get(ours, "finished_run_ids")), 0);
		const struct json *handed_back = json_get(ours, "handed_back_run_ids");
		assert_int_equal(json_count(handed_back), 1);
		assert_string_equal(json_string(json_first(handed_back), ""),
		                    "cd000000000000000000000000000000");
	}
}

static void answers_are_read(void **state)
{
	(void)state;
	struct heartbeat_answer answer;
	struct error err = {0};
	assert_int_equal(heartbeat_answer_read(VIEW_LITERAL("{\"ok\":true}\n"), &answer, &err), 0);
	assert_false(answer.unknown_runner);
	assert_int_equal(answer.cancel.count, 0);

	assert_int_equal(
	        heartbeat_answer_read(VIEW_LITERAL("{\"ok\":false,\"unknown_runner\":true}"),
	                              &answer, &err),
	        0);
	assert_true(answer.unknown_runner);

	static const char cancel[] = "{\"ok\":true,\"fangs\":{\"cancel_run_ids\":[\"nonsense\",7,"
	                             "\"18b20000000000000000000000000001\"]}}";
	assert_int_equal(heartbeat_answer_read(VIEW_LITERAL(cancel), &answer, &err), 0);
	assert_int_equal(answer.cancel.count, 1);
	assert_int_equal(answer.cancel.items[0].bytes[0], 0x18);

	assert_true(heartbeat_answer_read(VIEW_LITERAL("nope"), &answer, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(acks_are_read_with_and_without_our_members),
	        cmocka_unit_test(a_registration_names_what_servers_check),
	        cmocka_unit_test(the_longest_heartbeat_fits),
	        cmocka_unit_test(a_heartbeat_tells_the_state),
	        cmocka_unit_test(answers_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
