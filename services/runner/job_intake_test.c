// SPDX-License-Identifier: Apache-2.0
#include "job_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID_ARRAY "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"
#define ID_TEXT "0102030405060708090a0b0c0d0e0f10"

static void ids_survive_a_malformed_job(void **state)
{
	static const struct {
		const char *text;
		const char *run_id, *canonical; /* NULL: zero */
		uint32_t attempt;
	} cases[] = {
	        {"{\"run_id\":" ID_ARRAY ",\"kind\":5}", ID_TEXT, ID_TEXT, 1},
	        {"{\"kind\":5,\"RUN_ID\":" ID_ARRAY "}", ID_TEXT, ID_TEXT, 1},
	        {"{\"run_id\":" ID_ARRAY ",\"duration\":\"x\",\"fangs\":{\"run_id\":"
	         "\"ff000000000000000000000000000000\",\"attempt\":3}}",
	         ID_TEXT, "ff000000000000000000000000000000", 3},
	        {"{\"run_id\":[1,2],\"kind\":5}", NULL, NULL, 1},
	        {"{\"run_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,256],\"kind\":5}", NULL, NULL,
	         1},
	        {"{\"run_id\":" ID_ARRAY ",\"kind\":5,\"fangs\":{\"attempt\":-1}}", ID_TEXT,
	         ID_TEXT, 1},
	        {"garbage", NULL, NULL, 1},
	        {"", NULL, NULL, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct job job;
		struct error err = {0};
		char text[RUN_ID_TEXT_SIZE];
		arena_init(&arena);
		assert_true(job_intake_read(view_of_string(cases[i].text), &arena, &job, &err) < 0);
		assert_int_equal(err.class, ERROR_DROP);
		assert_non_null(strstr(err.text, "malformed job"));
		assert_int_equal(job.attempt, cases[i].attempt);
		assert_int_equal(run_id_is_zero(&job.run_id), cases[i].run_id == NULL);
		if (cases[i].run_id) {
			run_id_format(&job.run_id, text);
			assert_string_equal(text, cases[i].run_id);
			run_id_format(&job.canonical_run_id, text);
			assert_string_equal(text, cases[i].canonical);
		}
		arena_release(&arena);
	}
}

static void a_job_of_an_existing_server_is_attempt_one(void **state)
{
	(void)state;
	static const char text[] = "{\"run_id\":" ID_ARRAY ",\"kind\":\"sandbox_scan\","
	                           "\"watched_paths\":[{\"prefix\":\"/etc/\"}],"
	                           "\"duration\":10000000000,"
	                           "\"sandbox\":{\"image\":\"node:20-slim\"}}";
	struct arena arena;
	struct job job;
	struct error err = {0};
	arena_init(&arena);
	assert_int_equal(job_intake_read(VIEW_LITERAL(text), &arena, &job, &err), 0);
	assert_int_equal(job.attempt, 1);
	assert_true(run_id_equal(&job.run_id, &job.canonical_run_id));
	assert_true(job.has_sandbox);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(ids_survive_a_malformed_job),
	        cmocka_unit_test(a_job_of_an_existing_server_is_attempt_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
