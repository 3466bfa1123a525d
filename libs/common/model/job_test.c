// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "model/job.h"
#include "model/model_fixture.h"
#include "json/json.h"

enum { JSON_MAX = 64 * 1024 };

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

static void assert_json(const struct job *job, bool with_fangs, const char *expected)
{
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	job_write_json(&out, job, with_fangs);
	assert_string_equal(out.data, expected);
}

/* A recorded answer to a poll, without the newline that the HTTP side adds. */
static char *recorded_job(const char *name)
{
	char *text = model_fixture_member(name, "resp");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void recorded_jobs_are_written_byte_for_byte(void **state)
{
	(void)state;
	static const char *const names[] = {"job-1.0.0.json", "job-1.0.1.json"};
	for (size_t i = 0; i < 2; i++) {
		AUTO(free) char *recorded = recorded_job(names[i]);
		struct job job;
		assert_int_equal(job_read_json(view_of_string(recorded), &arena, &job, NULL), 0);
		assert_json(&job, false, recorded);
	}
}

static void a_job_of_our_own_equals_the_recorded_one(void **state)
{
	(void)state;
	AUTO(free) char *recorded = recorded_job("job-1.0.0.json");
	static const char script[] =
	        "cd /tmp && mkdir -p test && cd test && npm init -y >/dev/null 2>&1 && npm install "
	        "--registry http://172.17.0.1:4873 delta-demo@1.0.0 2>&1 | tail -3; sleep 2";
	const char *command[] = {"sh", "-c", script};
	struct job job;
	assert_int_equal(job_default_scan(&arena, "delta-demo", "1.0.0", NULL, &job, NULL), 0);
	assert_true(run_id_parse(VIEW_LITERAL("18ea77726e3736a80000000000000000"), &job.run_id));
	assert_true(clock_parse_rfc3339(VIEW_LITERAL("2026-11-22T20:18:54.819653388Z"),
	                                &job.dispatched_at_ns));
	job.sandbox.command = command;
	job.sandbox.network_mode = NULL;
	job.sandbox.pull_policy = NULL;
	assert_json(&job, false, recorded);
}

static void the_default_scan_is_the_documented_one(void **state)
{
	(void)state;
	struct job job;
	assert_int_equal(
	        job_default_scan(&arena, "@a/b", "1.2.3", "http://127.0.0.1:4873/", &job, NULL), 0);
	assert_string_equal(job.sandbox.command[2],
	                    "cd /tmp && mkdir -p test && cd test && npm init -y >/dev/null 2>&1 && "
	                    "npm install @a/b@1.2.3 2>&1 | tail -3; sleep 2; "
	                    "[ -e node_modules/@a/b/package.json ]");
	assert_int_equal(job.sandbox.env_count, 1);
	assert_string_equal(job.sandbox.env[0], "npm_config_registry=http://127.0.0.1:4873/");
	assert_string_equal(job.kind, "sandbox_scan");
	assert_string_equal(job.sandbox.image, "node:20-slim");
	assert_string_equal(job.sandbox.user, "0:0");
	assert_true(job.duration_ns == INT64_C(60000000000));
	assert_true(job.sandbox.grace_period_ns == INT64_C(2000000000));
	assert_int_equal(job.watched_path_count, 14);
	struct error err = {0};
	assert_true(job_default_scan(&arena, "a;b", "1.2.3", NULL, &job, &err) < 0);
	assert_string_equal(err.text, "'a;b' is not an npm package name");
	assert_int_equal(err.class, ERROR_DROP);
	assert_true(job_default_scan(&arena, "a", "latest", NULL, &job, &err) < 0);
}

static const char full_job[] =
        "{\"run_id\":[1,2,3,0,0,0,0,0,0,0,0,0,0,0,0,0],\"kind\":\"sandbox_scan\","
        "\"package_name\":\"p\",\"version\":\"1.0.0\",\"cgroup_path\":\"/sys/fs/cgroup/x\","
        "\"watched_paths\":[{\"prefix\":\"/etc/\"},{\"prefix\":\"/k\",\"cred_tagged\":true}],"
        "\"duration\":1,\"dispatched_at\":\"0001-01-01T00:00:00Z\",\"sandbox\":{\"image\":\"i\","
        "\"command\":[\"a\",\"\"],\"env\":{\"A\":\"1\",\"AB\":\"=2\",\"B\":\"\"},"
        "\"working_dir\":\"/w\",\"user\":\"u\",\"network_mode\":\"none\",\"memory_bytes\":2,"
        "\"nano_cpus\":3,\"pids_limit\":4,\"pull_policy\":\"never\",\"grace_period\":5,"
        "\"cgroup_parent\":\"/c\"}";

static void every_field_goes_both_ways(void **state)
{
	(void)state;
	AUTO(free) char *plain = xasprintf("%s}", full_job);
	AUTO(free)
	char *with_fangs = xasprintf(
	        "%s,\"fangs\":{\"run_id\":\"00000000000000000000000000000009\",\"attempt\":2,"
	        "\"lease_expires_at\":\"2026-11-22T20:18:54Z\",\"runner_id\":\"r1\"}}",
	        full_job);
	struct job job;
	assert_int_equal(job_read_json(view_of_string(plain), &arena, &job, NULL), 0);
	assert_json(&job, false, plain);
	assert_int_equal(job.attempt, 1);
	assert_true(run_id_equal(&job.canonical_run_id, &job.run_id));
	assert_int_equal(job_read_json(view_of_string(with_fangs), &arena, &job, NULL), 0);
	assert_json(&job, true, with_fangs);
	assert_json(&job, false, plain);
	assert_int_equal(job.attempt, 2);
	assert_int_equal(job.canonical_run_id.bytes[15], 9);
	assert_string_equal(job.runner_id, "r1");
}

static void the_cli_request_is_understood(void **state)
{
	(void)state;
	AUTO(json)
	struct json *body = json_parse(
	        VIEW_LITERAL(
	                "{\"Job\":{\"run_id\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"
	                "\"kind\":\"sandbox_scan\",\"package_name\":\"p\",\"version\":\"1.0.0\","
	                "\"watched_paths\":null,\"duration\":60000000000,"
	                "\"dispatched_at\":\"0001-01-01T00:00:00Z\","
	                "\"sandbox\":{\"image\":\"node:20-slim\"}},\"target_runner\":\"r\"}"),
	        true, NULL);
	struct job job;
	assert_int_equal(job_read(json_get_ci(body, "job"), &arena, &job, NULL), 0);
	assert_true(run_id_is_zero(&job.run_id));
	assert_true(job.duration_ns == INT64_C(60000000000));
	assert_true(job.dispatched_at_ns == INT64_MIN);
	assert_int_equal(job.watched_path_count, 0);
	assert_true(job.has_sandbox);
	struct error err = {0};
	assert_true(job_read(json_get(body, "nothing"), &arena, &job, &err) < 0);
	assert_int_equal(err.class, ERROR_DROP);
}

static void reading_is_lenient_as_existing_servers_are(void **state)
{
	(void)state;
	static const char text[] =
	        "{\"RUN_ID\":[1,2,3],\"KIND\":\"x\",\"kind\":\"y\",\"package_name\":null,"
	        "\"unknown\":{\"a\":[1]},\"duration\":null,\"sandbox\":null,"
	        "\"dispatched_at\":\"2026-11-22T15:10:47.72796503-05:00\"} trailing";
	struct job job;
	assert_int_equal(job_read_json(view_of_string(text), &arena, &job, NULL), 0);
	assert_memory_equal(job.run_id.bytes, "\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_string_equal(job.kind, "y");
	assert_string_equal(job.package_name, "");
	assert_false(job.has_sandbox);
	char time[CLOCK_TEXT_MAX];
	clock_format_rfc3339(job.dispatched_at_ns, time, sizeof(time));
	assert_string_equal(time, "2026-11-22T20:10:47.72796503Z");
	static const char cut[] = "{\"run_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]}";
	assert_int_equal(job_read_json(view_of_string(cut), &arena, &job, NULL), 0);
	assert_int_equal(job.run_id.bytes[15], 16);
}

static void bad_jobs_say_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} cases[] = {
	        {"", "unexpected end at offset 0"},
	        {"[]", "expected an object at offset 0"},
	        {"{\"run_id\":\"00\"}", "run_id: expected an array at offset 10"},
	        {"{\"run_id\":[256]}", "run_id: number out of range at offset 11"},
	        {"{\"duration\":\"60s\"}", "duration: expected a number at offset 12"},
	        {"{\"duration\":1.5}", "duration: expected an integer at offset 12"},
	        {"{\"dispatched_at\":\"now\"}",
	         "dispatched_at: expected an RFC 3339 time at offset 17"},
	        {"{\"kind\":\"a\\u0000\"}", "kind: a string must not hold U+0000 at offset 8"},
	        {"{\"watched_paths\":[{\"prefix\":\"etc\"}]}",
	         "watched_paths: prefix must be an absolute path of at most 256 bytes at offset "
	         "18"},
	        {"{\"watched_paths\":[{}]}", "watched_paths: prefix must be an absolute path of at "
	                                     "most 256 bytes at offset 18"},
	        {"{\"sandbox\":{\"command\":[1]}}",
	         "sandbox: command: expected a string at offset 23"},
	        {"{\"sandbox\":{\"env\":[]}}", "sandbox: env: expected an object at offset 18"},
	        {"{\"fangs\":{\"run_id\":\"x\"}}",
	         "fangs: run_id: expected 32 hexadecimal digits at offset 19"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job job;
		struct error err = {0};
		assert_true(job_read_json(view_of_string(cases[i].json), &arena, &job, &err) < 0);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

/* `before`, `item` so many times with commas between, `after`. */
static char *repeated(const char *before, const char *item, size_t count, const char *after)
{
	struct buf text;
	buf_init(&text, JSON_MAX);
	buf_append_string(&text, before);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? "," : "", item);
	buf_append_string(&text, after);
	return buf_detach(&text);
}

static void lists_are_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *before, *item, *after;
		size_t max;
	} cases[] = {
	        {"{\"watched_paths\":[", "{\"prefix\":\"/\"}", "]}", JOB_WATCHED_PATHS_MAX},
	        {"{\"sandbox\":{\"command\":[", "\"x\"", "]}}", JOB_COMMAND_MAX},
	        {"{\"sandbox\":{\"env\":{", "\"x\":\"\"", "}}}", JOB_ENV_MAX},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job job;
		AUTO(free)
		char *most = repeated(cases[i].before, cases[i].item, cases[i].max, cases[i].after);
		AUTO(free)
		char *more =
		        repeated(cases[i].before, cases[i].item, cases[i].max + 1, cases[i].after);
		assert_int_equal(job_read_json(view_of_string(most), &arena, &job, NULL), 0);
		assert_true(job_read_json(view_of_string(more), &arena, &job, NULL) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(recorded_jobs_are_written_byte_for_byte),
	        cmocka_unit_test(a_job_of_our_own_equals_the_recorded_one),
	        cmocka_unit_test(the_default_scan_is_the_documented_one),
	        cmocka_unit_test(every_field_goes_both_ways),
	        cmocka_unit_test(the_cli_request_is_understood),
	        cmocka_unit_test(reading_is_lenient_as_existing_servers_are),
	        cmocka_unit_test(bad_jobs_say_what_is_wrong),
	        cmocka_unit_test(lists_are_bounded),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
