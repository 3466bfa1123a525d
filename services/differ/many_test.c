// SPDX-License-Identifier: Apache-2.0
/* More deviations than are handled at once, on a real database: needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "differ_expect.h"
#include "writer.h"

enum { MANY = 2 * DEVIATIONS_AT_ONCE + 1, EVENTS = 50, NAME_MAX_BYTES = 32 };

/* Connects to as many hosts, not consumed yet. Returns the last batch's number. */
static uint64_t connect_to_many(struct differ_fixture *f, const struct run_id *run_id)
{
	uint64_t seq = 0;
	for (unsigned host = 0; host < MANY; host += EVENTS) {
		char names[EVENTS][NAME_MAX_BYTES];
		struct event events[EVENTS];
		size_t count = 0;
		for (; count < EVENTS && host + count < MANY; count++) {
			(void)snprintf(names[count], NAME_MAX_BYTES, "h%zu.test", host + count);
			events[count] = differ_fixture_connect(names[count], 9, 443, ACTOR_PACKAGE);
		}
		differ_fixture_batch(f, run_id, 1, ++seq, events, count);
	}
	return seq;
}

static void expect_many(struct differ_fixture *f, const char *severity, int64_t messages)
{
	char sql[512];
	(void)snprintf(sql, sizeof(sql),
	               "SELECT count(*) FROM deviations WHERE severity = '%s'"
	               " AND value LIKE 'h%%.test:443'",
	               severity);
	differ_expect_number(f, sql, MANY);
	(void)snprintf(sql, sizeof(sql),
	               "SELECT count(DISTINCT value ->> 'value') FROM (SELECT"
	               " convert_from(value, 'UTF8')::jsonb AS value FROM outbox) AS messages"
	               " WHERE value ->> 'type' = 'deviation' AND value ->> 'severity' = '%s'"
	               " AND value ->> 'value' LIKE 'h%%'",
	               severity);
	differ_expect_number(f, sql, MANY);
	differ_expect_number(f,
	                     "SELECT count(*) FROM outbox WHERE"
	                     " convert_from(value, 'UTF8')::jsonb ->> 'type' = 'deviation'",
	                     messages);
}

static void each_is_reported_once_and_raised_once(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	uint64_t seq = connect_to_many(f, &run);
	differ_fixture_drain(f);
	expect_many(f, "warn", MANY);
	differ_fixture_give(f, &run, seq + 1, differ_fixture_read("/root/.npmrc"));
	expect_many(f, "crit", 2 * MANY + 1);
	struct run_result ok = differ_fixture_ok(seq + 1);
	differ_fixture_result(f, &run, 1, &ok);
	differ_fixture_drain(f);
	expect_many(f, "crit", 2 * MANY + 1);
	differ_expect_run(f, &run, "done|judged|deviates|t|f|");
}

static void the_end_reports_what_streaming_could_not(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	uint64_t seq = connect_to_many(f, &run);
	differ_fixture_drain(f);
	differ_expect_number(f, "SELECT count(*) FROM deviations", 0); /* no baseline yet */
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_result ok = differ_fixture_ok(seq);
	differ_fixture_result(f, &run, 1, &ok);
	differ_fixture_drain(f);
	expect_many(f, "warn", MANY);
	differ_expect_run(f, &run, "done|judged|deviates|t|f|");
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        DIFFER_CASE(each_is_reported_once_and_raised_once),
	        DIFFER_CASE(the_end_reports_what_streaming_could_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
